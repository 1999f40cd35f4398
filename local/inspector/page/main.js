/** The page: what is in the address is shown, and looked at again while it changes. */

import * as api from "./api.js";
import { detail } from "./detail.js";
import { fill, h } from "./dom.js";
import { telling } from "./graph-states.js";
import { keyboard, showKeys } from "./keys.js";
import { list, search } from "./list.js";
import { panel } from "./panel.js";
import { poller } from "./poll.js";
import { queues } from "./queue-lists.js";
import { settings } from "./settings.js";
import { title } from "./status.js";
import { language, words } from "./words.js";

const FILTERS = ["q", "merchant", "kind", "since", "until"];
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const LIST_EVERY_MS = 3_000;
const RUNNING_EVERY_MS = 500;
const PARKED_EVERY_MS = 2_000;
const QUEUES_EVERY_MS = 3_000;

const at = (id) => document.getElementById(id);
const shown = { about: {}, graph: undefined, rows: [], cursor: undefined, lookedAt: 0, isLoading: true, queues: { waiting: { count: 0 }, dead: { count: 0 }, running: [] }, tabs: [], data: new Map() };
/** How far the launcher's clock is ahead of the browser's: none, both are one machine's. */
const now = () => Date.now();

// ---- the address

function address() {
  return Object.fromEntries(new URLSearchParams(location.search));
}

function go(changes, { replace = false } = {}) {
  const query = new URLSearchParams(Object.entries({ ...address(), ...changes }).filter(([, value]) => value));
  history[replace ? "replaceState" : "pushState"](null, "", query.size ? `?${query}` : location.pathname);
}

function filter() {
  return Object.fromEntries(Object.entries(address()).filter(([name, value]) => FILTERS.includes(name) && value));
}

/** What the launcher is asked for: an entry is not filtered for, but looked up. */
function asked() {
  const { q, merchant, kind, since, until } = filter();
  const iso = (text) => text && new Date(text).toISOString();
  return { name: q, merchant, kind, since: iso(since), until: iso(until) };
}

function filterBy(wanted, { again = false } = {}) {
  const q = wanted.q ?? "";
  if (UUID.test(q)) return open({ entry: q.toLowerCase(), execution: undefined, state: undefined, ...none(FILTERS) });
  go({ ...none(FILTERS), ...wanted, ...(address().entry && q !== address().entry && { entry: undefined }) }, { replace: true });
  Object.assign(shown, { rows: [], cursor: undefined, lookedAt: 0, isLoading: true });
  if (again) search(at("search"), filter, filterBy);
  drawList();
  return polls.list.now();
}

const none = (names) => Object.fromEntries(names.map((name) => [name, undefined]));

/** Shows an entry, an execution or a state, by its link. */
async function open(changes) {
  go(changes);
  await show();
}

/** Shows what the address says. */
async function show() {
  const { entry, execution, state } = address();
  if (entry && shown.entry !== entry) Object.assign(shown, { entry, execution: undefined, tabs: [], follows: true });
  if (!entry) shown.entry = undefined;
  if (execution && execution !== shown.execution?.name) shown.follows = false;
  shown.selected = state ?? (execution && execution === shown.execution?.name ? shown.selected : undefined);
  draw();
  if (entry || execution) shown.latest = undefined;
  // The latest one is known from the list.
  await polls.list.now();
  await polls.execution.now();
}

// ---- looking

const polls = {
  list: poller(safely(lookAtList), () => (filter().q || shown.isPaged ? undefined : LIST_EVERY_MS), stopped),
  queues: poller(safely(lookAtQueues), () => QUEUES_EVERY_MS, stopped),
  execution: poller(safely(lookAtExecution), pauseOfExecution, stopped),
};

function pauseOfExecution() {
  if (!shown.execution) return shown.entry ? PARKED_EVERY_MS : undefined;
  if (shown.execution.status === "RUNNING") return RUNNING_EVERY_MS;
  const last = shown.tabs.at(-1);
  return last && last.status === "SUCCEEDED" ? undefined : PARKED_EVERY_MS;
}

