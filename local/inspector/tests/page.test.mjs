// The parts of the page that need no browser: node --test local/inspector/tests
// Executions come from the page's own answers, in the form that tests/workflow/test_inspection.py expects.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { between, clock, countdown, day, decimal, duration, money, sinceStart } from "../page/format.js";
import { looks, pieces, telling, ways } from "../page/graph-states.js";
import { LANGUAGES, preferred } from "../page/words.js";

const drawing = JSON.parse(readFileSync(new URL("../page/graph.json", import.meta.url), "utf8"))["record-entries"];
const machine = JSON.parse(readFileSync(new URL("../../../statemachines/record-entries.asl.json", import.meta.url), "utf8"));

const at = (second) => new Date(Date.UTC(2026, 10, 22, 15, 0, 0) + second * 1000).toISOString();
const failed = (number, from, to) => ({ number, started: at(from), ended: at(to), failure: { error: "LedgerUnavailable", cause: null } });
const done = (number, from, to) => ({ number, started: at(from), ended: at(to), failure: null });

function execution(status, ...states) {
  const visited = states.map(([name, type, attempts = [], more = {}], index) => {
    const next = states[index + 1]?.[0] ?? null;
    const isLast = next === null;
    const caught = !isLast && Boolean(attempts.at(-1)?.failure);
    return { name, type, entered: at(index), left: isLast && status !== "SUCCEEDED" ? null : at(index + 1), attempts, next, caught, ...more };
  });
  return { status, states: visited, started: at(0), ended: status === "RUNNING" ? null : at(9) };
}

const lookOf = (given) => Object.fromEntries([...looks(drawing, given)].map(([name, { look }]) => [name, look]));

test("every state and every way of the state machine is drawn, in the room that there is", () => {
  assert.deepEqual(new Set(drawing.nodes.map(({ name }) => name)), new Set(["start", "end", ...Object.keys(machine.States)]));
  const expected = Object.entries(machine.States).flatMap(([from, state]) =>
    [state.Next, state.Default, ...(state.Choices ?? []).map(({ Next }) => Next), ...(state.Catch ?? []).map(({ Next }) => Next), state.End && "end"].filter(Boolean).map((to) => `${from} ${to}`),
  );
  assert.deepEqual(drawing.edges.map(({ from, to }) => `${from} ${to}`).sort(), [`start ${machine.StartAt}`, ...expected].sort());
  for (const [index, one] of drawing.nodes.entries()) {
    assert.ok(one.x - one.width / 2 >= 0 && one.x + one.width / 2 <= drawing.width && one.y + one.height / 2 <= drawing.height, one.name);
    for (const other of drawing.nodes.slice(index + 1)) {
      const isApart = Math.abs(one.x - other.x) >= (one.width + other.width) / 2 || Math.abs(one.y - other.y) >= (one.height + other.height) / 2;
      assert.ok(isApart, `${one.name} and ${other.name} overlap`);
    }
  }
});

test("a way passes through no state but those that it connects", () => {
  for (const { from, to, points } of drawing.edges) {
    for (const node of drawing.nodes.filter(({ name }) => name !== from && name !== to)) {
      for (let index = 1; index < points.length; index += 1) {
        for (let part = 0; part <= 1; part += 0.02) {
          const [x, y] = [0, 1].map((axis) => points[index - 1][axis] + (points[index][axis] - points[index - 1][axis]) * part);
          const isInside = Math.abs(x - node.x) < node.width / 2 - 1 && Math.abs(y - node.y) < node.height / 2 - 1;
          assert.ok(!isInside, `${from} to ${to} passes through ${node.name}`);
        }
      }
    }
  }
});

test("a task is drawn with as many attempts as the state machine makes", () => {
  const attempts = Object.fromEntries(drawing.nodes.filter(({ attempts }) => attempts).map(({ name, attempts }) => [name, attempts]));
  assert.deepEqual(attempts, { ApplyToLedger: 6, ConsolidateDay: 6, ParkEntries: 3, DeadLetterEntries: 3 });
});

test("what was recorded is green, and what was there already is marked", () => {
  const recorded = execution("SUCCEEDED", ["ApplyToLedger", "Task", [failed(1, 0, 0.1), done(2, 0.5, 1)]], ["IdempotencyCheck", "Choice"], ["ConsolidateDay", "Task", [done(1, 2, 3)]]);
  assert.deepEqual(lookOf(recorded), { ApplyToLedger: "ok", IdempotencyCheck: "ok", ConsolidateDay: "ok" });
  const duplicate = execution("SUCCEEDED", ["ApplyToLedger", "Task", [done(1, 0, 1)]], ["IdempotencyCheck", "Choice"], ["DuplicateRecognised", "Pass"], ["ConsolidateDay", "Task", [done(1, 2, 3)]]);
  assert.equal(lookOf(duplicate).DuplicateRecognised, "warn");
  const taken = ways(duplicate, looks(drawing, duplicate));
  assert.deepEqual([...taken.keys()], ["start ApplyToLedger", "ApplyToLedger IdempotencyCheck", "IdempotencyCheck DuplicateRecognised", "DuplicateRecognised ConsolidateDay", "ConsolidateDay end"]);
  assert.deepEqual(new Set(taken.values()), new Set(["ok"]));
});

