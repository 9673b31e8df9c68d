// A hosted chat: the answer as it comes. Without this script the form answers in one piece.
(() => {
  "use strict";
  const form = document.querySelector("[data-chat]");
  const log = document.querySelector("[data-log]");
  const list = log.querySelector("ol");
  const question = form.elements.question;
  const status = document.querySelector("[data-status]");
  const isNearEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 120;
  const toEnd = () => (log.scrollTop = log.scrollHeight);

  // One answer on the page.
  function answerIn(item) {
    const part = (name) => item.querySelector(`[data-${name}]`);
    const words = part("words");
    const tell = (name, text) => {
      const line = part(name);
      line.hidden = false;
      (line.querySelector("span") ?? line).textContent = text;
    };
    return {
      add: (text) => words.append(text),
      fail: (text) => tell("error", text),
      note: (text) => tell("note", text),
      // The server made this HTML from the answer's markdown, where tags are text.
      whole(html) {
        part("text").innerHTML = html;
      },
      sources(texts) {
        const box = part("sources");
        box.hidden = !texts.length;
        box.querySelector("summary").textContent = `${texts.length} source${texts.length === 1 ? "" : "s"}`;
        for (const text of texts) {
          const quote = document.createElement("blockquote");
          quote.textContent = String(text);
          box.append(quote);
        }
      },
      end() {
        words.classList.remove("caret");
        part("tools").hidden = !part("text").textContent.trim();
      },
    };
  }

  async function refusal(response) {
    if (response.redirected) return "You are logged out. Load the page again to log in.";
    if (response.status === 404) return "This chat was closed. Load the page again.";
    try {
      return (await response.json()).detail;
    } catch {
      return "That did not go through. Load the page again.";
    }
  }

  async function ask(answer, body, signal) {
    const response = await fetch(form.dataset.stream, { method: "POST", body, signal });
    if (!response.ok || !response.headers.get("content-type")?.startsWith("text/event-stream")) {
      return void answer.fail(await refusal(response));
    }
    let isTold = false;
    for await (const line of readFrames(response.body)) {
      const { event, data } = JSON.parse(line);
      const follows = isNearEnd();
      if (event === "token") answer.add(String(data));
      else if (event === "html") answer.whole(String(data));
      else if (event === "sources") answer.sources(data);
      else if (event === "error") answer.fail(String(data));
      if (event === "error" || event === "end") isTold = true;
      if (follows) toEnd();
    }
    if (!isTold) answer.fail("The answer broke off. Ask again.");
  }

  const submit = conversation({
    form,
    list,
    status,
    prefix: "chat",
    answerIn,
    ask,
    follow: toEnd,
    busy(send, isBusy) {
      send.hidden = isBusy;
      list.setAttribute("aria-busy", String(isBusy));
    },
    before() {
      document.querySelector("[data-starters]")?.remove();
      history.replaceState(null, "", location.pathname); // a reload shows this conversation
    },
    stopped: (answer) => answer.note("Stopped."),
    broken: "The answer broke off. Check the connection, then ask again.",
  });
  document.querySelector("[data-starters]")?.addEventListener("submit", (event) => {
    event.preventDefault();
    question.value = event.submitter.value;
    submit();
  });
  list.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy-answer]");
    if (!button) return;
    const text = button.closest("[data-answer]").querySelector("[data-text]").innerText.trim();
    try {
      await navigator.clipboard.writeText(text);
      button.classList.add("is-done");
      setTimeout(() => button.classList.remove("is-done"), 2000);
      status.textContent = "Copied.";
    } catch {
      status.textContent = "The browser does not let this page copy.";
    }
  });
  toEnd();
})();
