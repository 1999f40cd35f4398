import { beforeEach, describe, expect, it } from "vitest";
import { forgetDraft, keep, keptDraft, newDraft, newKey, type Form } from "../../src/state/drafts";
import { forgetReversal, keepReversal, reversalDraft } from "../../src/state/reversals";

/** A storage as browsers have it. */
class Store implements Storage {
  #items = new Map<string, string>();
  get length(): number {
    return this.#items.size;
  }
  key = (index: number): string | null => [...this.#items.keys()][index] ?? null;
  getItem = (name: string): string | null => this.#items.get(name) ?? null;
  setItem = (name: string, value: string): void => void this.#items.set(name, value);
  removeItem = (name: string): void => void this.#items.delete(name);
  clear = (): void => this.#items.clear();
}

const form: Form = { type: "credit", amount: "10", currency: "BRL", date: "2026-11-28", description: "", category: "" };
let store = new Store();
const storage = (): Storage => store;

beforeEach(() => (store = new Store()));

describe("the key of a draft", () => {
  it("is one that the API takes, and never the same", () => {
    const keys = new Set(Array.from({ length: 1000 }, newKey));
    expect(keys.size).toBe(1000);
    for (const key of keys) expect(key).toMatch(/^[!-~]{1,64}$/);
  });

  it("is there after a reload, with what was typed and what was sent", () => {
    const draft = newDraft("acme\nu1", form, storage);
    keep({ ...draft, form: { ...form, amount: "12" }, sent: { type: "credit", amount: "12" } }, storage);
    const kept = keptDraft("acme\nu1", storage);
    expect(kept?.key).toBe(draft.key);
    expect(kept?.form.amount).toBe("12");
    expect(kept?.sent).toEqual({ type: "credit", amount: "12" });
  });

  it("is not another user's, and is gone once answered", () => {
    const draft = newDraft("acme\nu1", form, storage);
    expect(keptDraft("acme\nu2", storage)).toBeNull();
    forgetDraft(storage);
    expect(keptDraft("acme\nu1", storage)).toBeNull();
    expect(newDraft("acme\nu1", form, storage).key).not.toBe(draft.key);
  });

  it("is not taken from what is no draft", () => {
    for (const wrong of ["", "null", "[]", '{"owner":"acme\\nu1"}', "{"]) {
      store.setItem("fluxo.draft", wrong);
      expect(keptDraft("acme\nu1", storage)).toBeNull();
    }
  });
});

describe("the key of a reversal", () => {
  it("stays the same for its entry until it is answered", () => {
    const first = reversalDraft("e1", "acme\nu1", storage);
    keepReversal("e1", { ...first, sent: { date: "2026-11-28" } }, storage);
    expect(reversalDraft("e1", "acme\nu1", storage)).toEqual({ ...first, sent: { date: "2026-11-28" } });
    expect(reversalDraft("e2", "acme\nu1", storage).key).not.toBe(first.key);
    forgetReversal("e1", storage);
    expect(reversalDraft("e1", "acme\nu1", storage).key).not.toBe(first.key);
  });
});
