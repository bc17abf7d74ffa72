// SPDX-License-Identifier: Apache-2.0
// What the page asks of its server. Paths are relative, so that the page also works behind a proxy that serves it
// under a folder. Every failure is an ApiError whose message is for people.
import { eventData } from "./event_stream.js";

export class ApiError extends Error {
  /** `status`: of HTTP; 0 if there was no answer, or it broke off. */
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

export class Api {
  /** `key`: a function that gives the API key, "" for none. */
  constructor(key) {
    this.key = key;
  }

  /** The models that are served, as /v1/models lists them. */
  async models() {
    return (await (await this.#ask("v1/models")).json()).data;
  }

  /** All metrics, in Prometheus' text format. */
  async metrics() {
    return (await this.#ask("metrics")).text();
  }

  /** Streams the chunks of a chat completion. Aborting `signal` makes the server stop too. */
  async *chat(request, signal) {
    const body = JSON.stringify({ ...request, stream: true, stream_options: { include_usage: true } });
    const headers = { "Content-Type": "application/json" };
    const response = await this.#ask("v1/chat/completions", { method: "POST", body, headers, signal });
    for await (const data of this.#unbroken(eventData(response.body), signal)) {
      if (data === "[DONE]") return;
      const chunk = JSON.parse(data);
      if (chunk.error) throw new ApiError(chunk.error.message, response.status);
      yield chunk;
    }
    throw new ApiError("The answer broke off: the server ended the connection.");
  }

  async #ask(path, options = {}) {
    const key = this.key();
    const headers = { ...options.headers, ...(key && { Authorization: `Bearer ${key}` }) };
    let response;
    try {
      response = await fetch(path, { ...options, headers });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new ApiError("The server cannot be reached. Is it still running?");
    }
    if (!response.ok) throw new ApiError(await messageOf(response), response.status);
    return response;
  }

  async *#unbroken(events, signal) {
    try {
      yield* events;
    } catch (error) {
      if (signal.aborted) throw error;
      throw new ApiError("The answer broke off: the connection to the server was lost.");
    }
  }
}

async function messageOf(response) {
  try {
    return (await response.json()).error.message;
  } catch {
    return `The server answered with status ${response.status}.`;
  }
}
