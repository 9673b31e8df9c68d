// Try it: the answer as it comes. Without this script the form answers in one piece.
(() => {
  "use strict";
  const form = document.querySelector("[data-try]");
  const [log, list] = [".try__log", ".try__log > ol"].map((selector) => document.querySelector(selector));
  const MAX_FRAMES = 2000; // shown; an endless answer must not fill the page
  const seconds = (from) => {
    const ms = performance.now() - from;
    return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
  };
  const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

  // One answer on the page.
  function answerIn(item) {
    const part = (name) => item.querySelector(`[data-${name}]`);
    const text = part("text");
    const raw = [];
    let count = 0;
    return {
      text,
      // The server made this HTML from the answer's markdown, where tags are text.
      whole(html) {
        text.classList.remove("as-typed");
        text.innerHTML = html;
      },
      times: (words) => (part("times").textContent = words),
      fail(words) {
        part("error").hidden = false;
        part("words").textContent = words;
      },
      sources(documents) {
        const box = part("sources");
        box.hidden = !documents.length;
        box.querySelector("summary").textContent = plural(documents.length, "source");
        box.querySelectorAll("blockquote").forEach((old) => old.remove());
        for (const one of documents) {
          const quote = document.createElement("blockquote");
          quote.textContent = String(one?.pageContent ?? JSON.stringify(one)).slice(0, 400);
          box.append(quote);
        }
      },
      frame(line) {
        count += 1;
        if (raw.length < MAX_FRAMES) raw.push(line);
      },
      // The frames are drawn at the end: one at a time would slow down what is measured.
      end() {
        text.classList.remove("caret");
        const box = part("raw");
        box.hidden = !count;
        box.querySelector("summary").textContent = plural(count, "raw event");
        box.querySelector("pre").textContent = raw.join("\n");
      },
    };
  }

  async function refusal(response) {
    try {
      return (await response.json()).detail;
    } catch {
      return response.redirected ? "You are logged out. Load the page again." : `The answer is ${response.status}. Load the page again.`;
    }
  }

  const follow = () => (log.scrollTop = log.scrollHeight);

  async function ask(answer, body, signal) {
    const started = performance.now();
    let first = "";
    let isTold = false;
    const response = await fetch(form.dataset.stream, { method: "POST", body, signal });
    if (!response.ok || !response.headers.get("content-type")?.startsWith("text/event-stream")) {
      answer.times("No answer");
      return void answer.fail(await refusal(response));
    }
    for await (const line of readFrames(response.body)) {
      const { event, data } = JSON.parse(line);
      if (event !== "html") answer.frame(line);
      if (event === "token") {
        if (!first) first = `First word after ${seconds(started)}`;
        answer.text.append(String(data));
        answer.times(first);
      } else if (event === "sourceDocuments" && Array.isArray(data)) answer.sources(data);
      else if (event === "html") answer.whole(String(data));
      else if (event === "error") answer.fail(String(data));
      if (event === "error" || event === "end") isTold = true;
      follow();
    }
    if (!isTold) answer.fail("The answer broke off.");
    answer.times([first || "No word", `whole after ${seconds(started)}`].join(", "));
  }

  conversation({
    form,
    list,
    prefix: "try",
    status: document.querySelector("[data-try-status]"),
    answerIn,
    ask,
    follow,
    busy(send, isBusy) {
      send.disabled = isBusy;
      log.setAttribute("aria-busy", String(isBusy));
    },
    stopped: (answer) => answer.times("Stopped"),
    broken: "The answer broke off. Is the server there?",
  });
})();
