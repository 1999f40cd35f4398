import { describe, expect, it } from "vitest";
import type { BatchEntry, Entry } from "../../src/api/types";
import { batches } from "../../src/import/batches";
import { knownRows, ranges, type Asked } from "../../src/import/known";
import { notTakenCsv, refusedBytes } from "../../src/import/refused";
import { changed, guessed } from "../../src/import/parser";
import { fileRows, type SendRow } from "../../src/import/rows";
import { csvCell } from "../../src/lib/csv";
import { entryId } from "../../src/lib/uuid5";
import { nextCursor } from "../../src/api/endpoints";

const entry = (key: string, description = "x"): BatchEntry => ({
  idempotency_key: key,
  type: "credit",
  amount: "1.00",
  date: "2026-11-27",
  description,
});

describe("batches", () => {
  it("have at most 500 entries, in the order of the file", () => {
    const all = batches(Array.from({ length: 1271 }, (_, index) => entry(`k${index}`)));
    expect(all.map((batch) => batch.length)).toEqual([500, 500, 271]);
    expect(all.flat().map((each) => each.idempotency_key)).toEqual(
      Array.from({ length: 1271 }, (_, index) => `k${index}`),
    );
  });

  it("stay below the limits of body and state, in bytes and not characters", () => {
    const all = batches(Array.from({ length: 500 }, (_, index) => entry(`k${index}`, "ã".repeat(250))));
    expect(all.length).toBeGreaterThan(1);
    for (const batch of all) {
      expect(new TextEncoder().encode(JSON.stringify({ entries: batch })).length).toBeLessThan(256 * 1024);
      expect(
        batch.reduce((total, each) => total + new TextEncoder().encode(JSON.stringify(each)).length + 100, 0),
      ).toBeLessThan(200 * 1024);
    }
  });

  it("count quotation marks and backslashes twice", () => {
    const plain = batches(Array.from({ length: 500 }, (_, index) => entry(`k${index}`, "x".repeat(160))));
    const quoted = batches(Array.from({ length: 500 }, (_, index) => entry(`k${index}`, '"'.repeat(160))));
    expect(plain).toHaveLength(1);
    expect(quoted.length).toBeGreaterThan(1);
  });

  it("of nothing are none", () => {
    expect(batches([])).toEqual([]);
  });
});

describe("the ranges of an export", () => {
  it("cover all dates, each with at most 366 days", () => {
    expect(ranges(["2026-03-01", "2025-03-01", "2026-03-01"])).toEqual([["2025-03-01", "2026-03-01"]]);
    expect(ranges(["2025-01-01", "2026-01-02"])).toEqual([
      ["2025-01-01", "2025-01-01"],
      ["2026-01-02", "2026-01-02"],
    ]);
    expect(ranges([])).toEqual([]);
  });

  it("follow the link to the next page", () => {
    expect(nextCursor('<entries.csv?from=2026-11-22&to=2026-11-23&currency=BRL&cursor=a_b-c>; rel="next"')).toBe(
      "a_b-c",
    );
    expect(nextCursor(null)).toBeNull();
  });
});

describe("the file of rows that were not taken", () => {
  it("has the line, the reason and what was sent", () => {
    const row = {
      kind: "send" as const,
      line: 7,
      entry: entry("k", "Pagto; Serra"),
      otherKeys: [],
      exportedFrom: null,
    };
    expect(notTakenCsv([{ row, reason: 'says "x"' }])).toBe(
      "refused_line,refused_reasons,date,type,amount,currency,description,category\r\n" +
        '7,"says ""x""",2026-11-27,credit,1.00,BRL,"Pagto; Serra",\r\n',
    );
    expect(new TextDecoder("windows-1252").decode(refusedBytes(btoa("a;Cart\u00e3o\r\n")))).toBe("a;Cartão\r\n");
  });

  it("runs nothing in a spreadsheet and leaves figures as they are", () => {
    expect(csvCell("=1+1")).toBe("'=1+1");
    expect(csvCell(" @SUM(A1)")).toBe("' @SUM(A1)");
    expect(csvCell("-49,90")).toBe('"-49,90"');
    expect(csvCell("-49.90")).toBe("-49.90");
    expect(csvCell('a "b"')).toBe('"a ""b"""');
    expect(csvCell("two\nlines")).toBe('"two\nlines"');
  });
});

