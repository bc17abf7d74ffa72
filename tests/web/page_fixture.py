# SPDX-License-Identifier: Apache-2.0
"""The program serving the demo model, and a browser that looks at its page."""

import os
import re
import shutil
import subprocess

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

DEADLINE = 60  # seconds; only a hang reaches it

# The model's answer is arguments[0], its reasoning arguments[1]; other requests reach the server.
SCRIPTED_ANSWER = """
const [text, reasoning] = arguments;
const server = window.fetch;
window.fetch = (path, options) => {
  if (path !== "v1/chat/completions") return server(path, options);
  const chunks = [{reasoning_content: reasoning}, ...text.match(/[^]{1,3}/g).map((content) => ({content}))];
  const events = chunks.map((delta) => `data: ${JSON.stringify({choices: [{delta}]})}\\r\\n\\r\\n`);
  return Promise.resolve(new Response(`: ping\\n\\n${events.join("")}data: [DONE]\\n\\n`));
};
"""

# Adds arguments[0] to each chat request and keeps what is sent in window.sent.
REQUEST_TAP = """
const [more] = arguments;
const server = window.fetch;
window.sent = [];
window.fetch = (path, options) => {
  if (path !== "v1/chat/completions") return server(path, options);
  const request = {...JSON.parse(options.body), ...more};
  window.sent.push(request);
  return server(path, {...options, body: JSON.stringify(request)});
};
"""


def is_missing():
    """What the tests need and is not installed; empty if nothing."""
    return [program for program in ("chromium", "chromedriver") if shutil.which(program) is None]


class Server:
    """metal-marlin serve, on a port of its own."""

    def __init__(self, program, *arguments):
        self._process = subprocess.Popen(
            [program, "serve", "--port", "0", "--no-access-log", *arguments], stderr=subprocess.PIPE, text=True)
        self.address = re.search(r"http://[\d.:]+", self._process.stderr.readline())[0]

    def stop(self):
        self._process.terminate()
        self._process.communicate(timeout=DEADLINE)


def start_browser():
    options = webdriver.ChromeOptions()
    options.add_argument("--headless=new")
    options.add_argument("--disable-dev-shm-usage")
    options.add_argument("--window-size=1280,900")
    options.add_argument("--force-prefers-reduced-motion")  # or clicks miss what is still moving
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # which root cannot have
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)


class Page:
    """The page of a server as its user sees it; opened anew, set to answers that are sure and short."""

    def __init__(self, browser, address):
        self.browser = browser
        browser.get(address)
        browser.execute_script("sessionStorage.clear(); localStorage['metal-marlin.settings'] = arguments[0]",
                               '{"temperature": "0", "max_tokens": "100"}')
        browser.get_log("browser")
        browser.get(address)

    def one(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def text_of(self, selector):
        return self.one(selector).get_attribute("textContent")

    def focused(self):
        """The id of the element that has the focus."""
        return self.browser.switch_to.active_element.get_attribute("id")

    def run(self, script, *arguments):
        return self.browser.execute_script(script, *arguments)

    def wait_until(self, condition, what):
        WebDriverWait(self.browser, DEADLINE, poll_frequency=0.05).until(lambda _: condition(), what)

    def is_answering(self):
        return self.one("#stop").is_displayed()

    def send(self, text):
        self.one("#prompt").send_keys(text, Keys.ENTER)

    def ask(self, text):
        """Sends `text` and waits for the end of the answer, which is returned."""
        n_answers = len(self.all(".answer"))
        self.send(text)
        self.wait_until(lambda: len(self.all(".answer")) == n_answers + 1 and not self.is_answering(), "an answer")
        return self.all(".answer")[-1]

    def fill(self, name, text):
        field = self.one(f"#settings [name={name}]")
        field.clear()
        field.send_keys(text, Keys.TAB)

    def value(self, name):
        return self.one(f"#settings [name={name}]").get_property("value")

    def console_errors(self):
        return [entry["message"] for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"]
