// SPDX-License-Identifier: Apache-2.0
// The conversation as elements, and the box in which one writes. Follows the answer that grows as long as the reader
// is at the end of it.
import { byId, element } from "./dom.js";
import { renderMarkdown } from "./markdown.js";

/** `text` as one word for line breaking. */
function unbroken(text) {
  return text.replaceAll(" ", "\u00a0");
}

/** One answer: what was thought, what is said, how fast it came. */
class AnswerView {
  #summary = element("summary", {}, "Thinking");
  #thoughts = element("p");
  #reasoning = element("details", { className: "reasoning", hidden: true }, this.#summary, this.#thoughts);
  #text = element("div", { className: "text" });
  #problem = element("p", { className: "problem", hidden: true });
  #speed = element("span", { className: "speed" });
  #copy = element("button", { type: "button", className: "quiet", textContent: "Copy" });
  #again = element("button", { type: "button", className: "quiet again", textContent: "Regenerate" });
  #foot = element("footer", { hidden: true }, this.#copy, this.#again, this.#speed);
  #follow;
  #frame = 0;
  root = element("article", { className: "answer pending", ariaLabel: "Answer" }, this.#reasoning, this.#text,
                 this.#problem, this.#foot);

  constructor(onAgain, follow) {
    this.#follow = follow;
    this.#again.addEventListener("click", onAgain);
  }

  /** Shows what there is, with the next frame. */
  update(answer, clock) {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#render(answer, clock));
  }

  fail(message) {
    this.#problem.textContent = message;
    this.#problem.hidden = false;
    this.#again.textContent = "Try again";
    this.root.classList.add("failed");
  }

  /** `ending`: words for an answer that did not come to its own end, else "". */
  finish(answer, clock, ending) {
    cancelAnimationFrame(this.#frame);
    this.#render(answer, clock);
    this.root.classList.remove("pending", "thinking");
    this.#summary.textContent = `Thought for ${clock.reasoningSeconds.toFixed(1)} s`;
    this.#reasoning.open ||= answer.content === "";  // there is nothing else to read
    this.#speed.textContent = [...clock.describe(), ending].filter((part) => part !== "").map(unbroken).join(" · ");
    this.#copy.hidden = answer.content === "" || !navigator.clipboard;  // browsers have it on secure pages only
    this.#copy.addEventListener("click", () => this.#copyText(answer.content));
    this.#foot.hidden = false;
    this.#follow();
  }

  #render(answer, clock) {
    this.#frame = 0;
    const thought = answer.reasoning_content.trim();
    const isThinking = thought !== "" && answer.content === "";
    this.#reasoning.hidden = thought === "";
    this.#thoughts.textContent = thought;
    this.#summary.textContent = isThinking ? "Thinking" : `Thought for ${clock.reasoningSeconds.toFixed(1)} s`;
    this.root.classList.toggle("thinking", isThinking);
    this.root.classList.toggle("pending", thought === "" && answer.content === "");
    renderMarkdown(this.#text, answer.content);
    this.#follow();
  }

  async #copyText(text) {
    await navigator.clipboard.writeText(text);
    this.#copy.textContent = "Copied";
    setTimeout(() => (this.#copy.textContent = "Copy"), 1500);
  }
}

export class ChatView {
  #log = byId("log");
  #scroll = byId("scroll");
  #welcome = byId("welcome");
  #prompt = byId("prompt");
  #send = byId("send");
  #stop = byId("stop");
  #isAtEnd = true;

  constructor() {
    this.#scroll.addEventListener("scroll", () => {
      const below = this.#scroll.scrollHeight - this.#scroll.scrollTop - this.#scroll.clientHeight;
      this.#isAtEnd = below < 40;
    });
    this.#prompt.addEventListener("input", () => this.#fit());
  }

  /** Connects the controls: `onSend` gets what was written, if anything was. */
  listen({ onSend, onStop, onClear }) {
    const submit = () => {
      const text = this.#prompt.value.trim();
      if (text === "" || !this.#stop.hidden) return;
      this.#prompt.value = "";
      this.#fit();
      onSend(text);
    };
    byId("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      submit();
    });
    this.#prompt.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      submit();
    });
    this.#stop.addEventListener("click", onStop);
    byId("new-chat").addEventListener("click", onClear);
    for (const suggestion of this.#welcome.querySelectorAll("button")) {
      suggestion.addEventListener("click", () => onSend(suggestion.textContent));
    }
  }

  addQuestion(text) {
    this.#welcome.hidden = true;
    this.#log.append(element("article", { className: "question", ariaLabel: "You" }, text));
    this.#isAtEnd = true;
  }

  /** A new, empty answer. */
  addAnswer(onAgain) {
    const answer = new AnswerView(onAgain, () => this.#follow());
    this.#log.append(answer.root);
    this.#follow();
    return answer;
  }

  removeLastAnswer() {
    if (this.#log.lastElementChild?.classList.contains("answer")) this.#log.lastElementChild.remove();
  }

  clear() {
    this.#log.replaceChildren();
    this.#welcome.hidden = false;
    this.setBusy(false);
    this.#prompt.focus();
  }

  /** Whether an answer is under way. */
  setBusy(busy) {
    const hadFocus = document.activeElement === this.#stop;
    this.#log.ariaBusy = String(busy);  // read aloud when it is whole
    this.#stop.hidden = !busy;
    this.#send.hidden = busy;
    if (hadFocus) this.#prompt.focus();
  }

  #follow() {
    if (this.#isAtEnd) this.#scroll.scrollTop = this.#scroll.scrollHeight;
  }

  /** The box grows with what is written in it. */
  #fit() {
    this.#send.disabled = this.#prompt.value.trim() === "";
    this.#prompt.style.height = "auto";
    this.#prompt.style.height = `${this.#prompt.scrollHeight}px`;
  }
}