describe("how a file is read", () => {
  it("begins with what was guessed, and what is taken away is left to the file", () => {
    const options = guessed({
      format: "csv",
      encoding: "windows-1252",
      delimiter: ";",
      columns: ["Data", "Valor"],
      no_header: false,
      lines_before_header: 0,
      sample: [],
      mapping: [["date", "Data"]],
      id_column: null,
      date_format: null,
      date_formats: [],
      decimal: "comma",
    });
    expect(options).toEqual({
      format: "csv",
      encoding: "windows-1252",
      delimiter: ";",
      no_header: false,
      mapping: [["date", "Data"]],
      decimal: "comma",
    });
    expect(changed(options, { decimal: undefined, account: "4471-9" })).not.toHaveProperty("decimal");
    expect(guessed({ format: "ofx" })).toEqual({ format: "ofx" });
  });

  it("gives its rows in the order of the file", () => {
    const rows = fileRows({
      rows: [{ line: 9, key: "k", other_keys: [], entry: JSON.stringify(entry("k")) }],
      refused: [{ line: 7, cells: ["x"], reasons: [] }],
      skipped: [{ line: 8, why: "a balance" }],
    });
    expect(rows.map(({ line, kind }) => [line, kind])).toEqual([
      [7, "refused"],
      [8, "skipped"],
      [9, "send"],
    ]);
  });
});

describe("rows that are posted already", () => {
  const row = (line: number, key: string, values: Partial<SendRow> = {}): SendRow => {
    return { kind: "send", line, entry: entry(key), otherKeys: [], exportedFrom: null, ...values };
  };
  const id = (key: string): Promise<string> => entryId("acme", key);
  const page = (...ids: string[]): string =>
    ["date,id,type", ...ids.map((each) => `2026-11-27,${each},credit`), ""].join("\r\n");

  /** The lines that are known where the export has these pages and these entries were reversed, and what was asked. */
  async function known(
    rows: SendRow[],
    pages: string[],
    reversed: string[] = [],
  ): Promise<{ lines: number[]; pages: number; looks: string[] }> {
    const looks: string[] = [];
    let read = 0;
    const asked: Asked = {
      async *pages() {
        for (const each of pages) {
          read += 1;
          yield await Promise.resolve(each);
        }
      },
      entry(wanted) {
        looks.push(wanted);
        return Promise.resolve({ status: "posted", reversed_by: reversed.includes(wanted) ? "x" : null } as Entry);
      },
    };
    const lines = await knownRows(rows, "acme", {}, asked);
    return { lines: [...lines].sort((a, b) => a - b), pages: read, looks };
  }

  it("are those of their own key, and of the entry that they were exported from", async () => {
    const exported = row(3, "c", { exportedFrom: "00000000-0000-5000-8000-000000000001" });
    const rows = [row(1, "a"), row(2, "b"), exported];
    const pages = [page(await id("b")), page("00000000-0000-5000-8000-000000000001")];
    expect(await known(rows, pages)).toEqual({ lines: [2, 3], pages: 2, looks: [] });
  });

  it("are those of another key, unless that entry was reversed", async () => {
    const rows = [row(1, "a", { otherKeys: ["old-a"] }), row(2, "b", { otherKeys: ["old-b"] })];
    const [oldA, oldB] = [await id("old-a"), await id("old-b")];
    expect(await known(rows, [page(oldA, oldB)], [oldB])).toEqual({ lines: [1], pages: 1, looks: [oldA, oldB] });
  });

  it("are known by their own key also when that entry was reversed", async () => {
    const rows = [row(1, "a", { otherKeys: ["old-a"] })];
    const own = await id("a");
    expect(await known(rows, [page(own, await id("old-a"))], [own])).toEqual({ lines: [1], pages: 1, looks: [] });
  });

  it("are looked for no further than until all are found", async () => {
    const pages = [page(await id("a")), page(await id("other")), page(await id("another"))];
    expect(await known([row(1, "a")], pages)).toEqual({ lines: [1], pages: 1, looks: [] });
    expect((await known([row(1, "b")], pages)).pages).toBe(3);
  });
});
