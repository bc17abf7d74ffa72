// SPDX-License-Identifier: Apache-2.0
// The conversation: what was said so far, and the answer that is being generated, if one is. The view shows it.
import { AnswerClock } from "./answer_clock.js";

export class Chat {
  #api;
  #settings;
  #view;
  #onKeyWanted;
  #messages = [];
  #abort = null;  // of the answer under way

  /** `onKeyWanted` is called when the server does not accept the API key. */
  constructor(api, settings, view, onKeyWanted) {
    this.#api = api;
    this.#settings = settings;
    this.#view = view;
    this.#onKeyWanted = onKeyWanted;
  }

  get isAnswering() {
    return this.#abort !== null;
  }

  /** Says `text` and has it answered. */
  send(text) {
    this.#messages.push({ role: "user", content: text });
    this.#view.addQuestion(text);
    return this.#answer();
  }

  /** Answers the last question again, in place of the answer it has. */
  regenerate() {
    if (this.isAnswering) return undefined;
    if (this.#messages.at(-1)?.role === "assistant") this.#messages.pop();
    this.#view.removeLastAnswer();
    return this.#answer();
  }

  /** Ends the answer under way; what there is of it stays. */
  stop() {
    this.#abort?.abort();
  }

  /** Forgets the conversation. */
  clear() {
    this.stop();
    this.#messages = [];
    this.#view.clear();
  }

  async #answer() {
    const abort = (this.#abort = new AbortController());
    const messages = this.#messages;  // clear() gives the next conversation a list of its own
    const answer = { role: "assistant", content: "", reasoning_content: "" };
    const shown = this.#view.addAnswer(() => this.regenerate());
    const clock = new AnswerClock();
    this.#view.setBusy(true);
    let ending = "";
    try {
      ending = await this.#receive(answer, shown, clock, abort.signal);
    } catch (error) {
      if (abort.signal.aborted) ending = "stopped";
      else this.#fail(shown, error);
    }
    if (answer.content !== "" || answer.reasoning_content !== "") messages.push(answer);
    shown.finish(answer, clock, ending);
    if (this.#abort !== abort) return;  // another conversation has begun
    this.#abort = null;
    this.#view.setBusy(false);
  }

  /** Takes in the answer as it comes; says how it ended if it did not come to its own end. */
  async #receive(answer, shown, clock, signal) {
    let ending = "";
    for await (const chunk of this.#api.chat(this.#request(), signal)) {
      if (chunk.usage) clock.usage(chunk.usage);
      const choice = chunk.choices[0];
      if (!choice) continue;
      const { content, reasoning_content: reasoning } = choice.delta;
      if (content || reasoning) clock.piece(Boolean(reasoning));
      answer.content += content ?? "";
      answer.reasoning_content += reasoning ?? "";
      if (choice.finish_reason === "length") ending = "cut off: token limit reached";
      shown.update(answer, clock);
    }
    return ending;
  }

  #fail(shown, error) {
    const wantsKey = error.status === 401;  // whose message is for programs
    shown.fail(wantsKey ? "The server wants an API key: enter it in the settings, then try again." : error.message);
    if (wantsKey) this.#onKeyWanted();
  }

  #request() {
    const system = this.#settings.systemPrompt;
    const head = system === "" ? [] : [{ role: "system", content: system }];
    return { messages: [...head, ...this.#messages], ...this.#settings.sampling };
  }
}
