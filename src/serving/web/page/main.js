// SPDX-License-Identifier: Apache-2.0
// Puts the parts of the page together.
import { Api } from "./api.js";
import { Chat } from "./chat.js";
import { ChatView } from "./chat_view.js";
import { byId } from "./dom.js";
import { MetricsView } from "./metrics_view.js";
import { Settings } from "./settings.js";

const api = new Api(() => settings.apiKey);
const settings = new Settings(connect);
const metrics = new MetricsView(api);
const view = new ChatView();
const chat = new Chat(api, settings, view, askForKey);

/** Who is there, and what is it doing. */
async function connect() {
  metrics.start();
  try {
    const [model] = await api.models();
    byId("model").textContent = model.id;
    byId("context").textContent = `${model.max_model_len.toLocaleString()} tokens of context`;
  } catch (error) {
    byId("model").textContent = "not connected";
    byId("context").textContent = "";
    if (error.status === 401) askForKey();
  }
}

function askForKey() {
  showPanel(true);
  settings.askForKey();
}

/** Narrow screens have no room for the panel beside the conversation. */
function showPanel(open) {
  if (document.body.classList.contains("panel-open") === open) return;
  document.body.classList.toggle("panel-open", open);
  byId("open-panel").ariaExpanded = String(open);
  byId(open ? "close-panel" : "open-panel").focus();  // neither can be where there is room
}

byId("open-panel").addEventListener("click", () => showPanel(true));
byId("close-panel").addEventListener("click", () => showPanel(false));
byId("shade").addEventListener("click", () => showPanel(false));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") showPanel(false);
});
view.listen({ onSend: (text) => chat.send(text), onStop: () => chat.stop(), onClear: () => chat.clear() });
connect();
