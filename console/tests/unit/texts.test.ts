import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { en } from "../../src/i18n/en";
import { importText as enImport } from "../../src/i18n/en/import";
import { integrationsText as enIntegrations } from "../../src/i18n/en/integrations";
import { reasonsText as enReasons } from "../../src/i18n/en/reasons";
import { pt } from "../../src/i18n/pt";
import { importText as ptImport } from "../../src/i18n/pt/import";
import { integrationsText as ptIntegrations } from "../../src/i18n/pt/integrations";
import { reasonsText as ptReasons } from "../../src/i18n/pt/reasons";

const root = fileURLToPath(new URL("../../src", import.meta.url));

function files(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? files(path) : [path];
  });
}

const sources = files(root)
  .filter((path) => /\.(svelte|ts)$/.test(path) && !path.includes("schema.d.ts"))
  .map((path) => ({ path, text: readFileSync(path, "utf8") }));

const placeholders = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();

describe.each([
  ["the page", pt as Record<string, string>, en as Record<string, string>],
  ["the importer", ptImport as Record<string, string>, enImport as Record<string, string>],
  ["webhooks and alerts", ptIntegrations as Record<string, string>, enIntegrations as Record<string, string>],
  ["the parser's sentences", ptReasons as Record<string, string>, enReasons as Record<string, string>],
])("the texts of %s", (_, first, second) => {
  it("are there in both languages, with the same values", () => {
    expect(Object.keys(second).sort()).toEqual(Object.keys(first).sort());
    for (const [key, text] of Object.entries(first)) {
      expect(text.trim(), key).not.toBe("");
      expect([key, placeholders(second[key] ?? "")]).toEqual([key, placeholders(text)]);
    }
  });

  it("have both forms where they count", () => {
    for (const key of Object.keys(first)) {
      if (key.endsWith(".one")) expect(first).toHaveProperty([key.replace(/one$/, "other")]);
      if (key.endsWith(".other")) expect(first).toHaveProperty([key.replace(/other$/, "one")]);
    }
  });

  it("are all used", () => {
    const code = sources
      .filter(({ path }) => !path.includes("i18n/pt") && !path.includes("i18n/en"))
      .map(({ text }) => text)
      .join("\n");
    // Keys that are put together from a part that varies.
    const built =
      /^(status|theme)\.|^row\.(date|amount|type|credit|debit|currency|description|category|id)$|^balances\.(open|sealed|restated)\./;
    const unused = Object.keys(first).filter(
      (key) => !built.test(key) && !code.includes(`"${key.replace(/\.(one|other)$/, "")}"`),
    );
    expect(unused).toEqual([]);
  });
});

describe("the sources", () => {
  it("have nothing that the page's policy refuses", () => {
    for (const { path, text } of sources) {
      expect(text, path).not.toMatch(/\sstyle="/);
      expect(text, path).not.toContain("{@html");
      expect(text, path).not.toMatch(/\bon\w+="/);
    }
  });

  it("are files that fit a few screens", () => {
    for (const { path, text } of sources) expect([path, text.split("\n").length < 330]).toEqual([path, true]);
  });
});
