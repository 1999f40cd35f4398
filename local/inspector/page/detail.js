/** An execution: what it was about, its repetitions, the drawing, how long what took, and its events. */

import { fill, h } from "./dom.js";
import { between, clock, countdown, day, duration, sinceStart } from "./format.js";
import { looks, pieces } from "./graph-states.js";
import { paint } from "./graph.js";
import { amount } from "./list.js";
import { mark, status, title } from "./status.js";
import { language, words } from "./words.js";

/** All of it. */
export function detail(element, graph, execution, tabs, options) {
  const at = element.querySelector(".gr")?.scrollLeft;
  fill(element, head(execution), chain(tabs, execution), drawing(graph, execution, tabs, options), timeline(execution, options.now), events(execution, graph));
  // Where the drawing is wider than the page, its middle is shown first.
  const scrolled = element.querySelector(".gr");
  scrolled.scrollLeft = at ?? (scrolled.scrollWidth - scrolled.clientWidth) / 2;
}

function head(execution) {
  const { first, entries } = execution;
  const sum = amount(execution);
  const when = [words.started, clock(execution.started, language, { precise: true })].join(" ");
  const took = execution.ended && `${words.took} ${duration(between(execution.started, execution.ended), language)}`;
  const what = entries === 1 && first?.date && `${words[first.type] ?? first.type} ${words.of} ${day(first.date, language)}`;
  return h(
    "section",
    { class: "hd" },
    h("h1", {}, h("b", {}, title(execution)), sum && h("span", { class: first.type === "debit" ? "db" : "cr" }, sum), status(execution, { pill: true, word: ["new", "duplicate"].includes(execution.kind) ? words.inBalance : undefined })),
    h("p", {}, [what, execution.merchant, when, took].filter(Boolean).join(" · ")),
    h("p", { class: "m qq" }, entries === 1 && first ? first.id : execution.name),
  );
}

/** The executions of the same input, or entry. */
function chain(tabs, execution) {
  return h("nav", { class: "ex", "aria-label": words.chain }, tabs.map((each) => tab(each, execution, tabs)));
}

function tab(each, execution, tabs) {
  const isOther = baseName(each.name) !== baseName(tabs[0].name);
  const what = each.status === "SUCCEEDED" ? words.ends.done : words.ends[each.kind];
  const before = tabs.find(({ name, attempt }) => baseName(name) === baseName(each.name) && attempt === each.attempt - 1);
  const waited = before?.ended && words.waited(duration(between(before.ended, each.started), language));
  const text = [each.attempt ? words.run(each.attempt) : words.first, isOther && words.otherInput, waited, what].filter(Boolean).join(" · ");
  const attributes = { href: `?execution=${encodeURIComponent(each.name)}`, "aria-current": each.name === execution.name ? "page" : undefined, "data-key": `tab ${each.name}`, "data-tab": each.name };
  return h("a", attributes, mark(each.kind), text);
}

function baseName(name) {
  return name.replace(/-r\d+$/, "");
}

function drawing(graph, execution, tabs, { selected, onselect, now, message }) {
  const replay = replayText(execution, tabs, message, now);
  const legend = Object.entries(words.legend).map(([look, text]) => h("span", {}, h("i", { class: look }), text));
  return h("section", { "aria-label": words.graph }, h("div", { class: "gr" }, paint(graph, execution, { selected, onselect, replay, now })), h("p", { class: "lg" }, legend));
}

/** What the arrow from the queue to the start says. */
function replayText(execution, tabs, message, now) {
  if (execution.kind === "parked") {
    const next = execution.attempt + 1;
    if (tabs.some(({ name }) => name === execution.next_name)) return words.ranAgain(next);
    const left = message?.next_try ? (Date.parse(message.next_try) - now) / 1000 : 0;
    return left > 0 ? words.toQueueIn(next, countdown(left)) : words.toQueue(next);
  }
  return execution.attempt > 0 ? words.fromQueue(execution.attempt) : undefined;
}

