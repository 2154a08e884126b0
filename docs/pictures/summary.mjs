// Renders a step summary approximately as GitHub shows it, in a headless Chromium with
// GitHub's style sheet and Mermaid.
//
//     cd docs/pictures
//     npm install --no-save mermaid@11 marked@18 github-markdown-css@5
//     node summary.mjs ../../tests/end_to_end/expected/two_attempts/summary.md summary.png

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { marked } from "marked";

const [summary, picture, width = "900"] = process.argv.slice(2);
const modules = resolve(import.meta.dirname, "node_modules");
const address = (path) => pathToFileURL(join(modules, path)).href;

const body = await marked.parse(readFileSync(summary, "utf8"), { gfm: true });
const page = `<!doctype html>
<meta charset="utf-8">
<link rel="stylesheet" href="${address("github-markdown-css/github-markdown-light.css")}">
<body class="markdown-body" style="margin: 0; padding: 24px">${body}
<script src="${address("mermaid/dist/mermaid.min.js")}"></script>
<script>
  const drawn = [...document.querySelectorAll("code.language-mermaid")].map((code) => {
    const drawing = document.createElement("div");
    drawing.className = "mermaid";
    drawing.textContent = code.textContent;
    code.parentElement.replaceWith(drawing);
    return drawing;
  });
  mermaid.initialize({ startOnLoad: false, securityLevel: "strict" });
  mermaid.run({ nodes: drawn }).then(
    () => (document.title = String(document.body.scrollHeight)),
    (error) => (document.title = error.message),
  );
</script>`;

const folder = mkdtempSync(join(tmpdir(), "summary-"));
const file = join(folder, "summary.html");
writeFileSync(file, page);

function chromium(height, ...what) {
  const always = ["--headless", "--no-sandbox", "--hide-scrollbars", "--virtual-time-budget=9000"];
  const size = `--window-size=${width},${height}`;
  const profile = `--user-data-dir=${join(folder, "profile")}`;
  const args = [...always, profile, size, ...what, pathToFileURL(file).href];
  return execFileSync("chromium", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
}

const [, height] = chromium(600, "--dump-dom").match(/<title>(.*?)<\/title>/s) ?? [];
if (!/^\d+$/.test(height)) throw new Error(`${summary} was not drawn: ${height}`);
chromium(height, `--screenshot=${resolve(picture)}`);
rmSync(folder, { recursive: true, force: true });
