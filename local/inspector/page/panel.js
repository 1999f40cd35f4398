/** The selected state: its attempts, what it was given and what it answered. */

import { fill, glyph, h } from "./dom.js";
import { between, clock, duration } from "./format.js";
import { looks } from "./graph-states.js";
import { language, words } from "./words.js";

const SHOWN_MAX = 40_000;
const GLYPHS = { running: "run", ok: "done", warn: "dup", caught: "fail", parked: "park", refused: "bad", stopped: "stop" };
const COLOURS = { running: "sealed", ok: "ok", warn: "late", caught: "bad", parked: "late", refused: "bad", stopped: "bad" };

/** All of it; `data` comes later than the rest. */
export function panel(element, graph, execution, { selected, data, now, say }) {
  const known = looks(graph, execution).get(selected);
  element.setAttribute("aria-label", words.selected);
  if (!known) {
    fill(element, h("h2", {}, selected), h("p", { class: "q" }, words.notVisited));
    return;
  }
  const { visit, look } = known;
  // An earlier release's state machine may have had states that this one has not.
  const node = graph.nodes.find(({ name }) => name === selected) ?? { type: visit.type, attempts: visit.attempts.length };
  const took = between(visit.entered, visit.left ?? execution.ended ?? new Date(now).toISOString());
  const facts = [
    visit.attempts.length > 0 && [words.attemptsWord, words.inAttempt(visit.attempts.length, node.attempts)],
    [words.entered, clock(visit.entered, language, { precise: true })],
    (visit.left || execution.ended) && [words.duration, duration(took, language)],
    node.type === "Choice" && [words.result, outcomes(execution)],
    visit.next && [words.goesTo, visit.next],
  ];
  const failures = data?.failures ?? visit.attempts.filter(({ failure }) => failure).map(({ failure }) => failure);
  const failedNumbers = visit.attempts.filter(({ failure }) => failure).map(({ number }) => number);
  fill(
    element,
    h("h2", {}, selected, h("span", { class: `st s ${COLOURS[look]}` }, glyph(GLYPHS[look]), words.looks[look])),
    h("dl", {}, facts.filter(Boolean).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    data && block(words.input, data.input, say),
    same(failures) ? failure(failures[0], failedNumbers, `${words.failedAttempt(`${failedNumbers[0]}–${failedNumbers.at(-1)}`)}`) : failures.map((each, index) => failure(each, failedNumbers, words.failedAttempt(failedNumbers[index] ?? index + 1))),
    data && data.output !== null && block(visit.attempts.length > 1 && !visit.caught ? words.lastAttempt(visit.attempts.length) : words.output, data.output, say),
  );
}

function outcomes({ outcomes = {} }) {
  const some = Object.entries(outcomes).filter(([, count]) => count > 0);
  return some.map(([outcome, count]) => words.outcomesOf(count, words.outcome[outcome] ?? outcome)).join(", ");
}

/** Whether several attempts failed in the same way. */
function same(failures) {
  return failures.length > 1 && failures.every((each) => JSON.stringify(each) === JSON.stringify(failures[0]));
}

function failure({ error, cause }, _numbers, heading) {
  const said = cause?.errorMessage ?? cause;
  return [h("h3", { class: "db" }, heading), h("pre", { class: "er", tabindex: "0" }, json({ Error: error, ...(said && { Cause: said }) }))];
}

function block(heading, value, say) {
  const text = JSON.stringify(value, null, 2) ?? "";
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    say(words.copied);
  };
  const isCut = text.length > SHOWN_MAX;
  return [
    h("h3", {}, heading, h("button", { class: "b t sm", type: "button", "data-key": `copy ${heading}`, "aria-label": `${words.copy}: ${heading}`, onclick: copy }, words.copy)),
    h("pre", { tabindex: "0" }, isCut ? text.slice(0, SHOWN_MAX) : json(value)),
    isCut && h("p", { class: "q s" }, words.cutOff(SHOWN_MAX)),
  ];
}

/** JSON with its names set apart. */
function json(value) {
  return JSON.stringify(value, null, 2).split(/^(\s*)("(?:[^"\\]|\\.)*")(?=:)/m).map((part, index) => (index % 3 === 2 ? h("b", {}, part.slice(1, -1)) : part));
}
