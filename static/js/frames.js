// What the Try it page and the hosted chat share: server-sent events as they come, and the form
// that asks, shows an answer and can stop it.
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

const fromTemplate = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);

// `page` has: form, list, status, prefix (of its templates), answerIn(item), ask(answer, body,
// signal), follow(), busy(send, isBusy), stopped(answer), broken (what a failed connection says), and
// before() if it wants to.
function conversation(page) {
  const { form, list, status } = page;
  const question = form.elements.question;
  const [stop, send] = [form.querySelector("[data-stop]"), form.querySelector("[type=submit]")];
  let running = null;

  function busy(controller) {
    running = controller;
    stop.hidden = !controller;
    page.busy(send, Boolean(controller));
  }

  async function submit() {
    if (running || !question.value.trim()) return;
    const body = new FormData(form);
    page.before?.();
    const asked = fromTemplate(`${page.prefix}-question`);
    asked.querySelector("[data-text]").textContent = question.value.trim();
    const item = fromTemplate(`${page.prefix}-answer`);
    list.append(asked, item);
    const answer = page.answerIn(item);
    question.value = "";
    const controller = new AbortController();
    busy(controller);
    page.follow();
    try {
      await page.ask(answer, body, controller.signal);
      status.textContent = "The answer is here.";
    } catch {
      if (controller.signal.aborted) page.stopped(answer);
      else answer.fail(page.broken);
      status.textContent = controller.signal.aborted ? "Stopped." : "The answer broke off.";
    } finally {
      answer.end();
      busy(null);
      page.follow();
      question.focus();
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  question.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  });
  stop.addEventListener("click", () => running?.abort());
  return submit;
}
