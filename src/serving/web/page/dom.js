// SPDX-License-Identifier: Apache-2.0
// Building and finding elements. Text always becomes text nodes, so nothing a model writes can become markup.

/** The element of this page with that id. */
export function byId(id) {
  return document.getElementById(id);
}

/** A new element with these properties and children (nodes or strings). */
export function element(tag, properties = {}, ...children) {
  const result = document.createElement(tag);
  Object.assign(result, properties);
  result.append(...children);
  return result;
}
