// SPDX-License-Identifier: Apache-2.0
// Small graphs of the last minute: what runs, what waits, how full the key-value cache is, how many tokens come. Asks
// the server each second, and not while nobody looks.
import { byId, element } from "./dom.js";
import { parseMetrics } from "./metrics.js";

const N_SAMPLES = 60;
const SECOND = 1000;
const FLOOR = 1.1;  // of a graph one high: the line of nothing is seen too
const SVG = "http://www.w3.org/2000/svg";

/** A label, a value and a graph of the values before it. */
class Gauge {
  #value = element("dd", { textContent: "–" });
  #line = document.createElementNS(SVG, "path");
  #area = document.createElementNS(SVG, "path");
  #samples = [];
  #format;
  #top;

  /** `top`: the value at the top of the graph, unless there are greater ones. */
  constructor(parent, label, top, format) {
    this.#format = format;
    this.#top = top;
    const graph = document.createElementNS(SVG, "svg");
    graph.setAttribute("viewBox", `0 0 ${N_SAMPLES - 1} ${FLOOR}`);
    graph.setAttribute("preserveAspectRatio", "none");
    graph.setAttribute("aria-hidden", "true");
    this.#area.setAttribute("class", "area");
    this.#line.setAttribute("class", "line");
    graph.append(this.#area, this.#line);
    parent.append(element("div", { className: "gauge" }, element("dt", {}, label), this.#value, graph));
  }

  show(value) {
    this.#value.textContent = this.#format(value);
    this.#samples = [...this.#samples, value].slice(-N_SAMPLES);
    const top = Math.max(this.#top, ...this.#samples);
    const first = N_SAMPLES - this.#samples.length;
    const points = this.#samples.map((sample, i) => `${first + i} ${(1 - sample / top).toFixed(4)}`);
    const line = `M${points.join("L")}`;
    this.#line.setAttribute("d", line);
    this.#area.setAttribute("d", `${line}V${FLOOR}H${first}Z`);
  }

  /** There is no value. */
  blank() {
    this.#value.textContent = "–";
  }
}

export class MetricsView {
  #api;
  #note = byId("metrics-note");
  #timer = 0;
  #run = 0;  // counts starts, so that an answer to an earlier one is known
  #before = null;  // tokens generated, and when that was
  #gauges;

  constructor(api) {
    this.#api = api;
    const whole = (value) => value.toFixed(0);
    const precise = (value) => value.toFixed(value > 0 && value < 10 ? 1 : 0);
    const list = byId("gauges");
    this.#gauges = {
      running: new Gauge(list, "Running", 4, whole),
      waiting: new Gauge(list, "Waiting", 4, whole),
      cache: new Gauge(list, "KV cache", 1, (share) => `${precise(share * 100)} %`),
      speed: new Gauge(list, "Tokens/s", 10, precise),
    };
    document.addEventListener("visibilitychange", () => this.start());
  }

  /** Begins to ask, or begins again after the server wanted a key. */
  start() {
    clearTimeout(this.#timer);
    this.#run += 1;
    if (!document.hidden) this.#ask(this.#run);
  }

  async #ask(run) {
    try {
      const text = await this.#api.metrics();
      if (run !== this.#run) return;
      this.#show(parseMetrics(text));
      this.#note.hidden = true;
    } catch (error) {
      if (run !== this.#run) return;
      this.#explain(error);
      if (error.status === 401) return;  // it will not know us better in a second
    }
    this.#timer = setTimeout(() => this.#ask(run), SECOND);
  }

  #show(metrics) {
    const value = (name) => metrics.get(`metal_marlin_${name}`) ?? 0;
    const now = { tokens: value("generation_tokens_total"), time: performance.now() };
    this.#gauges.running.show(value("num_requests_running"));
    this.#gauges.waiting.show(value("num_requests_waiting"));
    this.#gauges.cache.show(value("kv_cache_usage_perc"));
    if (this.#before) {
      const seconds = (now.time - this.#before.time) / SECOND;
      this.#gauges.speed.show(Math.max(0, now.tokens - this.#before.tokens) / seconds);
    }
    this.#before = now;
  }

  #explain(error) {
    for (const gauge of Object.values(this.#gauges)) gauge.blank();
    this.#before = null;
    const text = error.status === 401 ? "Shown once there is an API key." : error.message;
    if (this.#note.textContent !== text) this.#note.textContent = text;  // or it would be read aloud each second
    this.#note.hidden = false;
  }
}
