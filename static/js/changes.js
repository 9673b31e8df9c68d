// The save bar: what of a form is not saved yet.
(() => {
  "use strict";
  const bar = () => document.querySelector("[data-changes]");
  const words = (element) => element.textContent.trim().replace(/\s+/g, " ");

  function nameOf(field) {
    if (field.dataset.name) return field.dataset.name;
    const label = field.type === "radio" ? field.closest("fieldset")?.querySelector("h2, legend") : field.labels?.[0];
    if (!label) return field.name;
    const unit = field.closest(".unit")?.querySelector("span");
    const own = label.cloneNode(true);
    own.querySelectorAll("small, .optional").forEach((part) => part.remove());
    return words(own) + (unit && !words(own).includes(words(unit)) ? ` ${words(unit)}` : "");
  }
  // Of two radios that changed, the one that is chosen now is the change.
  const isLine = (field) => isChanged(field) && (field.type !== "radio" || field.checked);

  // One line: a key that opens it or no longer does, or a value before and after.
  function line(field) {
    const item = document.createElement("li");
    const add = (tag, text) => {
      const part = document.createElement(tag);
      part.textContent = text;
      item.append(" ", part);
    };
    if (field.type === "checkbox") {
      add(field.checked ? "ins" : "del", nameOf(field));
      if (field.name === "keys") item.append(field.checked ? " opens it" : " no longer opens it");
      return item;
    }
    item.append(`${nameOf(field)}:`);
    if (field.type === "radio") add("ins", words(field.closest("label").querySelector("b") ?? field.closest("label")));
    else {
      if (field.defaultValue) add("del", field.defaultValue);
      add("ins", field.value || "none");
    }
    return item;
  }
  function count() {
    const box = bar();
    const form = box?.closest("form");
    if (!form) return;
    const fields = [...form.elements].filter((field) => field.name && field.type !== "hidden" && field.form === form);
    const changed = fields.filter((field) => field.matches("input, textarea, select") && isLine(field));
    const isRefused = form.hasAttribute("data-unsaved");
    box.hidden = changed.length === 0 && !isRefused;
    box.querySelector("[data-changes-count]").textContent =
      changed.length === 0 ? "Not saved yet" : changed.length === 1 ? "1 change" : `${changed.length} changes`;
    const list = box.querySelector("[data-changes-list]");
    list.replaceChildren(...changed.map(line));
    if (changed.length > 0) return;
    const item = document.createElement("li");
    item.textContent = "The form was refused, and nothing of it is saved.";
    list.append(item);
  }
  document.addEventListener("input", count);
  document.addEventListener("change", count);
  document.addEventListener("reset", () => setTimeout(count));
  document.addEventListener("htmx:afterSettle", count);

  count();
})();
