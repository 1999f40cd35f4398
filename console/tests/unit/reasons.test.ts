import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { reasonsText as en } from "../../src/i18n/en/reasons";
import { reasonsText as pt } from "../../src/i18n/pt/reasons";
import { fieldName, optionNames, said } from "../../src/import/reasons";
import { settings } from "../../src/state/settings.svelte";

const path = (name: string): string => fileURLToPath(new URL(`../../../${name}`, import.meta.url));

function rustFiles(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const file = join(folder, name);
    if (statSync(file).isDirectory()) return name === "tests" ? [] : rustFiles(file);
    return name.endsWith(".rs") && name !== "tests.rs" && name !== "options.rs" ? [file] : [];
  });
}

/** Something good in the place of a value, where the place says what it is. */
const VALUES: readonly (readonly [string, string])[] = [
  ["--map: {0}", "--map: map the date: --map date=COLUMN"],
  ["1234.56 or 1,234.56 (for", "is not an amount such as 1234.56 or 1,234.56 (for"],
  ["delimiter is {0:?}", "delimiter is ';'"],
  ["{sign}:", "negative:"],
  ["{words:?}", '"Saldo"'],
  ["{0:?}", '"x"'],
];

/** Sentences of the parser that name an option of the command. */
function sentencesWithOptions(): string[] {
  return rustFiles(path("crates/statement-file/src")).flatMap((file) => {
    const code = readFileSync(file, "utf8").split("#[cfg(test)]")[0] ?? "";
    return [...code.matchAll(/"((?:[^"\\]|\\[^])*)"/g)]
      .map(([, text]) => (text ?? "").replace(/\\\n\s*/g, "").replaceAll('\\"', '"'))
      .filter((text) => / --[a-z]|^--map: /.test(text) && !text.startsWith("--skip "))
      .map((text) => VALUES.reduce((filled, [place, value]) => filled.replace(place, value), text))
      .map((text) => text.replaceAll(/\{\w*(:\?)?\}/g, "7"));
  });
}

/** What the parser says of the files of its own tests. */
function sentencesOfAnswers(): string[] {
  const folder = path("console/wasm/tests/answers");
  return readdirSync(folder).flatMap((name) => {
    const { answer } = JSON.parse(readFileSync(join(folder, name), "utf8")) as {
      answer: {
        notes?: string[];
        refused?: { reasons: { detail: string }[] }[];
        skipped?: { why: string }[];
        error?: { detail: string };
      };
    };
    return [
      ...(answer.notes ?? []),
      ...(answer.refused ?? []).flatMap((row) => row.reasons.map((reason) => reason.detail)),
      ...(answer.skipped ?? []).map((row) => row.why),
      ...(answer.error ? [answer.error.detail] : []),
    ];
  });
}

describe.each(["pt", "en"] as const)("what the parser says, in %s", (language) => {
  const texts = language === "pt" ? pt : en;

  beforeEach(() => {
    vi.spyOn(settings, "language", "get").mockReturnValue(language);
    vi.spyOn(settings, "locale", "get").mockReturnValue(language);
  });

  it("names the page's fields and no option of the command", () => {
    const sentences = sentencesWithOptions();
    expect(sentences.length).toBeGreaterThan(20);
    for (const sentence of sentences) {
      expect(said(sentence), sentence).not.toBe(sentence);
      expect(said(sentence)).not.toContain("--");
    }
  });

  it("is in the reader's language for every file of the parser's tests", () => {
    const sentences = sentencesOfAnswers();
    expect(sentences.length).toBeGreaterThan(10);
    for (const sentence of sentences) expect(said(sentence), sentence).not.toBe(sentence);
  });

  it("keeps what was found in the file", () => {
    expect(said("has more than the 0 fraction digits of JPY")).toBe(
      texts["why.digits"].replace("{a}", "0").replace("{b}", "JPY"),
    );
    expect(said('"Saldo do dia" is a balance')).toContain("Saldo do dia");
    expect(said("line 11: the file has no statement, but an error of the bank: 15500 Signon invalid")).toContain(
      "15500 Signon invalid",
    );
    expect(said("something new")).toBe("something new");
  });

  it("calls fields and options as the page does", () => {
    expect(fieldName("TRNAMT")).toBe(texts["why.fieldAmount"]);
    expect(fieldName("CORRECTFITID")).toBe("CORRECTFITID");
    expect(optionNames(["encoding", "negative-debits"])).toBe(language === "pt" ? "Codificação" : "Encoding");
  });
});
