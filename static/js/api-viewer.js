// Show the API's document with Swagger UI. The key that is typed in is kept in this page alone.
(() => {
  "use strict";
  const root = document.documentElement;
  const place = document.querySelector("#viewer");

  // The theme of the person, else of the system. Swagger UI has a class for the dark one.
  const system = matchMedia("(prefers-color-scheme: dark)");
  const paint = () => root.classList.toggle("dark-mode", root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  system.addEventListener("change", paint);
  paint();

  // What Swagger UI draws has no names for a screen reader, and no way to scroll by keyboard.
  const labels = {
    "#servers": "Server",
    ".body-param textarea": "Request body",
    ".close-modal": "Close",
    ".copy-to-clipboard button": "Copy",
    "input[type=file]": "File",
  };
  function name(element, label) {
    if (!element.getAttribute("aria-label")) element.setAttribute("aria-label", label);
  }
  function mend() {
    for (const [selector, label] of Object.entries(labels)) place.querySelectorAll(selector).forEach((each) => name(each, label));
    // Its headings leave out a level.
    place.querySelectorAll("h3, h4, h5").forEach((each) => each.setAttribute("aria-level", Number(each.tagName[1]) - 1));
    place.querySelectorAll(".microlight").forEach((each) => each.setAttribute("tabindex", "0"));
    place.querySelectorAll("[role=dialog], .modal-ux").forEach((each) => name(each, "Authorize"));
  }
  let waits = false;
  new MutationObserver(() => {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => {
      waits = false;
      mend();
    });
  }).observe(place, { childList: true, subtree: true });

  SwaggerUIBundle({
    url: place.dataset.document,
    domNode: place,
    presets: [SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
    deepLinking: false, // its links would lie within the buttons that open an operation
    syntaxHighlight: { activated: false }, // its colours are too pale, and no sheet can change them
    docExpansion: "list",
    defaultModelsExpandDepth: -1,
    persistAuthorization: false,
    validatorUrl: "none",
    requestInterceptor: (request) => ({ ...request, credentials: "omit" }),
  });
})();