async function lookAtList() {
  const wanted = JSON.stringify(asked());
  const answer = shown.entry && !Object.keys(filter()).length ? await api.entry(shown.entry) : await api.executions(asked());
  if (wanted !== JSON.stringify(asked())) return;
  Object.assign(shown, { rows: shown.entry && !answer.cursor && answer.looked_at === undefined ? [...answer.executions].reverse() : answer.executions, cursor: answer.cursor, lookedAt: answer.looked_at, isLoading: false, isPaged: false });
  drawList();
}

async function more() {
  const answer = await api.executions(asked(), shown.cursor);
  const known = new Set(shown.rows.map(({ name }) => name));
  const rows = [...shown.rows, ...answer.executions.filter(({ name }) => !known.has(name))];
  Object.assign(shown, { rows, cursor: answer.cursor, lookedAt: shown.lookedAt + answer.looked_at, isPaged: true });
  drawList();
}

async function lookAtQueues() {
  shown.queues = await api.queues();
  drawQueues();
}

async function lookAtExecution() {
  const { entry, execution: named } = address();
  // Who has chosen nothing sees the latest one.
  const latest = entry || named ? undefined : (shown.latest ??= shown.rows[0]?.name);
  if (!entry && !named && !latest) return;
  const tabs = entry ? (await api.entry(entry)).executions : undefined;
  const name = latest ?? (shown.follows || !named ? tabs?.at(-1)?.name : named);
  if (!name) {
    Object.assign(shown, { execution: undefined, tabs: [], isUnknown: true });
    return draw();
  }
  const execution = await api.execution(name);
  if (entry !== address().entry || (named !== address().execution && !shown.follows)) return polls.execution.now();
  announce(execution);
  // The list may have been read a moment before.
  const rows = shown.rows.map((row) => (row.name === execution.name ? execution : row));
  Object.assign(shown, { execution, rows, tabs: tabs ?? execution.chain, isUnknown: false });
  if (!execution.states.some(({ name }) => name === shown.selected) && !address().state) shown.selected = execution.states[telling(execution)]?.name;
  draw();
  await lookAtData();
}

/** What the selected state was given and answered: once, and again when it has ended. */
async function lookAtData() {
  const { execution, selected } = shown;
  const index = execution.states.findLastIndex(({ name }) => name === selected);
  if (index < 0) return;
  const visit = execution.states[index];
  const key = `${execution.name} ${index} ${visit.left ?? ""} ${visit.attempts.length} ${execution.ended ?? ""}`;
  if (!shown.data.has(key)) {
    if (shown.data.size > 20) shown.data.clear();
    shown.data.set(key, await api.stateData(execution.name, index));
  }
  if (shown.execution === execution && shown.selected === selected) drawPanel(shown.data.get(key));
}

function safely(look) {
  return async () => {
    try {
      await look();
      problem();
    } catch (error) {
      if (error.status === 404 && look === lookAtExecution) {
        Object.assign(shown, { execution: undefined, tabs: [], isUnknown: true });
        draw();
      } else problem(error);
    }
  };
}

// ---- drawing

function draw() {
  const last = shown.tabs.at(-1);
  const moves = shown.execution?.status === "RUNNING" || (last && last.status !== "SUCCEEDED");
  const signature = JSON.stringify([shown.execution, shown.tabs, shown.selected, shown.isUnknown, address(), language]);
  // Whoever reads, selects or scrolls is not disturbed by what is as it was.
  if (signature !== shown.drawn || moves) drawExecution();
  shown.drawn = signature;
  drawPanel();
  drawList();
}

function drawExecution() {
  if (shown.execution) {
    const message = shown.queues.waiting.messages?.find(({ id, attempt }) => id && id === shown.execution.first?.id && attempt === shown.execution.attempt + 1);
    detail(at("main"), shown.graph, shown.execution, shown.tabs, { selected: shown.selected, onselect: select, now: now(), message });
    document.title = `${title(shown.execution)} · ${words.inspector} · Fluxo`;
  } else {
    const isLoading = (address().entry || address().execution) && !shown.isUnknown;
    fill(at("main"), h("h1", { class: "empty" }, shown.isUnknown && address().entry ? words.unknownEntry : isLoading ? words.loading : words.choose), h("p", { class: "q s" }, words.local), h("p", { class: "m qq" }, address().entry ?? ""));
    document.title = `${words.inspector} · Fluxo`;
  }
}

