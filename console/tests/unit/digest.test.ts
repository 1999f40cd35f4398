import { readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { covered, grouped, sealDigest, type Sealed } from "../../src/lib/digest";
import { entryId } from "../../src/lib/uuid5";

const line = (values: Partial<Sealed>): Sealed => ({
  id: "f8074bc3-3d8c-5a13-bf98-16220b3a9341",
  type: "credit",
  amount: "150.75",
  currency: "BRL",
  date: "2026-11-22",
  description: "Card sale",
  category: "sales",
  reverses: null,
  seal: 1,
  ...values,
});

const entries: Sealed[] = [
  line({}),
  line({
    id: "6df5ef77-b570-5306-a815-8e0e61dd9832",
    type: "debit",
    amount: "50.00",
    description: "Rent of the stall",
    category: null,
  }),
  line({ id: "fa49d23b-2fc0-5454-b3c4-bc8ae383f00b", amount: "20.00", description: null }),
];

describe("the digest of a seal", () => {
  it("is that of the contract's own example", async () => {
    const contract = parse(readFileSync(new URL("../../../openapi.yaml", import.meta.url), "utf8")) as {
      components: { examples: { seal: { value: { sha256: string } } } };
    };
    expect(await sealDigest(entries, 1)).toBe(contract.components.examples.seal.value.sha256);
  });

  it("does not depend on the order, and leaves out what the seal does not cover", async () => {
    const late = line({ id: "00000000-0000-5000-8000-000000000000", seal: null });
    const second = line({ id: "00000000-0000-5000-8000-000000000001", seal: 2 });
    expect(await sealDigest([late, second, ...entries].reverse(), 1)).toBe(await sealDigest(entries, 1));
    expect(await sealDigest([second, ...entries], 2)).not.toBe(await sealDigest(entries, 1));
    expect(covered([late, second, ...entries], 1)).toHaveLength(3);
  });

  it("counts bytes of UTF-8, not characters, and drops leading zeros of the minor units", async () => {
    const text = [
      "36:f8074bc3-3d8c-5a13-bf98-16220b3a9341",
      "6:credit",
      "1:5",
      "3:BRL",
      "10:2026-11-22",
      "6:São 1",
      "0:",
      "absent",
    ];
    const expected = createHash("sha256")
      .update(text.map((part) => `${part}\n`).join(""))
      .digest("hex");
    expect(await sealDigest([line({ amount: "0.05", description: "São 1", category: "" })], 1)).toBe(expected);
  });

  it("of a day without entries is the SHA-256 of nothing", async () => {
    expect(await sealDigest([], 1)).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect(grouped("e3b0c442")).toBe("e3b0 c442");
  });
});

describe("the id of an entry", () => {
  it("is derived from merchant and key as in the contract's example", async () => {
    // The fixtures of crates/cashflow/src/identity.rs, which another implementation has given.
    const source = readFileSync(new URL("../../../crates/cashflow/src/identity.rs", import.meta.url), "utf8");
    const id = await entryId("acme", "sale-1");
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(source).toContain(id);
  });
});
