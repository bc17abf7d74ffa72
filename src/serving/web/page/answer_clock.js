// SPDX-License-Identifier: Apache-2.0
// How fast an answer came, as its reader saw it.

export class AnswerClock {
  #sent = performance.now();
  #first = null;
  #last = null;
  #reasoned = null;
  #nPieces = 0;
  #usage = null;

  /** A piece of text has come; `reasoning` if it belongs to what the model thinks before it answers. */
  piece(reasoning) {
    this.#last = performance.now();
    this.#first ??= this.#last;
    if (reasoning) this.#reasoned = this.#last;
    ++this.#nPieces;
  }

  /** The server has counted. */
  usage(usage) {
    this.#usage = usage;
  }

  /** How long the model thought, in seconds. */
  get reasoningSeconds() {
    return this.#reasoned === null ? 0 : (this.#reasoned - this.#sent) / 1000;
  }

  /** In words: tokens, tokens per second, time to the first, what the prompt cost. Empty if nothing came. */
  describe() {
    if (this.#first === null) return [];
    const nTokens = this.#usage?.completion_tokens ?? this.#nPieces;
    const about = this.#usage ? "" : "about ";  // pieces are nearly tokens
    const parts = [`${about}${nTokens} ${nTokens === 1 ? "token" : "tokens"}`];
    const seconds = (this.#last - this.#first) / 1000;
    if (nTokens > 1 && seconds > 0) parts.push(`${rounded((nTokens - 1) / seconds)} tokens/s`);
    parts.push(`first after ${rounded((this.#first - this.#sent) / 1000)} s`);
    if (this.#usage) parts.push(this.#describePrompt());
    return parts;
  }

  #describePrompt() {
    const cached = this.#usage.prompt_tokens_details?.cached_tokens ?? 0;
    return `prompt ${this.#usage.prompt_tokens}` + (cached > 0 ? `, ${cached} cached` : "");
  }
}

/** Three digits are enough. */
function rounded(value) {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
