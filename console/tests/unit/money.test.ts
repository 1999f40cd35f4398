import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import {
  figure,
  fractionDigits,
  fromMinor,
  isNegative,
  money,
  moneyWithSymbol,
  readAmount,
  readBalance,
  subtract,
  sum,
  toMinor,
  withAllDigits,
} from "../../src/lib/money";
import { CURRENCIES } from "../../src/screens/settings/currencies";

const contract = parse(readFileSync(new URL("../../../openapi.yaml", import.meta.url), "utf8")) as {
  components: { schemas: { Currency: { enum: string[] }; AmountFitsCurrency: { description: string } } };
};

describe("figures", () => {
  it("are formatted exactly, beyond what a Number holds", () => {
    expect(money("9007199254740993.99", "pt-BR")).toBe("9.007.199.254.740.993,99");
    expect(money("123456789012345678901234567890.12", "en-US")).toBe("123,456,789,012,345,678,901,234,567,890.12");
  });

  it("have the true minus, and a sign only where there is something", () => {
    expect(money("-1234.50", "pt-BR")).toBe("−1.234,50");
    expect(money("12.00", "pt-BR", "plus")).toBe("+12,00");
    expect(money("12.00", "pt-BR", "minus")).toBe("−12,00");
    expect(money("0.00", "pt-BR", "minus")).toBe("0,00");
    expect(money("-0.00", "pt-BR")).toBe("0,00");
    expect(money("-5.00", "en-US", "always")).toBe("−5.00");
  });

  it("have the fraction digits that the API has sent", () => {
    expect(money("1500", "pt-BR")).toBe("1.500");
    expect(money("1.234", "pt-BR")).toBe("1,234");
    expect(figure("1500", "pt-BR").fraction).toBe("");
    expect(figure("48478.21", "pt-BR")).toEqual({ sign: "", whole: "48.478", fraction: ",21" });
  });

  it("have the sign in front of the symbol", () => {
    expect(moneyWithSymbol("-1234.56", "BRL", "pt-BR")).toBe("−R$\u00a01.234,56");
  });
});

describe("sums", () => {
  it("are exact where floats are not", () => {
    expect(sum(["0.10", "0.20"], 2)).toBe("0.30");
    expect(
      sum(
        Array.from({ length: 9_223 }, () => "9999999999999.99"),
        2,
      ),
    ).toBe("92229999999999907.77");
    expect(subtract("100.00", "200.75")).toBe("-100.75");
    expect(isNegative(subtract("1.00", "1.00"))).toBe(false);
  });

  it("go from decimal to minor units and back", () => {
    for (const [decimal, digits] of [
      ["-0.05", 2],
      ["0.00", 2],
      ["1500", 0],
      ["-12.345", 3],
    ] as const) {
      expect(fromMinor(toMinor(decimal), digits)).toBe(decimal);
    }
    expect(() => toMinor("1e3")).toThrow();
  });
});

describe("a typed amount", () => {
  const ok = (typed: string, currency = "BRL", locale = "pt-BR"): string | null => {
    const read = readAmount(typed, currency, locale);
    return read.ok ? read.decimal : null;
  };

  it("is read as its language writes it", () => {
    expect(ok("1.234,56")).toBe("1234.56");
    expect(ok("1234,5")).toBe("1234.5");
    expect(ok("R$ 50")).toBe("50");
    expect(ok("007,10")).toBe("7.10");
    expect(ok("1,234.56", "USD", "en-US")).toBe("1234.56");
    expect(ok("1500", "JPY")).toBe("1500");
    expect(ok("1,234", "KWD")).toBe("1.234");
  });

  it("is never guessed or rounded", () => {
    const kind = (typed: string, currency = "BRL", locale = "pt-BR"): string => {
      const read = readAmount(typed, currency, locale);
      return read.ok ? "ok" : read.fault.kind;
    };
    expect(kind("18,905")).toBe("too_many_digits");
    expect(kind("10,5", "JPY")).toBe("too_many_digits");
    expect(kind("1.5")).toBe("ambiguous");
    expect(kind("1.23.456")).toBe("ambiguous");
    expect(kind("1,5,0")).toBe("not_a_number");
    expect(kind("1,2", "USD", "en-US")).toBe("ambiguous");
    expect(kind("abc")).toBe("not_a_number");
    expect(kind("")).toBe("empty");
    expect(kind("0,00")).toBe("not_positive");
    expect(kind("9.999.999.999.999,99")).toBe("ok");
    expect(kind("10.000.000.000.000")).toBe("too_large");
  });
});

describe("a typed balance", () => {
  const read = (typed: string, currency = "BRL", locale = "pt-BR"): string => {
    const balance = readBalance(typed, currency, locale);
    return balance.ok ? balance.decimal : balance.fault.kind;
  };

  it("may be negative or zero, with the sign on either side of the symbol", () => {
    expect(read("-1.234,56")).toBe("-1234.56");
    expect(read("−R$ 50")).toBe("-50");
    expect(read("R$ -50,5")).toBe("-50.5");
    expect(read("- 1,234.56", "USD", "en-US")).toBe("-1234.56");
    expect(read("0")).toBe("0");
    expect(read("5.000")).toBe("5000");
  });

  it("has no negative zero", () => {
    expect(read("-0,00")).toBe("0.00");
  });

  it("is never guessed or rounded", () => {
    expect(read("-18,905")).toBe("too_many_digits");
    expect(read("-1.5")).toBe("ambiguous");
    expect(read("--5")).toBe("not_a_number");
    expect(read("5-")).toBe("not_a_number");
    expect(read("-R$-5")).toBe("not_a_number");
    expect(read("-")).toBe("empty");
    expect(read("-10.000.000.000.000")).toBe("too_large");
  });
});

describe("currencies", () => {
  it("are those of the contract", () => {
    expect(CURRENCIES).toEqual([...contract.components.schemas.Currency.enum].sort());
  });

  it("have the fraction digits that the contract says", () => {
    const said = contract.components.schemas.AmountFitsCurrency.description;
    const digitsBy = new Map<string, number>();
    for (const part of said.split(";")) {
      const digits = Number(/(\d) for /.exec(part)?.[1]);
      for (const code of part.match(/\b[A-Z]{3}\b/g) ?? []) digitsBy.set(code, digits);
    }
    expect(digitsBy.size).toBe(26);
    for (const code of CURRENCIES) expect([code, fractionDigits(code)]).toEqual([code, digitsBy.get(code) ?? 2]);
  });

  it("complete what was typed", () => {
    expect(withAllDigits("150", "BRL")).toBe("150.00");
    expect(withAllDigits("1.5", "KWD")).toBe("1.500");
    expect(withAllDigits("1500", "JPY")).toBe("1500");
  });
});
