import { describe, expect, it } from "vitest";
import { Problem } from "../../src/api/problem";
import { Action } from "../../src/state/action.svelte";

describe("an action", () => {
  it("asks for nothing a second time while it runs", async () => {
    const action = new Action();
    let asked = 0;
    let answer: (value: string) => void = () => undefined;
    const ask = (): Promise<string> => {
      asked += 1;
      return new Promise((resolve) => (answer = resolve));
    };
    const first = action.run(ask);
    expect(await action.run(ask)).toBeNull();
    answer("done");
    expect(await first).toEqual({ value: "done" });
    expect(asked).toBe(1);
    expect(action.running).toBe(false);
  });

  it("keeps what was refused until it is asked again", async () => {
    const action = new Action();
    const refusal = new Problem("clerk_required", 403, "");
    expect(await action.run(() => Promise.reject(refusal))).toBeNull();
    expect(action.problem).toBe(refusal);
    expect(await action.run(() => Promise.resolve(1))).toEqual({ value: 1 });
    expect(action.problem).toBeNull();
  });
});
