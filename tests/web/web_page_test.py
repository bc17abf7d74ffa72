# SPDX-License-Identifier: Apache-2.0
"""The web page in a browser, with the demo model behind it.

usage: web_page_test.py PROGRAM [unittest's options]

Exit status 77 if a package is missing, which CTest shows as skipped; where CI is "true" that is a failure.
"""

import os
import re
import sys
import unittest
import urllib.request

try:
    import page_fixture
    from page_fixture import Page, Server
    MISSING = page_fixture.is_missing()
except ImportError as error:
    MISSING = [str(error)]

HOSTILE = """<script>window.hacked = 1</script> <img src=x onerror="window.hacked = 2">

**bold <b>b</b>** and `code <i>i</i>` and [link](javascript:window.hacked=3) and **open

```html
<svg onload="window.hacked = 4">
```
- item <iframe src="javascript:parent.hacked=5"></iframe>
"""


class WebPageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(PROGRAM)
        cls.addClassCleanup(cls.server.stop)
        cls.browser = page_fixture.start_browser()
        cls.addClassCleanup(cls.browser.quit)

    def open(self):
        return Page(self.browser, self.server.address)

    def metric(self, name):
        with urllib.request.urlopen(f"{self.server.address}/metrics") as response:
            return float(re.search(rf"^metal_marlin_{name}.* (\S+)$", response.read().decode(), re.M)[1])

    def test_loads_without_complaint_and_names_the_model(self):
        page = self.open()
        page.wait_until(lambda: page.text_of("#model") == "demo", "the model's name")
        self.assertEqual(page.text_of("#context"), "4,096 tokens of context")
        self.assertEqual(page.focused(), "prompt")
        self.assertEqual(page.console_errors(), [])

    def test_an_answer_streams_in_with_its_reasoning_folded_and_its_speed(self):
        page = self.open()
        answer = page.ask("What is 12 + 7?")
        self.assertIn("19", page.text_of(".answer .text"))
        self.assertEqual(page.text_of(".question"), "What is 12 + 7?")
        self.assertRegex(page.text_of(".answer summary"), r"^Thought for \d+\.\d s$")
        self.assertFalse(page.one(".reasoning p").is_displayed())
        page.one(".reasoning summary").click()
        self.assertTrue(page.one(".reasoning p").is_displayed())
        speed = page.text_of(".speed").replace("\u00a0", " ")
        self.assertRegex(speed, r"^\d+ tokens · [\d.]+ tokens/s · first after [\d.]+ s · prompt \d+")
        self.assertTrue(answer.is_displayed())
        self.assertEqual(page.console_errors(), [])

    def test_shift_enter_begins_a_new_line(self):
        page = self.open()
        prompt = page.one("#prompt")
        prompt.send_keys("one", page_fixture.Keys.SHIFT + page_fixture.Keys.ENTER)
        self.assertEqual(prompt.get_property("value"), "one\n")
        self.assertEqual(page.all(".question"), [])

    def test_stopping_makes_the_server_stop_and_keeps_what_there_is(self):
        page = self.open()
        page.run(page_fixture.REQUEST_TAP, {"ignore_eos": True, "max_tokens": 4000})  # or it is over too soon
        aborted = self.metric('request_success_total.*"abort"')
        page.send("Tell me a story about a fox and a lamp.")
        page.wait_until(lambda: page.text_of(".answer .reasoning p") != "", "the beginning of an answer")
        page.one("#stop").click()
        page.wait_until(lambda: not page.is_answering(), "the end")
        self.assertNotEqual(page.text_of(".reasoning p"), "")
        self.assertIn("stopped", page.text_of(".speed"))
        page.wait_until(lambda: self.metric('request_success_total.*"abort"') == aborted + 1, "the server to stop")

    def test_regenerating_replaces_the_last_answer(self):
        page = self.open()
        page.run(page_fixture.REQUEST_TAP, {})
        page.ask("What is 2 + 3?")
        page.ask("What is the opposite of warm?")
        page.all(".again")[-1].click()
        page.wait_until(lambda: page.run("return sent.length") == 3 and not page.is_answering(), "another answer")
        self.assertEqual(len(page.all(".answer")), 2)
        self.assertEqual(page.run("return sent[2].messages"), page.run("return sent[1].messages"))
        self.assertEqual([message["role"] for message in page.run("return sent[2].messages")],
                         ["user", "assistant", "user"])

    def test_a_new_chat_forgets(self):
        page = self.open()
        page.run(page_fixture.REQUEST_TAP, {})
        page.ask("What is 2 + 3?")
        page.one("#new-chat").click()
        self.assertEqual(page.all("article"), [])
        page.ask("What is 4 + 3?")
        self.assertEqual(page.run("return sent[1].messages"), [{"role": "user", "content": "What is 4 + 3?"}])

    def test_settings_are_sent_and_outlive_a_reload(self):
        page = self.open()
        settings = {"system": "Be brief.", "temperature": "0.5", "top_k": "20", "max_tokens": "7", "seed": "3"}
        for name, text in settings.items():
            page.fill(name, text)
        page.fill("top_p", "7")  # impossible, so it is not sent
        self.browser.refresh()
        for name, text in settings.items():
            self.assertEqual(page.value(name), text)
        page.run(page_fixture.REQUEST_TAP, {})
        page.ask("What is 2 + 3?")
        sent = page.run("return sent[0]")
        self.assertEqual(sent["messages"][0], {"role": "system", "content": "Be brief."})
        self.assertEqual({name: sent.get(name) for name in ("temperature", "top_k", "top_p", "max_tokens", "seed")},
                         {"temperature": 0.5, "top_k": 20, "top_p": None, "max_tokens": 7, "seed": 3})
        self.assertIn("cut off", page.text_of(".speed").replace("\u00a0", " "))
        page.one("#reset").click()
        self.browser.refresh()
        self.assertEqual([page.value(name) for name in ("system", "temperature")], ["Be brief.", ""])

    def test_what_a_model_writes_never_becomes_markup(self):
        page = self.open()
        page.run(page_fixture.SCRIPTED_ANSWER, HOSTILE, "<img src=x onerror='window.hacked = 6'>")
        page.ask("<img src=x onerror='window.hacked = 7'>")
        self.assertEqual(page.all(".log script, .log img, .log svg, .log b, .log i, .log a, .log iframe"), [])
        self.assertIsNone(page.run("return window.hacked ?? null"))
        self.assertEqual(page.text_of(".text p"), HOSTILE.split("\n", maxsplit=1)[0])
        self.assertEqual(page.text_of(".text strong"), "bold <b>b</b>")
        self.assertEqual(page.text_of(".text p code"), "code <i>i</i>")
        self.assertTrue(page.all(".text p")[1].get_attribute("textContent").endswith("and **open"))
        self.assertEqual(page.text_of(".text pre"), '<svg onload="window.hacked = 4">')
        self.assertEqual(page.text_of(".text li"), 'item <iframe src="javascript:parent.hacked=5"></iframe>')
        self.assertEqual(page.text_of(".reasoning p"), "<img src=x onerror='window.hacked = 6'>")
        self.assertEqual(page.console_errors(), [])

    def test_errors_are_told_in_words_and_one_can_try_again(self):
        page = self.open()
        page.run("document.getElementById('prompt').value = 'word '.repeat(9000)")
        page.ask("!")
        self.assertRegex(page.text_of(".problem"), r"\d+ tokens")
        self.assertEqual(page.text_of(".again"), "Try again")
        page.run("window.fetch = () => Promise.reject(new TypeError('Failed to fetch'))")
        page.one(".again").click()
        page.wait_until(lambda: "cannot be reached" in page.text_of(".problem"), "the other problem")

    def test_metrics_are_shown_while_somebody_looks(self):
        page = self.open()
        page.wait_until(lambda: all(value.text not in ("", "–") for value in page.all(".gauge dd")), "numbers")
        labels = [label.text for label in page.all(".gauge dt")]
        self.assertEqual(labels, ["Running", "Waiting", "KV cache", "Tokens/s"])
        page.ask("What is 12 + 7?")
        line = ".gauge:last-child .line"
        page.wait_until(lambda: len(set(re.findall(r" ([\d.]+)", page.one(line).get_attribute("d")))) > 1, "a graph")
        page.run("Object.defineProperty(document, 'hidden', {get: () => window.isHidden}); window.isHidden = true;"
                 "document.dispatchEvent(new Event('visibilitychange'));"
                 "const server = window.fetch; window.asked = 0;"
                 "window.fetch = (...request) => { window.asked += 1; return server(...request); };")
        self.browser.set_script_timeout(page_fixture.DEADLINE)
        self.browser.execute_async_script("setTimeout(arguments[0], 2500)")
        self.assertEqual(page.run("return asked"), 0)
        page.run("window.isHidden = false; document.dispatchEvent(new Event('visibilitychange'))")
        page.wait_until(lambda: page.run("return asked") > 1, "metrics again")

    def test_a_server_with_keys_is_asked_with_one(self):
        server = Server(PROGRAM, "--api-key", "the-key")
        self.addCleanup(server.stop)
        page = Page(self.browser, server.address)
        page.wait_until(lambda: page.one("#key-note").is_displayed(), "the page to ask for a key")
        self.assertEqual(page.text_of("#key-note"), "This server asks for an API key.")
        page.ask("What is 12 + 7?")
        self.assertIn("wants an API key", page.text_of(".problem"))
        page.fill("api_key", "another")
        page.wait_until(lambda: "does not know" in page.text_of("#key-note"), "the key to be refused")
        page.fill("api_key", "the-key")
        page.wait_until(lambda: page.text_of("#model") == "demo", "the model's name")
        self.assertFalse(page.one("#key-note").is_displayed())
        page.wait_until(lambda: not page.one("#metrics-note").is_displayed(), "metrics")
        page.one(".again").click()
        page.wait_until(lambda: "19" in page.text_of(".answer .text"), "the answer")
        self.assertNotIn("the-key", page.run("return JSON.stringify(localStorage)"))
        self.browser.refresh()
        self.assertEqual(page.value("api_key"), "the-key")

    def test_fits_a_phone_with_the_panel_behind_a_button(self):
        page = self.open()
        size = {"width": 375, "height": 700, "deviceScaleFactor": 2, "mobile": True}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.addCleanup(self.browser.execute_cdp_cmd, "Emulation.clearDeviceMetricsOverride", {})
        page.ask("word" * 100)
        self.assertLessEqual(page.run("return document.documentElement.scrollWidth"), 375)
        self.assertFalse(page.one("#settings").is_displayed())
        page.one("#open-panel").click()
        page.wait_until(lambda: page.one("#settings").is_displayed(), "the panel")
        self.assertEqual(page.focused(), "close-panel")
        page.one("#close-panel").click()
        page.wait_until(lambda: not page.one("#settings").is_displayed(), "the panel to go")
        self.assertEqual(page.focused(), "open-panel")


if __name__ == "__main__":
    if MISSING:
        print(f"web_page_test: not installed: {', '.join(MISSING)}; ./dev test installs them", file=sys.stderr)
        sys.exit(1 if os.environ.get("CI") == "true" else 77)
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2)
