// SPDX-License-Identifier: Apache-2.0
// The form with system prompt, sampling settings and API key. A field that is empty is not sent, so that the model's
// own default holds. All is kept from visit to visit, but the key only until the tab is closed.
import { byId } from "./dom.js";

const STORED = "metal-marlin.settings";
const STORED_KEY = "metal-marlin.api_key";
const SAMPLING = ["temperature", "top_p", "top_k", "min_p", "max_tokens", "seed"];

export class Settings {
  #form = byId("settings");
  #keyNote = byId("key-note");

  /** `onKey` is called when the user has given another key. */
  constructor(onKey) {
    this.#restore();
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    this.#form.addEventListener("input", () => this.#store());
    this.#field("api_key").addEventListener("change", () => {
      this.#keyNote.hidden = true;
      onKey();
    });
    byId("reset").addEventListener("click", () => this.#reset());
  }

  get apiKey() {
    return this.#field("api_key").value.trim();
  }

  get systemPrompt() {
    return this.#field("system").value.trim();
  }

  /** The fields of a request that are set to something possible. */
  get sampling() {
    const set = SAMPLING.map((name) => this.#field(name)).filter((field) => field.value !== "" && field.validity.valid);
    return Object.fromEntries(set.map((field) => [field.name, field.valueAsNumber]));
  }

  /** Tells the user that the server wants another key than it got. */
  askForKey() {
    const wrong = "The server does not know this API key.";
    this.#keyNote.textContent = this.apiKey ? wrong : "This server asks for an API key.";
    this.#keyNote.hidden = false;
    this.#field("api_key").focus();
  }

  #field(name) {
    return this.#form.elements[name];
  }

  #store() {
    const values = Object.fromEntries(["system", ...SAMPLING].map((name) => [name, this.#field(name).value]));
    localStorage.setItem(STORED, JSON.stringify(values));
    sessionStorage.setItem(STORED_KEY, this.apiKey);
  }

  #restore() {
    this.#field("api_key").value = sessionStorage.getItem(STORED_KEY) ?? "";
    const values = parsed(localStorage.getItem(STORED));
    for (const name of ["system", ...SAMPLING]) {
      if (typeof values[name] === "string") this.#field(name).value = values[name];
    }
  }

  #reset() {
    for (const name of SAMPLING) this.#field(name).value = "";
    this.#store();
  }
}

/** What an older page, or somebody's tools, left there may be anything. */
function parsed(text) {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}
