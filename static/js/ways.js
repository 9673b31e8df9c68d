// Ways by keyboard and touch: menus with arrows, shortcuts, and the exact time behind "2 hours ago".
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const visible = (element) => element.getClientRects().length > 0;
  // What a person chose in this browser. A browser may keep nothing.
  function kept(name) {
    try {
      return localStorage.getItem(name);
    } catch {
      return null;
    }
  }
  function keep(name, isOn) {
    try {
      localStorage.setItem(name, isOn ? "on" : "off");
    } catch {} // it holds for this page alone
  }

  // Menus. The browser opens and closes them, and Escape leads back to the button.
  const openerOf = (menu) => document.querySelector(`[popovertarget="${CSS.escape(menu.id)}"]`);
  const entriesOf = (menu) => all("a, button:enabled", menu).filter(visible);
  const nameOpeners = () =>
    all("[popovertarget]:not([aria-expanded])").forEach((button) => button.setAttribute("aria-expanded", "false"));
  document.addEventListener(
    "toggle", // it does not bubble
    (event) => {
      if (event.target.popover) openerOf(event.target)?.setAttribute("aria-expanded", String(event.newState === "open"));
    },
    true,
  );
  const STEPS = { ArrowDown: (at) => at + 1, ArrowUp: (at) => at - 1, Home: () => 0, End: () => -1 };
  function moveIn(menu, event) {
    const entries = entriesOf(menu);
    const next = STEPS[event.key](entries.indexOf(document.activeElement));
    event.preventDefault();
    entries.at(next % entries.length)?.focus();
  }
  function openMenu(event) {
    const menu = document.getElementById(event.target.getAttribute("popovertarget"));
    if (!menu?.matches(".menu")) return;
    event.preventDefault();
    menu.showPopover({ source: event.target });
    entriesOf(menu).at(event.key === "ArrowUp" ? -1 : 0)?.focus();
  }
  document.addEventListener("keydown", (event) => {
    if (!STEPS[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    const menu = event.target.closest(".menu:popover-open");
    const opener = event.target.closest("[popovertarget]");
    if (menu) moveIn(menu, event);
    else if (opener?.getAttribute("aria-expanded") === "true") moveIn(document.getElementById(opener.getAttribute("popovertarget")), event);
    else if (opener && event.key.startsWith("Arrow")) openMenu(event);
  });

  // Exact times: one button for the whole page, or a tap on any time.
  let exact = kept("exact-times") === "on";
  function showTimes() {
    all("time[title]").forEach((time) => {
      time.dataset.words ??= time.textContent;
      const words = exact ? time.title : time.dataset.words;
      if (time.textContent !== words) time.textContent = words;
    });
    all("[data-exact-times]").forEach((button) => button.setAttribute("aria-pressed", String(exact)));
  }
  function switchTimes() {
    exact = !exact;
    keep("exact-times", exact);
    showTimes();
  }
  document.addEventListener("click", (event) => {
    const isTime = event.target.matches?.("time[title]") && !event.target.closest("a, button, summary");
    if (isTime || event.target.closest?.("[data-exact-times]")) switchTimes();
  });

  // Shortcuts: a single key, never while somebody types, and off for who speaks to the computer (WCAG 2.1.4).
  const dialog = document.getElementById("shortcuts");
  let isOff = kept("shortcuts") === "off";
  const isTyping = (target) => target.matches?.("input, textarea, select, [contenteditable]");
  function search() {
    const field = all("main input[type=search], main [data-search]").find((each) => visible(each) && !each.disabled);
    field?.focus();
    field?.select();
    return field;
  }
  const SHORTCUTS = {
    "/": search,
    "?": () => (dialog.showModal(), true),
    t: () => (switchTimes(), true),
  };
  document.addEventListener("keydown", (event) => {
    if (!dialog || dialog.open || isOff || isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (Object.hasOwn(SHORTCUTS, event.key) && SHORTCUTS[event.key]()) event.preventDefault();
  });
  if (dialog) {
    const box = dialog.querySelector("[data-shortcuts-on]");
    box.checked = !isOff;
    box.addEventListener("change", () => {
      isOff = !box.checked;
      keep("shortcuts", box.checked);
    });
    document.addEventListener("click", (event) => {
      if (event.target.closest?.("[data-open-shortcuts]")) dialog.showModal();
      else if (event.target === dialog || event.target.closest?.("[data-close-dialog]")) dialog.close(); // or beside it
    });
  }

  function look() {
    nameOpeners();
    showTimes();
  }
  document.addEventListener("htmx:afterSettle", () => {
    look();
    document.getElementById("toasts")?.classList.toggle("is-far", scrollY > 60); // see 8-ways.css
  });
  look();
})();
