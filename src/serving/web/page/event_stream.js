// SPDX-License-Identifier: Apache-2.0
// Reads server-sent events from the body of a response. (EventSource cannot: it sends neither POST nor keys.)

/** The data of each event; comments, with which servers keep a connection alive, are passed over. */
export async function* eventData(body) {
  let lines = [];
  for await (const line of linesOf(body)) {
    if (line.startsWith("data:")) {
      lines.push(line.slice(line[5] === " " ? 6 : 5));
    } else if (line === "" && lines.length > 0) {
      yield lines.join("\n");
      lines = [];
    }
  }
}

async function* linesOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) yield line.endsWith("\r") ? line.slice(0, -1) : line;
    }
  } finally {
    reader.cancel().catch(() => {});  // when the caller wants no more, or the stream broke
  }
}
