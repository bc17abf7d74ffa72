// SPDX-License-Identifier: Apache-2.0
// The little Markdown that models write in answers: paragraphs, headings, lists, code, bold. Everything else, HTML
// above all, stays the text it is. Surprise: an answer is rendered again with every piece that comes, so blocks that
// are as before are kept, and what a reader has selected in them stays selected.
import { element } from "./dom.js";

const FENCE = /^ {0,3}(`{3,}|~{3,}) *([\w+#.-]*)/;
const HEADING = /^(#{1,6}) +(.*)$/;
const ITEM = /^ *(?:[-*+]|(\d{1,9})[.)]) +(.*)$/;
const RULE = /^(?:-{3,}|\*{3,}|_{3,})$/;

/** Makes the children of `container` show `text`. */
export function renderMarkdown(container, text) {
  const blocks = blocksOf(text);
  while (container.children.length > blocks.length) container.lastChild.remove();
  blocks.forEach((block, i) => {
    const source = JSON.stringify(block);
    const shown = container.children[i];
    if (shown?.source === source) return;
    const fresh = Object.assign(elementOf(block), { source });
    if (shown) shown.replaceWith(fresh);
    else container.append(fresh);
  });
}

/** What `text` consists of: {kind, ...} of each block. */
export function blocksOf(text) {
  const blocks = [];
  let open = null;  // the block that the next line may continue
  let fence = null;
  for (const line of text.split("\n")) {
    if (fence) {
      if (closes(line, fence)) open = fence = null;
      else open.lines.push(line);
      continue;
    }
    const next = blockAt(line);
    if (next?.kind === "code") fence = FENCE.exec(line)[1];
    if (next === null) {
      open = null;
    } else if (next.kind === "list" && open?.kind === "list" && next.ordered === open.ordered) {
      open.items.push(...next.items);
    } else if (next.kind === "paragraph" && open?.kind === "list") {
      open.items.at(-1).text += "\n" + next.text.trim();
    } else if (next.kind === "paragraph" && open?.kind === "paragraph") {
      open.text += "\n" + next.text;
    } else {
      blocks.push(next);
      open = next;
    }
  }
  return blocks;
}

function closes(line, fence) {
  const trimmed = line.trim();
  return trimmed.length >= fence.length && trimmed === fence[0].repeat(trimmed.length);
}

/** The block that `line` would begin; null if it is empty. */
function blockAt(line) {
  if (line.trim() === "") return null;
  const fence = FENCE.exec(line);
  if (fence) return { kind: "code", language: fence[2], lines: [] };
  const heading = HEADING.exec(line);
  if (heading) return { kind: "heading", level: heading[1].length, text: heading[2] };
  if (RULE.test(line.trim())) return { kind: "rule" };
  const item = ITEM.exec(line);
  if (!item) return { kind: "paragraph", text: line };
  const ordered = item[1] !== undefined;
  return { kind: "list", ordered, items: [{ number: ordered ? Number(item[1]) : 0, text: item[2] }] };
}

function elementOf(block) {
  switch (block.kind) {
    case "code":
      return element("pre", { title: block.language }, element("code", {}, block.lines.join("\n")));
    case "heading":
      return withSpans(element(block.level <= 2 ? "h3" : "h4"), block.text);
    case "rule":
      return element("hr");
    case "list":
      return element(block.ordered ? "ol" : "ul", {}, ...block.items.map((item) => itemOf(item, block.ordered)));
    default:
      return withSpans(element("p"), block.text);
  }
}

function itemOf(item, ordered) {
  const result = withSpans(element("li"), item.text);
  if (ordered) result.value = item.number;
  return result;
}

/** Appends `text` with its code and bold spans to `parent`. Each character is looked at a few times at most. */
function withSpans(parent, text) {
  let plain = 0;  // where text begins that is not appended yet
  let at = 0;
  while (at < text.length) {
    const span = text[at] === "`" ? codeAt(text, at) : text.startsWith("**", at) ? boldAt(text, at) : { end: at + 1 };
    if (span.node) {
      parent.append(text.slice(plain, at), span.node);
      plain = span.end;
    }
    at = span.end;
  }
  parent.append(text.slice(plain));
  return parent;
}

function codeAt(text, at) {
  let begin = at;
  while (text[begin] === "`") ++begin;
  const end = text.indexOf(text.slice(at, begin), begin);
  if (end < 0) return { end: begin };
  return { end: end + begin - at, node: element("code", {}, text.slice(begin, end)) };
}

function boldAt(text, at) {
  const begin = at + 2;
  const end = /\S/.test(text[begin] ?? "") ? text.indexOf("**", begin) : -1;
  if (end <= begin) return { end: begin };
  return { end: end + 2, node: withSpans(element("strong"), text.slice(begin, end)) };
}