function timeline(execution, now) {
  const end = Date.parse(execution.ended ?? new Date(now).toISOString());
  const start = Date.parse(execution.started);
  const whole = Math.max(end - start, 1);
  const share = (time) => Math.min(100, Math.max(0, ((Date.parse(time) - start) / whole) * 100));
  const all = execution.states.map((visit) => ({ visit, parts: parts(visit, execution, now) }));
  const sum = (kind) => all.flatMap(({ parts }) => parts).filter((part) => part.kind === kind).reduce((total, { from, to }) => total + between(from, to), 0);
  const told = [words.durationIn(duration(whole / 1000, language)), sum("failed") && words.failedTook(duration(sum("failed"), language)), sum("pause") && words.pausesTook(duration(sum("pause"), language))];
  return h(
    "section",
    { "aria-labelledby": "duration-title" },
    h("div", { class: "sec" }, h("h2", { id: "duration-title" }, words.duration), h("p", { class: "q s" }, told.filter(Boolean).join("; "))),
    h("dl", { class: "tl" }, all.map(({ visit, parts }) => [h("dt", {}, visit.name), h("dd", {}, parts.map((part) => bar(part, share)), length(visit, parts, execution, share, now))])),
  );
}

function parts(visit, execution, now) {
  const to = visit.left ?? execution.ended ?? new Date(now).toISOString();
  const made = pieces(visit, execution, new Date(now).toISOString());
  return made.length ? made : [{ kind: "done", from: visit.entered, to }];
}

function bar({ kind, from, to }, share) {
  const [left, right] = [share(from), share(to)];
  return h("i", { class: kind, style: { left: `min(${left.toFixed(2)}%, 100% - 3px)`, width: `${(right - left).toFixed(2)}%` } });
}

/** How long it took, where there is room; and for who does not see the bars, what they show. */
function length(visit, parts, execution, share, now) {
  const to = visit.left ?? execution.ended ?? new Date(now).toISOString();
  const text = duration(between(visit.entered, to), language);
  const said = parts.map(({ kind, from, to }) => `${words.pieces[kind]} ${duration(between(from, to), language)}`).join(", ");
  const isLeft = share(visit.entered) > 50;
  const where = isLeft ? { right: `calc(${(100 - share(visit.entered)).toFixed(2)}% + 6px)` } : { left: `calc(${share(to).toFixed(2)}% + 6px)` };
  const isCovered = !isLeft && share(to) > 82;
  return [!isCovered && h("em", { style: where, "aria-hidden": "true" }, text), h("span", { class: "vh" }, `${text}: ${said}`)];
}

function events(execution, graph) {
  const max = Object.fromEntries(graph.nodes.map(({ name, attempts }) => [name, attempts]));
  const looked = looks(graph, execution);
  return h(
    "section",
    { "aria-labelledby": "events-title" },
    h("div", { class: "sec" }, h("h2", { id: "events-title" }, words.events), h("p", { class: "q s" }, words.eventsWhat)),
    h(
      "table",
      { class: "ev", "aria-labelledby": "events-title" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "s"), h("th", { scope: "col" }, words.event), h("th", { scope: "col", class: "opt" }, words.stateOf), h("th", { scope: "col" }, words.detail))),
      h("tbody", {}, execution.events.map((event) => eventRow(event, execution, max, looked))),
    ),
  );
}

function eventRow(event, execution, max, looked) {
  const { failure, state, attempt } = event;
  const said = failure && [failure.error, failure.cause].filter(Boolean).join(": ");
  const next = event.type.endsWith("StateExited") && looked.get(state)?.visit.next;
  const tried = attempt && !failure && event.type.endsWith("Scheduled") && words.attempt(attempt, max[state]);
  return h(
    "tr",
    { class: failure ? "er" : "" },
    h("td", { class: "m" }, sinceStart(execution.started, event.at, language)),
    h("td", {}, event.type),
    h("td", { class: "opt" }, state ?? h("span", { class: "qq" }, words.execution)),
    h("td", { class: "m" }, said || tried || (next ? `→ ${next}` : "")),
  );
}
