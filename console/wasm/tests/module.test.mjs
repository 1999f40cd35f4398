// The module as WebAssembly answers as the same code does on this machine (answers.rs), for each file of cases.json, and survives
// every input that other parsers are tested with. `python3 local wasm` builds it.

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { test } from "node:test";

import { StatementFile, latestToday } from "../statement-file.js";

const here = new URL(".", import.meta.url);
const module = await WebAssembly.compile(await readFile(new URL("../built/statement-file.wasm", here)));
const statements = new StatementFile(module);
const cases = JSON.parse(await readFile(new URL("cases.json", here), "utf8"));

test("the module needs nothing of its host", () => {
  assert.deepEqual(WebAssembly.Module.imports(module), []);
});

for (const { file, options } of cases) {
  test(`${file} has the rows and keys of the command`, async () => {
    const bytes = await readFile(new URL(`files/${file}`, here));
    const expected = JSON.parse(await readFile(new URL(`answers/${file}.json`, here), "utf8"));
    assert.deepEqual(await statements.inspect(bytes), expected.inspection);
    assert.deepEqual(await statements.read(bytes, options), expected.answer);
  });
}

test("any input is answered, and never by a trap", async () => {
  const corpora = new URL("../../../tests/parsers/corpus/", here);
  const inputs = [new Uint8Array(), ...(await Promise.all(cases.map(({ file }) => readFile(new URL(`files/${file}`, here)))))];
  for (const corpus of await readdir(corpora)) {
    for (const name of await readdir(new URL(`${corpus}/`, corpora))) {
      inputs.push(await readFile(new URL(`${corpus}/${name}`, corpora)));
    }
  }
  assert.ok(inputs.length > 100);
  const today = "2026-12-01";
  const mapping = [["date", "1"], ["amount", "2"]];
  const ways = [{ format: "ofx", today }, { format: "csv", today, no_header: true, mapping }, {}];
  for (const input of inputs) {
    // Whole, and cut in the middle.
    for (const bytes of [input, input.subarray(0, input.length / 2)]) {
      assert.ok((await statements.inspect(bytes)).format);
      for (const options of ways) {
        const answer = await statements.read(bytes, options);
        assert.ok(answer.rows || answer.error.detail);
      }
    }
  }
});

test("today is that of the latest time zone", () => {
  assert.equal(latestToday(new Date("2026-11-22T09:59:59Z")), "2026-11-22");
  assert.equal(latestToday(new Date("2026-11-22T10:00:00Z")), "2026-11-23");
});
