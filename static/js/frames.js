// Server-sent events as they come: the data of each. For the Try it page and the hosted chat.
"use strict";

async function* readFrames(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const parts = (rest + value).split("\n\n");
      rest = parts.pop();
      for (const part of parts) {
        const data = part.split("\n").find((line) => line.startsWith("data:"));
        if (data) yield data.slice(5);
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
