import { beforeEach, describe, expect, it, vi } from "vitest";
import { Problem, type Fault } from "../../src/api/problem";
import { sentence } from "../../src/i18n/errors";
import { faultSentence, type Sent } from "../../src/i18n/faults";
import { serverFaults } from "../../src/screens/entry/check";
import { settings } from "../../src/state/settings.svelte";

const DETAIL = "what the API says in English";

function said(code: string | undefined, limit: string | undefined, sent: Partial<Sent>): string {
  const fault: Fault = { pointer: "", detail: DETAIL, ...(code && { code }), ...(limit && { limit }) };
  return faultSentence(fault, { field: "amount", value: "1.005", currency: "BRL", ...sent });
}

function speak(language: "pt" | "en", locale: string): void {
  vi.spyOn(settings, "language", "get").mockReturnValue(language);
  vi.spyOn(settings, "locale", "get").mockReturnValue(locale);
}

beforeEach(() => speak("pt", "pt-BR"));

describe("a fault that the API names", () => {
  it.each([
    ["too_many_fraction_digits", "2", {}, "Em reais, no máximo 2 casas decimais. Você digitou 3; nada é arredondado."],
    ["too_many_fraction_digits", "0", { value: "1.5", currency: "JPY" }, /^Em ienes japoneses não há centavos\./],
    ["too_large", "9999999999999.99", {}, "O maior valor de um lançamento é 9.999.999.999.999,99."],
    ["required", undefined, {}, "Digite o valor."],
    ["required", undefined, { field: "type" }, "Falta preencher."],
    ["too_early", "2026-11-22", { field: "date" }, "O dia não pode ser antes de 22/11/2026."],
    ["too_late", "2027-11-28", { field: "date" }, "O dia não pode ser depois de 28/11/2027."],
    ["too_long", "100", { field: "category", value: "🧾".repeat(101) }, "No máximo 100 caracteres; há 101."],
    ["unknown_value", undefined, { field: "currency" }, "O sistema não aceita esta moeda."],
    ["unknown_field", undefined, { field: "colour" }, /^O sistema não entendeu o que esta página enviou/],
  ] as const)("%s, limit %s, is said in Portuguese", (code, limit, sent, expected) => {
    const sentence = said(code, limit, sent);
    if (typeof expected === "string") expect(sentence).toBe(expected);
    else expect(sentence).toMatch(expected);
    expect(sentence).not.toContain(DETAIL);
  });

  it("is said in the language of the page", () => {
    speak("en", "en-US");
    const sentence = "BRL takes at most 2 decimals. You typed 3; nothing is rounded.";
    expect(said("too_many_fraction_digits", "2", {})).toBe(sentence);
  });

  it("is told in the API's words if its code is of a later release, or of none", () => {
    for (const code of ["not_in_plan", undefined, "toString"]) {
      expect(said(code, undefined, {})).toBe(`O servidor recusou: ${DETAIL}`);
    }
  });

  it("stands at its field, the first of a field first", () => {
    const faults: Fault[] = [
      { pointer: "/amount", code: "wrong_type", detail: DETAIL },
      { pointer: "/amount", code: "not_positive", detail: DETAIL },
      { pointer: "/date", code: "too_early", detail: DETAIL, limit: "1900-01-01" },
      { pointer: "/colour", code: "unknown_field", detail: DETAIL },
      { parameter: "currency", code: "unknown_value", detail: DETAIL },
    ];
    expect(Object.keys(serverFaults(new Problem("validation_failed", 400, "", faults), {}))).toEqual([
      "amount",
      "date",
    ]);
  });

  it("that has no field in the form is not looked for there", () => {
    const of = (pointer: string): string =>
      sentence(new Problem("validation_failed", 400, "", [{ pointer, code: "unknown_field", detail: DETAIL }]));
    expect(of("/amount")).toMatch(/Veja as mensagens nos campos/);
    expect(of("/colour")).toMatch(/Recarregue a página/);
  });
});
