import { describe, expect, it } from "vitest";
import { initials, readClaims } from "../../src/auth/claims";
import { ConfigError, readConfig } from "../../src/config";
import { problemOf } from "../../src/api/problem";
import { levels, halves } from "../../src/screens/balances/calendar";
import { scale, step } from "../../src/screens/balances/scale";

const token = (claims: object): string => `h.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.s`;

describe("an ID token", () => {
  it("tells merchant, groups and name", () => {
    const claims = readClaims(
      token({ sub: "1", "custom:merchant_id": "acme", "cognito:groups": ["clerk"], name: "José Íñigo", exp: 7 }),
    );
    expect(claims).toEqual({ subject: "1", merchant: "acme", name: "José Íñigo", groups: ["clerk"], expires: 7 });
    expect(readClaims(token({ sub: "1" }))).toMatchObject({ merchant: "", groups: [], name: "1" });
  });

  it("gives two letters", () => {
    expect(initials("Marina Reis")).toBe("MR");
    expect(initials("clerk.acme")).toBe("CA");
    expect(initials("ana@acme.example")).toBe("AN");
  });
});

describe("config.json", () => {
  const auth = {
    authorizeUrl: "https://a/authorize",
    tokenUrl: "https://a/token",
    logoutUrl: "https://a/logout",
    clientId: "c",
    redirectUri: "https://p/",
  };

  it("names what is wrong with it", () => {
    expect(readConfig({ apiBase: "/api/", auth })).toMatchObject({
      apiBase: "/api",
      timeZone: "America/Sao_Paulo",
      devToken: null,
    });
    expect(() => readConfig([])).toThrow(ConfigError);
    expect(() => readConfig({ auth })).toThrow("apiBase");
    expect(() => readConfig({ apiBase: "/api", auth: { ...auth, tokenUrl: 7 } })).toThrow("tokenUrl");
    expect(() => readConfig({ apiBase: "/api", timeZone: "Mars/Base" })).toThrow("timeZone");
    const inspector = {
      kind: "aws",
      region: "r",
      stateMachineArn: "a",
      standardStateMachineArn: "b",
      logGroups: ["g"],
    };
    expect(readConfig({ apiBase: "/api", inspector }).inspector).toEqual(inspector);
    for (const field of ["region", "stateMachineArn", "standardStateMachineArn", "logGroups"]) {
      expect(() => readConfig({ apiBase: "/api", inspector: { ...inspector, [field]: undefined } })).toThrow(field);
    }
    expect(readConfig({ apiBase: "/api" }).inspector).toBeNull();
  });
});

describe("a problem", () => {
  it("has the contract's code, or the gateway's meaning", async () => {
    const of = (status: number, body: string, headers = {}): Promise<unknown> =>
      problemOf(new Response(body, { status, headers }));
    expect(await of(503, '{"code":"temporarily_unavailable","detail":"x"}', { "Retry-After": "3" })).toMatchObject({
      code: "temporarily_unavailable",
      retryAfterS: 3,
      isTransient: true,
    });
    expect(await of(401, '{"message":"Unauthorized"}')).toMatchObject({ code: "unauthorized", isTransient: false });
    expect(await of(429, '{"message":"Too Many Requests"}')).toMatchObject({
      code: "too_many_requests",
      isTransient: true,
    });
    expect(await of(500, "<html>")).toMatchObject({ code: "gateway", status: 500 });
    expect(await of(400, '{"code":"validation_failed","errors":[{"pointer":"/amount","detail":"d"},7]}')).toMatchObject(
      { faults: [{ pointer: "/amount", detail: "d" }] },
    );
  });
});

describe("charts", () => {
  it("begin at zero and have round steps", () => {
    const axis = scale([4_500_000n, 2_900_000n]);
    expect(axis.low).toBe(0n);
    expect(axis.ticks).toEqual([0n, 2_000_000n, 4_000_000n]);
    expect(axis.percent(0n)).toBe(0);
    expect(scale([-500n, 200n]).ticks).toEqual([-400n, -200n, 0n, 200n]);
    expect(scale([]).high).toBeGreaterThan(0n);
    expect(step(10n ** 30n, 4)).toBe(5n * 10n ** 29n);
  });

  it("divide a year into weeks that have every day once", () => {
    for (const year of [2024, 2026, 2028]) {
      const parts = halves(year);
      const all = parts.flatMap((half) => half.weeks.flat().filter(half.isIn));
      expect(new Set(all).size).toBe(all.length);
      expect([all[0], all.at(-1)]).toEqual([`${year}-01-01`, `${year}-12-31`]);
      expect(parts.flatMap((half) => half.months)).toHaveLength(12);
    }
  });

  it("give sizes three steps each way", () => {
    const level = levels([10n, -20n, 30n, 40n, -50n, 600_000n]);
    expect([10n, -20n, 40n, -50n, 600_000n].map(level)).toEqual([1, 1, 2, 2, 3]);
  });
});
