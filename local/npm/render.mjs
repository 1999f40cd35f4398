// Renders the API's description, as JSON, to a folder with a page that needs nothing from anywhere:
// node render.mjs NODE_MODULES DESCRIPTION.json FOLDER

import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [nodeModules, description, folder] = process.argv.slice(2);
const swaggerUi = join(nodeModules, "swagger-ui-dist");
const { info } = JSON.parse(readFileSync(description, "utf8"));

// In a script element nothing but the end of the element has a meaning for HTML.
const json = readFileSync(description, "utf8").trim().replaceAll("</", "<\\/");

const options = {
  deepLinking: true,
  // The page is for reading: nothing is sent from it.
  supportedSubmitMethods: [],
  validatorUrl: null,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  defaultModelExpandDepth: 3,
};

// The policy lets the browser load nothing but what lies beside the page, and connect to nothing at all. `file:` is for
// opening it from the file system, where there is no 'self'.
const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'self' file: 'unsafe-inline'; style-src 'self' file: 'unsafe-inline'; img-src data:">
<title>${info.title} ${info.version}: the HTTP API</title>
<link rel="stylesheet" href="swagger-ui.css">
<style>body { margin: 0; } .swagger-ui .info .main > a { display: none; }</style>
</head>
<body>
<div id="api"></div>
<script src="swagger-ui-bundle.js"></script>
<script>
const description = ${json};
const page = SwaggerUIBundle({ domNode: document.getElementById("api"), ...${JSON.stringify(options)} });
// References are resolved against an address, and would be looked for in this page if there were none. Nothing is fetched
// from it, and the style above hides the link to it.
page.specActions.updateUrl("https://fluxo.invalid/openapi.json");
page.specActions.updateSpec(JSON.stringify(description));
</script>
</body>
</html>
`;

mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, "index.html"), page);
for (const file of ["swagger-ui-bundle.js", "swagger-ui-bundle.js.LICENSE.txt", "swagger-ui.css"]) {
  copyFileSync(join(swaggerUi, file), join(folder, file));
}
for (const file of ["LICENSE", "NOTICE"]) {
  copyFileSync(join(swaggerUi, file), join(folder, `swagger-ui.${file}.txt`));
}