function drawPanel(data) {
  const { execution, selected } = shown;
  const isSame = data ?? (shown.panelOf === `${execution?.name} ${selected}` && shown.panelData);
  Object.assign(shown, { panelOf: `${execution?.name} ${selected}`, panelData: isSame || undefined });
  const visit = execution?.states.find(({ name }) => name === selected);
  const signature = JSON.stringify([shown.panelOf, visit, execution?.status, shown.panelData, language]);
  if (signature === shown.panelDrawn) return;
  shown.panelDrawn = signature;
  at("panel").hidden = !execution || !selected;
  if (execution && selected) panel(at("panel"), shown.graph, execution, { selected, data: isSame || undefined, now: now(), say });
}

function drawList() {
  const heading = shown.entry && !Object.keys(filter()).length ? words.ofEntry : words.executions;
  const isFiltered = Object.keys(filter()).length > 0;
  list(at("list"), { ...shown, isFiltered, heading, isOfEntry: heading === words.ofEntry }, { current: shown.execution?.name, now: now(), onmore: safely(more) });
}

function drawQueues() {
  queues(at("queues"), shown.queues, { now: now(), onredrive: redrive, isBusy: shown.isBusy });
}

async function redrive() {
  shown.isBusy = true;
  drawQueues();
  try {
    say(words.moved((await api.redrive()).moved));
  } catch (error) {
    problem(error);
  }
  shown.isBusy = false;
  await Promise.all([polls.queues.now(), polls.execution.now(), polls.list.now()]);
}

async function select(name) {
  shown.selected = name;
  go({ state: name }, { replace: true });
  draw();
  await safely(lookAtData)();
}

/** Says to who does not see the page that an execution has ended. */
function announce(execution) {
  const before = shown.execution;
  if (before && (before.name !== execution.name || before.kind !== execution.kind)) say(words.updated(title(execution), words.kinds[execution.kind]));
}

function say(text) {
  at("said").textContent = text;
}

function problem(error) {
  const text = error && (error.message === "unreachable" ? words.unreachable : error.status ? error.message : `${words.problem} ${error.message}`);
  if ((text ?? "") === (shown.problem ?? "")) return;
  shown.problem = text;
  fill(at("problem"), text && h("p", {}, text), text && h("button", { class: "b sm", type: "button", onclick: again }, words.retry));
}

function stopped() {
  fill(at("problem"), h("p", {}, words.liveStopped), h("button", { class: "b sm", type: "button", onclick: again }, words.resume));
}

function again() {
  shown.problem = "";
  fill(at("problem"));
  for (const poll of Object.values(polls)) poll.resume();
}

/** Everything anew, in another language. */
function drawAll() {
  search(at("search"), filter, filterBy);
  const { console_url, docs_url } = shown.about;
  at("elsewhere").setAttribute("aria-label", words.elsewhere);
  fill(at("elsewhere"), console_url && h("a", { href: console_url }, words.console), docs_url && h("a", { href: docs_url }, words.docs));
  draw();
  drawQueues();
}

// ---- beginning

/** A link of the page changes the address only. */
function follow(event) {
  const link = event.target.closest("a[href^='?']");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const { entry, execution } = Object.fromEntries(new URLSearchParams(link.getAttribute("href")));
  // A tab stays with its entry, a row of the list begins anew.
  open({ entry: entry ?? (link.dataset.tab ? address().entry : undefined), execution, state: undefined });
  if (matchMedia("(max-width: 820px)").matches) at("main").scrollIntoView();
}

settings(drawAll);
document.addEventListener("click", follow);
addEventListener("popstate", () => {
  search(at("search"), filter, filterBy);
  show();
});
at("help").addEventListener("click", showKeys);
keyboard({ choose: (name) => open({ execution: name, entry: undefined, state: undefined }), tab: (name) => open({ execution: name, state: undefined }), select, shown: () => shown });
drawAll();
try {
  [shown.about, shown.graph] = await Promise.all([api.about(), api.graph().then((graphs) => graphs["record-entries"])]);
  drawAll();
} catch (error) {
  problem(error);
}
await Promise.all([show(), polls.queues.now()]);
