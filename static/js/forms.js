// Forms: a button says that it works, typed work is not left without a question, and it comes back after a login
// or a fault came between. Never kept: passwords, files, what stands in [data-unkept], and anything of nobody.
"use strict";

// Whether a field holds something else than its page was drawn with. The save bar asks too (changes.js).
function isChanged(field) {
  if (field.matches("[type=checkbox], [type=radio]")) return field.checked !== field.defaultChecked;
  if (!field.matches("select")) return field.value !== field.defaultValue;
  const options = [...field.options];
  return options.some((option) => option.defaultSelected)
    ? options.some((option) => option.selected !== option.defaultSelected)
    : field.selectedIndex > 0;
}

(() => {
  const DRAFT = "draft";
  const KEPT_FOR = 3600e3; // milliseconds
  const SLOW = 1500; // milliseconds
  const { user, interrupt, page } = document.body.dataset;
  const say = (words) => document.dispatchEvent(new CustomEvent("flowlatch:say", { detail: words }));
  const fieldsOf = (form) => [...form.elements].filter(isTyped);
  const pathOf = (form) => new URL(form.getAttribute("action") || location.href, location.href).pathname;
  // Fields of passwords can be shown as text: a button beside them does.
  function isTyped(field) {
    const isOther = ["password", "search", "file", "hidden", "submit", "button", "reset", "image"].includes(field.type);
    const isSecret = field.closest("[data-unkept]") || field.parentElement.querySelector("[data-show-password]");
    return field.matches("input, textarea, select") && field.name && !field.disabled && !isOther && !isSecret;
  }

  // The server's words stand beside each field; the browser's bubbles speak another language.
  const quiet = () => document.querySelectorAll("form[method=post]").forEach((form) => (form.noValidate = true));
  document.addEventListener("htmx:afterSettle", quiet);
  quiet();

  // Busy: the button turns and says what it does until the answer comes.
  const DOING = {
    Add: "Adding", Apply: "Applying", Change: "Changing", Check: "Checking", Confirm: "Confirming", Create: "Creating",
    Delete: "Deleting", Disable: "Disabling", Dismiss: "Dismissing", Enable: "Enabling", End: "Ending", Extend: "Extending",
    Fetch: "Fetching", Go: "Opening", Hand: "Handing over", Import: "Importing", Invite: "Inviting", Join: "Joining",
    Leave: "Leaving", Log: "Logging in", Look: "Looking", Make: "Making", Open: "Opening", Pin: "Pinning", Remove: "Removing",
    Rename: "Renaming", Report: "Sending", Resend: "Sending", Revoke: "Revoking", Rotate: "Rotating", Save: "Saving",
    Send: "Sending", Set: "Saving", Stop: "Stopping", Suspend: "Suspending", Test: "Testing", Try: "Trying", Undo: "Undoing",
    Withdraw: "Withdrawing",
  };
  const busy = new Map(); // the label of each button that works, and what it was before
  const isSeen = (node) => node.data.trim() && node.parentElement.getClientRects().length > 0;
  function labelOf(button) {
    const texts = document.createTreeWalker(button, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) if (isSeen(texts.currentNode)) return texts.currentNode;
    return null;
  }
  function work(button) {
    if (!button || busy.has(button)) return;
    const label = labelOf(button);
    const doing = label && (button.dataset.doing ?? DOING[label.data.trim().split(/\s/)[0]]);
    const picked = button.form?.id === "bulk" ? [...button.form.elements].filter((field) => field.checked).length : 0;
    const words = doing && (picked ? `${doing} ${picked}…` : `${doing}…`);
    busy.set(button, { label, before: label?.data, waiting: wait(button) });
    if (words) label.data = words;
    button.setAttribute("aria-busy", "true");
    button.setAttribute("aria-disabled", "true");
    say(words ?? "Working…");
  }
  // An answer that takes longer says so beside its button, and counts the seconds for the eye.
  function wait(button) {
    const line = document.createElement("p");
    line.className = "working fine soft";
    const words = document.createElement("span");
    words.setAttribute("role", "status");
    const seconds = document.createElement("span");
    seconds.setAttribute("aria-hidden", "true");
    line.append(document.createElement("progress"), words, seconds);
    line.firstChild.setAttribute("aria-label", "At work");
    const began = Date.now();
    const show = () => {
      if (!line.isConnected) (button.closest(".row, .card__foot, .save-bar") ?? button).after(line);
      words.textContent ||= "Still working. Keep this page open.";
      seconds.textContent = `${Math.round((Date.now() - began) / 1000)} s`;
    };
    const first = setTimeout(show, SLOW);
    const then = setInterval(() => line.isConnected && show(), 1000);
    return () => [clearTimeout(first), clearInterval(then), line.remove()];
  }
  function rest(button) {
    const { label, before, waiting } = busy.get(button);
    waiting();
    if (label) label.data = before;
    button.removeAttribute("aria-busy");
    button.removeAttribute("aria-disabled");
    busy.delete(button);
  }

  // A second click while the first answer is on its way must not send the form again: what it makes is shown once.
  let sent = null;
  const buttonOf = (form) => form.querySelector("button:not([type=button], [type=reset], [formaction])");
  document.addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    if (form.method !== "post") return;
    const isHtmx = form.hasAttribute("hx-post") || submitter?.hasAttribute("hx-post");
    if (isHtmx) return keep(form);
    if (event.defaultPrevented) return; // a script sends it
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "yes";
    sent = form;
    keep(form);
    work(submitter ?? buttonOf(form));
  });
  addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent);
    [...busy.keys()].forEach(rest);
    sent = null;
  });
  const senders = new WeakMap();
  document.addEventListener("htmx:beforeRequest", (event) => {
    const { elt, requestConfig, target } = event.detail;
    if (requestConfig.verb === "get" || elt.matches("[role=search], [type=search], [list]")) return; // a list is searched while one types
    const by = requestConfig.triggeringEvent?.submitter ?? (elt.matches("button") ? elt : buttonOf(elt));
    if (busy.has(by)) return event.preventDefault();
    if (target.matches("[role=status]")) target.replaceChildren();
    senders.set(requestConfig, by);
    work(by);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const by = senders.get(event.detail.requestConfig);
    if (by && busy.has(by)) rest(by);
    const { xhr } = event.detail;
    if (by && xhr.status && xhr.status < 500 && !xhr.getResponseHeader("HX-Redirect")) forget();
  });

  // Drafts: one form a tab, the last that was sent.
  function keep(form) {
    if (pathOf(form).startsWith("/logout/")) return forget();
    const values = fieldsOf(form).flatMap(valuesOf);
    if (!user || form.closest("[data-unkept]") || values.length === 0) return;
    const version = form.querySelector("input[type=hidden][name=version]");
    const draft = { user, page: location.pathname, action: pathOf(form), at: Date.now(), values, version: version?.value };
    write(draft);
  }
  function valuesOf(field) {
    if (field.matches("[type=checkbox], [type=radio]")) return field.checked ? [[field.name, field.value]] : [];
    if (field.matches("select")) return [...field.selectedOptions].map((option) => [field.name, option.value]);
    return [[field.name, field.value]];
  }
  function write(draft) {
    try {
      sessionStorage.setItem(DRAFT, JSON.stringify(draft));
    } catch {
      forget(); // more than the browser keeps
    }
  }
  function read() {
    try {
      return JSON.parse(sessionStorage.getItem(DRAFT));
    } catch {
      return null;
    }
  }
  const forget = () => sessionStorage.removeItem(DRAFT);

  // A login or a fault came between: the draft waits for its page. Any other page that a form led to answers it.
  function bringBack() {
    const draft = read();
    if (!draft) return;
    if (interrupt !== undefined) return write({ ...draft, interrupted: true });
    const isHere = draft.page === location.pathname;
    const isAgain = performance.getEntriesByType("navigation")[0]?.type !== "navigate"; // Back, or loaded again
    const isWanted = draft.interrupted || (isAgain && isHere);
    if (draft.user !== user || Date.now() - draft.at > KEPT_FOR || !isWanted) return forget();
    if (!isHere) return;
    forget();
    const form = [...document.forms].find((one) => pathOf(one) === draft.action && fieldsOf(one).length > 0);
    if (form) fill(form, draft);
  }
  function fill(form, draft) {
    const left = new Map();
    for (const [name, value] of draft.values) left.set(name, [...(left.get(name) ?? []), value]);
    for (const field of fieldsOf(form)) {
      const values = left.get(field.name) ?? [];
      if (field.matches("[type=checkbox], [type=radio]")) {
        field.checked = values.includes(field.value);
        if (field.checked) values.splice(values.indexOf(field.value), 1);
      } else if (field.matches("select")) [...field.options].forEach((option) => (option.selected = values.includes(option.value)));
      else if (values.length > 0) field.value = values.shift();
    }
    // Boxes of rows that a search had found are not drawn now: they stay chosen.
    for (const box of fieldsOf(form).filter((field) => field.type === "checkbox")) {
      const values = left.get(box.name) ?? [];
      for (const value of values.splice(0)) form.append(hidden(box.name, value));
    }
    const version = form.querySelector("input[type=hidden][name=version]");
    if (version && draft.version) version.value = draft.version; // who saved meanwhile is not overwritten
    form.querySelectorAll("details").forEach((more) => (more.open ||= fieldsOf(form).some((field) => more.contains(field) && isChanged(field))));
    for (let more = form.closest("details"); more; more = more.parentElement.closest("details")) more.open = true;
    form.prepend(notice(form));
    form.dataset.unsaved = "";
    form.dispatchEvent(new Event("input", { bubbles: true }));
    form.scrollIntoView({ block: "start" });
  }
  function hidden(name, value) {
    const field = document.createElement("input");
    Object.assign(field, { type: "hidden", name, value });
    return field;
  }
  function notice(form) {
    const box = document.createElement("div");
    box.className = "notice notice--look";
    box.setAttribute("role", "status");
    const words = document.createElement("p");
    const strong = document.createElement("strong");
    strong.textContent = "Not saved yet.";
    words.append(strong, " What you typed is here again.");
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "btn btn--s", textContent: "Discard it" });
    button.addEventListener("click", () => {
      sent = form;
      location.replace(location.href);
    });
    box.append(words, button);
    return box;
  }

  // Leaving: the browser asks, but not when the form is sent, nor for its own links, such as Cancel.
  function isUnsaved(form) {
    if (form === sent || form.method !== "post" || form.closest("[data-unkept]")) return false;
    return form.hasAttribute("data-unsaved") || fieldsOf(form).some(isChanged) || Boolean(form.querySelector("[aria-invalid=true]"));
  }
  document.addEventListener("click", (event) => {
    const form = event.target.closest?.("a[href]")?.closest("form");
    if (form) sent = form;
  });
  addEventListener("beforeunload", (event) => {
    if (user && [...document.forms].some(isUnsaved)) event.preventDefault();
  });

  // The answer to an address that takes only forms: loading it again shows the page that the form stands on.
  if (page && !document.querySelector("[data-shown-once]")) history.replaceState(null, "", page);
  bringBack();
})();