test("what was parked waits, and what was refused or not parked asks for action", () => {
  const ends = { EntriesParked: ["ParkEntries", "parked"], EntriesRefused: ["DeadLetterEntries", "refused"] };
  for (const [end, [sender, look]] of Object.entries(ends)) {
    const given = execution("FAILED", ["ApplyToLedger", "Task", [failed(1, 0, 1)]], [sender, "Task", [done(1, 1, 2)]], [end, "Fail"]);
    assert.deepEqual(lookOf(given), { ApplyToLedger: "caught", [sender]: look, [end]: look });
    assert.deepEqual([...ways(given, looks(drawing, given)).values()], ["ok", "caught", look]);
  }
  const notParked = execution("FAILED", ["ApplyToLedger", "Task", [failed(1, 0, 1)]], ["ParkEntries", "Task", [failed(1, 1, 2)]], ["EntriesNotParked", "Fail"]);
  assert.deepEqual(lookOf(notParked), { ApplyToLedger: "caught", ParkEntries: "caught", EntriesNotParked: "refused" });
});

test("what runs is told from what was stopped", () => {
  const running = [["ApplyToLedger", "Task", [failed(1, 0, 1)]]];
  assert.deepEqual(lookOf(execution("RUNNING", ...running)), { ApplyToLedger: "running" });
  assert.deepEqual(lookOf(execution("ABORTED", ...running)), { ApplyToLedger: "stopped" });
  assert.deepEqual(lookOf(execution("TIMED_OUT", ...running)), { ApplyToLedger: "stopped" });
});

test("attempts and the pauses between them are told one after another", () => {
  const kinds = (given, now) => pieces(given.states[0], given, now).map(({ kind, from, to }) => [kind, between(from, to)]);
  const retried = execution("SUCCEEDED", ["ApplyToLedger", "Task", [failed(1, 0, 0.25), done(2, 0.75, 1)]]);
  assert.deepEqual(kinds(retried), [["failed", 0.25], ["pause", 0.5], ["done", 0.25]]);
  const waits = execution("RUNNING", ["ApplyToLedger", "Task", [failed(1, 0, 1)]]);
  assert.deepEqual(kinds(waits, at(3)), [["failed", 1], ["pause", 2]]);
  const cut = execution("ABORTED", ["ApplyToLedger", "Task", [{ number: 1, started: at(0), ended: null, failure: null }]]);
  assert.deepEqual(kinds(cut), [["cut", 9]]);
  assert.deepEqual(kinds(execution("RUNNING", ["ApplyToLedger", "Task", [{ number: 1, started: at(0), ended: null, failure: null }]]), at(2)), [["running", 2]]);
});

test("the state that tells most is shown first", () => {
  assert.equal(telling(execution("SUCCEEDED", ["ApplyToLedger", "Task", [done(1, 0, 1)]], ["IdempotencyCheck", "Choice"])), 0);
  assert.equal(telling(execution("FAILED", ["ApplyToLedger", "Task", [done(1, 0, 1)]], ["IdempotencyCheck", "Choice"], ["ConsolidateDay", "Task", [failed(1, 1, 2)]], ["ParkEntries", "Task", [done(1, 2, 3)]])), 2);
});

test("amounts are exact, in the digits of their currency", () => {
  const amount = (amount_minor, currency, type, language) => money({ amount_minor, currency, type }, language);
  assert.equal(amount("74290", "BRL", "debit", "pt-BR"), "−742,90");
  assert.equal(amount("5", "BRL", "credit", "en"), "+0.05");
  assert.equal(amount("900719925474099399", "BRL", "credit", "en"), "+9,007,199,254,740,993.99");
  assert.equal(amount("1500", "JPY", "credit", "en"), "+1,500 JPY");
  assert.equal(amount("1500", "KWD", "debit", "pt-BR"), "−1,500 KWD");
  assert.equal(decimal("0", 2), "0.00");
});

test("times are told as precisely as they matter", () => {
  const told = (seconds) => duration(seconds, "en");
  assert.deepEqual([0, 0.041, 0.9994, 0.9996, 3.014, 59.94, 59.96, 125, 12_000, 200_000].map(told), ["0 ms", "41 ms", "999 ms", "1.00 s", "3.01 s", "59.9 s", "1 min", "2 min 5 s", "3 h 20 min", "2 d 7 h"]);
  assert.equal(duration(-1, "en"), "0 s");
  assert.deepEqual([161, 60, 0.2, -3].map(countdown), ["2:41", "1:00", "0:01", "0:00"]);
  assert.equal(sinceStart(at(0), at(3.016), "pt-BR"), "3,016");
  assert.equal(day("2026-11-27", "pt-BR"), "27/11/2026");
  assert.equal(day("2026-11-07", "en"), "Nov 07, 2026");
  const noon = new Date(2026, 10, 22, 12, 0, 1, 50);
  assert.equal(clock(noon, "pt-BR", { precise: true, now: noon }), "12:00:01,050");
  assert.match(clock(noon, "pt-BR", { now: new Date(2026, 10, 23) }), /^22\/11\/2026, 12:00:01$/);
});

test("both languages say all, in the same form", () => {
  const form = (value) => (typeof value === "function" ? `function of ${value.length}` : Array.isArray(value) ? value.length : typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([name, each]) => [name, form(each)])) : typeof value);
  const sorted = (value) => JSON.stringify(form(value), (_, each) => (each && typeof each === "object" && !Array.isArray(each) ? Object.fromEntries(Object.entries(each).sort()) : each));
  assert.equal(sorted(LANGUAGES.en), sorted(LANGUAGES["pt-BR"]));
});

test("the browser's language is spoken until another is chosen", () => {
  assert.equal(preferred(null, ["en-GB", "de"]), "en");
  assert.equal(preferred(null, ["pt-PT", "en"]), "pt-BR");
  assert.equal(preferred(null, ["de"]), "pt-BR");
  assert.equal(preferred("en", ["pt-BR"]), "en");
  assert.equal(preferred("xx", ["en"]), "en");
});
