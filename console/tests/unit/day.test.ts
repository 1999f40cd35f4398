import { describe, expect, it } from "vitest";
import type { BalanceAsOf, Seal, StatementLine } from "../../src/api/types";
import { rebuilt } from "../../src/screens/day/past";
import { sealLines } from "../../src/screens/day/seal-lines";

let count = 0;
function line(values: Partial<StatementLine>): StatementLine {
  return {
    id: `00000000-0000-5000-8000-${String(++count).padStart(12, "0")}`,
    type: "credit",
    amount: "10.00",
    currency: "BRL",
    date: "2026-11-27",
    description: null,
    category: null,
    reverses: null,
    status: "posted",
    posted_at: "2026-11-27T10:00:00Z",
    reversed_by: null,
    seal: null,
    late: false,
    running_balance: "0.00",
    ...values,
  };
}

const seal = (number: number): Seal => ({
  date: "2026-11-27",
  currency: "BRL",
  number,
  total_credits: "0.00",
  total_debits: "0.00",
  entry_count: 1,
  sealed_at: "2026-11-28T00:00:00Z",
  snapshot: "x",
  sha256: "x",
});

describe("seal lines", () => {
  it("stand below the last entry that they cover", () => {
    const lines = [
      line({ seal: 1 }),
      line({ seal: 1, running_balance: "20.00" }),
      line({ seal: 2, running_balance: "30.00" }),
      line({ late: true }),
    ];
    const places = sealLines(lines, [seal(2), seal(1)], true);
    expect([...places.keys()].sort()).toEqual([1, 2]);
    expect(places.get(1)?.[0]).toMatchObject({ seal: { number: 1 }, balance: "20.00" });
    expect(places.get(2)?.[0]).toMatchObject({ seal: { number: 2 }, balance: "30.00" });
  });

  it("show no balance where a late entry stands above them", () => {
    const places = sealLines([line({ seal: 1 }), line({ late: true }), line({ seal: 1 })], [seal(1)], true);
    expect(places.get(2)?.[0]?.balance).toBeNull();
  });

  it("wait for the next page if what they cover may go on there", () => {
    const lines = [line({ seal: 1 }), line({ seal: 1 })];
    expect(sealLines(lines, [seal(1)], false).size).toBe(0);
    expect(sealLines(lines, [seal(1)], true).size).toBe(1);
    expect(sealLines([...lines, line({})], [seal(1)], false).size).toBe(1);
  });
});

describe("a past statement", () => {
  const then: BalanceAsOf = {
    date: "2026-11-27",
    currency: "BRL",
    opening_balance: "100.00",
    total_credits: "10.00",
    total_debits: "4.00",
    closing_balance: "106.00",
    entry_count: 2,
    as_of: "2026-11-27T12:00:00Z",
  };
  const lines = [
    line({}),
    line({ type: "debit", amount: "4.00", posted_at: "2026-11-27T12:00:00.000000Z" }),
    line({ posted_at: "2026-11-27T12:00:00.000001Z" }),
  ];

  it("has what was posted up to the moment, with the balances of then", () => {
    expect(rebuilt(lines, then)?.map((each) => each.running_balance)).toEqual(["110.00", "106.00"]);
  });

  it("is not shown if it does not add up to what the ledger says", () => {
    expect(rebuilt(lines.slice(1), then)).toBeNull();
    expect(rebuilt(lines, { ...then, entry_count: 3 })).toBeNull();
    expect(rebuilt(lines, { ...then, closing_balance: "106.01" })).toBeNull();
  });
});
