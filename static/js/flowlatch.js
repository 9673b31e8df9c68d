// What a page does beyond links and forms: copy, save, show, filter, close. Every page works without it.
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const visible = (element) => element.getClientRects().length > 0;

  // Copy. The clipboard needs https or localhost; elsewhere the old command still works.
  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      area.className = "sr";
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
  }
  function sourceText(button) {
    if (button.dataset.copyText) return button.dataset.copyText;
    const named = button.dataset.copy && document.querySelector(button.dataset.copy);
    const box = button.closest("[data-copy-box]");
    const source = named || (box && all("[data-copy-source]", box).find(visible));
    return source ? source.textContent.trim() : "";
  }
  async function copyFrom(button) {
    const focused = document.activeElement;
    await copy(sourceText(button));
    focused?.focus();
    if (button.classList.contains("is-done")) return;
    const label = button.querySelector("[data-label]");
    const before = label?.textContent;
    if (label) label.textContent = "Copied";
    button.classList.add("is-done");
    announce("Copied");
    setTimeout(() => {
      if (label) label.textContent = before;
      button.classList.remove("is-done");
    }, 2000);
  }
  function saveEnv(button) {
    const text = button.parentElement.querySelector("[data-copy-text]").dataset.copyText;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([`FLOWLATCH_KEY=${text}\n`], { type: "text/plain" }));
    link.download = "flowlatch.env";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    announce("Saved as flowlatch.env");
  }

  // A screen reader hears what a sighted person sees.
  let voice;
  function announce(words) {
    if (!voice) {
      voice = document.createElement("div");
      voice.className = "sr";
      voice.setAttribute("role", "status");
      document.body.append(voice);
    }
    voice.textContent = "";
    setTimeout(() => (voice.textContent = words), 50);
  }
  document.addEventListener("flowlatch:say", (event) => announce(event.detail));

  function showPassword(button) {
    const input = button.parentElement.querySelector("input");
    const shown = input.type === "password";
    input.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
    input.focus();
  }
  // How a chosen password looks, in words. The server alone decides.
  const strengths = [
    "Too short: 12 characters or more.",
    "Easy to guess: it repeats itself.",
    "Good.",
    "Strong.",
  ];
  function levelOf(password) {
    const distinct = new Set(password).size;
    if ([...password].length < 12) return 0;
    if (distinct < 6 || /^(.{1,6}?)\1+$/s.test(password)) return 1;
    return [...password].length >= 18 && distinct >= 9 ? 3 : 2;
  }
  document.addEventListener("input", (event) => {
    const meter = event.target.closest?.("[data-strength]")?.querySelector("[data-level]");
    if (!meter) return;
    const level = levelOf(event.target.value);
    const words = meter.querySelector("[data-strength-words]");
    meter.hidden = !event.target.value;
    meter.dataset.level = level;
    if (words.textContent !== strengths[level]) words.textContent = strengths[level];
  });
  function selectAll(button) {
    const boxes = all(".picker__rows input[type=checkbox]:enabled", button.closest("fieldset")).filter(visible);
    const on = boxes.some((box) => !box.checked);
    boxes.forEach((box) => (box.checked = on));
    button.textContent = on ? "Select none" : "Select all";
  }
  function pause(button) {
    const paused = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(paused));
  }
  const clicks = {
    "[data-copy], [data-copy-text]": copyFrom,
    "[data-save-env]": saveEnv,
    "[data-show-password]": showPassword,
    "[data-select-all]": selectAll,
    "[data-pause]": pause,
    "[data-close-toast]": (button) => closeToast(button.closest(".toast")),
  };
  document.addEventListener("click", (event) => {
    for (const [selector, act] of Object.entries(clicks)) {
      const button = event.target.closest?.(selector);
      if (button) return void act(button);
    }
  });

  // Pickers: a search puts other rows in place of those it found before. Rows that were chosen move up
  // to the chosen ones, and none stands there twice.
  const valueOf = (row) => row.querySelector("input").value;
  document.addEventListener("htmx:beforeSwap", ({ detail: { target } }) => {
    if (!target.matches("[data-found]")) return;
    const chosen = all("li", target).filter((row) => row.querySelector(":checked"));
    target.closest(".picker").querySelector("[data-picked]").append(...chosen);
  });
  document.addEventListener("htmx:afterSwap", () => {
    for (const picker of all(".picker:has([data-found])")) {
      const picked = new Set(all("[data-picked] li", picker).map(valueOf));
      all("[data-found] li", picker).filter((row) => picked.has(valueOf(row))).forEach((row) => row.remove());
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("[data-picker-search]")) event.preventDefault();
  });
  // A pasted key is searched by its public id: its secret never leaves the browser.
  document.addEventListener("input", (event) => {
    const field = event.target;
    const key = field.matches("[data-key-search]") && /flk_[a-z]{2}_([0-9A-Za-z]{12})_/.exec(field.value);
    if (key) field.value = key[1];
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-autosubmit] :is([type=radio], select)")) event.target.form.requestSubmit();
  });

  // Toasts: good news leaves by itself, unless someone is reading it; bad news stays.
  function closeToast(toast) {
    if (toast.dataset.toast === "offline") toast.hidden = true;
    else toast.remove();
  }
  function letToastsGo() {
    all('[data-toast="success"]:not([data-timed]), [data-toast="info"]:not([data-timed])').forEach((toast) => {
      toast.dataset.timed = "";
      const leave = () => (toast.matches(":hover, :focus-within") ? setTimeout(leave, 2000) : toast.remove());
      setTimeout(leave, 8000);
    });
  }
  const focusFirstError = (root) => root.querySelector("[aria-invalid=true]")?.focus();

  // htmx: poll only what is looked at, swap only what changed, and never put a whole page into a part.
  const last = new Map();
  const isPaused = (element) => {
    const card = element.closest(".card");
    return document.hidden || Boolean(card?.querySelector('[data-pause][aria-pressed="true"]'));
  };
  const isPolling = (element, event) => element.matches("[data-live]") && event.target === element;
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (isPolling(event.detail.elt, event) && isPaused(event.detail.elt)) event.preventDefault();
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, requestConfig } = event.detail;
    if (/^\s*<!doctype/i.test(xhr.responseText)) {
      event.preventDefault();
      location.reload();
      return;
    }
    if (requestConfig.verb !== "get") return;
    if (last.get(requestConfig.path) === xhr.responseText) event.detail.shouldSwap = false;
    last.set(requestConfig.path, xhr.responseText);
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    letToastsGo();
    focusFirstError(event.target);
  });
  for (const failure of ["htmx:responseError", "htmx:sendError"]) {
    document.addEventListener(failure, (event) => {
      if (event.detail.elt.matches("[data-live]")) return;
      all('[data-toast="offline"]').forEach((toast) => (toast.hidden = false));
    });
  }

  // A key is shown once: it leaves the page when the person does, and Back does not bring it again.
  // Its page is the answer to a POST: with the list's address in its place, neither Back nor Reload sends it again.
  const shownOnce = document.querySelector("[data-shown-once]");
  if (shownOnce?.dataset.shownOnce) history.replaceState(null, "", shownOnce.dataset.shownOnce);
  addEventListener("pagehide", () => all("[data-shown-once]").forEach((box) => box.replaceChildren()));
  addEventListener("pageshow", (event) => {
    const box = event.persisted && document.querySelector("[data-shown-once]");
    if (box) location.replace(box.dataset.shownOnce || location.href);
  });

  // The script is deferred: the page is there.
  letToastsGo();
  focusFirstError(document);
})();
