import { describe, expect, it } from "vitest";
import { forgetForm, keepForm, keptForm } from "../../src/state/form-draft";

function storage(): () => Storage {
  const kept = new Map<string, string>();
  const store = {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
    removeItem: (name: string) => void kept.delete(name),
  } as Storage;
  return () => store;
}

const isText = (value: unknown): value is string => typeof value === "string";

describe("a form that was left", () => {
  it("is there for whoever typed it, and for nobody else", () => {
    const tab = storage();
    keepForm("alert", "shop marina", "10,00", tab);
    expect(keptForm("alert", "shop marina", isText, tab)).toBe("10,00");
    expect(keptForm("alert", "shop caio", isText, tab)).toBeNull();
    expect(keptForm("endpoint", "shop marina", isText, tab)).toBeNull();
  });

  it("is gone when it was sent", () => {
    const tab = storage();
    keepForm("alert", "shop marina", "10,00", tab);
    forgetForm("alert", tab);
    expect(keptForm("alert", "shop marina", isText, tab)).toBeNull();
  });

  it("of another shape is as none", () => {
    const tab = storage();
    keepForm("alert", "shop marina", { threshold: 10 }, tab);
    expect(keptForm("alert", "shop marina", isText, tab)).toBeNull();
  });
});
