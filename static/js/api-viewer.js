// Show the API's document with Swagger UI. The key that is typed in is kept in this page alone.
(() => {
  "use strict";
  const place = document.querySelector("#viewer");
  SwaggerUIBundle({
    url: place.dataset.document,
    domNode: place,
    presets: [SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: -1,
    persistAuthorization: false,
    validatorUrl: "none",
    requestInterceptor: (request) => ({ ...request, credentials: "omit" }),
  });
})();
