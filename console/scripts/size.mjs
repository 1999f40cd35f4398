/**
 * The budget of the first load: script and style, gzipped, without what is loaded later. Fails when it is over.
 *
 * The first load is what index.html names and what that imports, by the manifest of the build; `import()` counts as later.
 */

import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BUDGET = 90_000;

const dist = new URL("../dist/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", dist), "utf8"));
const size = (file) => gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length;

/** A chunk's files, with those of everything that it imports. */
function filesOf(name, files = new Set()) {
  const chunk = manifest[name];
  if (!chunk || files.has(chunk.file)) return files;
  files.add(chunk.file);
  for (const style of chunk.css ?? []) files.add(style);
  for (const imported of chunk.imports ?? []) filesOf(imported, files);
  return files;
}

const report = (title, files) => {
  const total = files.reduce((sum, file) => sum + size(file), 0);
  console.log(`${title}: ${(total / 1000).toFixed(1)} kB`);
  for (const file of files) console.log(`  ${(size(file) / 1000).toFixed(1).padStart(6)} kB  ${file}`);
  return total;
};

const entry = Object.keys(manifest).find((name) => manifest[name].isEntry);
if (!entry) throw new Error("the build has no entry: run vite build");
const first = [...filesOf(entry)];
const total = report("First load", first);
for (const name of Object.keys(manifest).filter((name) => manifest[name].isDynamicEntry)) {
  report(
    `Later, ${name}`,
    [...filesOf(name)].filter((file) => !first.includes(file)),
  );
}
if (total > BUDGET) {
  console.error(`The first load has ${total} bytes, the budget is ${BUDGET}: load a part of it later with import().`);
  process.exit(1);
}
