/** The list of executions and the search above it. */

import { fill, h, s } from "./dom.js";
import { between, clock, duration, money } from "./format.js";
import { status, title } from "./status.js";
import { language, words } from "./words.js";

const KINDS = ["running", "recorded", "new", "duplicate", "conflict", "overtaken", "parked", "refused", "failed", "stopped"];
const TYPING_PAUSE_MS = 300;

/** The search box and the filters, which stay as they are while the list changes. */
export function search(element, filter, onchange) {
  let timer;
  let changes = {};
  // What is typed is looked for once nothing more is typed; several fields may have changed until then.
  const changed = (name) => (event) => {
    changes[name] = event.target.value.trim() || undefined;
    clearTimeout(timer);
    timer = setTimeout(() => {
      const wanted = { ...filter(), ...changes };
      changes = {};
      onchange(wanted);
    }, TYPING_PAUSE_MS);
  };
  const given = filter();
  const field = (name, label, attributes) => h("div", { class: "field" }, h("label", { for: `filter-${name}` }, label), input(name, attributes, given[name], changed(name)));
  const box = input("q", { type: "search", placeholder: words.searchHint, "aria-label": words.searchLabel, spellcheck: "false", autocomplete: "off" }, given.q, changed("q"));
  const lens = s("svg", { class: "i", viewBox: "0 0 16 16", "aria-hidden": "true" }, s("path", { d: "M7 2.500a4.500 4.500 0 1 1 0 9a4.500 4.500 0 0 1 0-9M10.300 10.300L14 14" }));
  fill(
    element,
    h("div", { class: "srch" }, lens, box, h("kbd", { "aria-hidden": "true" }, "/")),
    h(
      "details",
      { class: "filters", open: Boolean(given.merchant || given.kind || given.since || given.until) },
      h("summary", {}, words.filters),
      field("merchant", words.merchant, { type: "text", spellcheck: "false", autocomplete: "off" }),
      field("kind", words.became, { options: [["", words.any], ...KINDS.map((kind) => [kind, words.kinds[kind]])] }),
      field("since", words.since, { type: "datetime-local", step: 1 }),
      field("until", words.until, { type: "datetime-local", step: 1 }),
      h("button", { class: "b sm", type: "button", onclick: () => onchange({}, { again: true }) }, words.clear),
    ),
  );
}

function input(name, { options, ...attributes }, value, onchange) {
  const id = `filter-${name}`;
  if (options) {
    const select = h("select", { id, class: "input", onchange }, options.map(([value, text]) => h("option", { value }, text)));
    select.value = value ?? "";
    return select;
  }
  return h("input", { id, class: name === "q" ? "" : "input", value, ...attributes, oninput: onchange });
}

/** The rows. */
export function list(element, { rows, cursor, lookedAt, isLoading, isFiltered, heading, isOfEntry }, { current, now, onmore }) {
  const text = isLoading && !rows.length ? words.loading : !rows.length && (isFiltered ? (cursor ? words.noneHere : words.none) : words.firstUse);
  fill(
    element,
    h("h2", {}, h("span", { id: "list-title" }, heading), isOfEntry && h("a", { href: "?", class: "lk" }, words.all)),
    text && h("p", { class: "q s" }, text),
    h("ul", {}, rows.map((each) => h("li", {}, row(each, current, now)))),
    isFiltered && lookedAt > 0 && h("p", { class: "qq s" }, words.lookedAt(lookedAt)),
    cursor && h("button", { class: "b sm", type: "button", "data-key": "more", onclick: onmore, disabled: isLoading }, isFiltered ? words.lookFurther : words.more),
  );
}

function row(each, current, now) {
  const when = each.ended && now - Date.parse(each.ended) < 86_400_000 ? duration(between(each.started, each.ended), language) : clock(each.started, language, { now });
  const attributes = { href: `?execution=${encodeURIComponent(each.name)}`, "aria-current": each.name === current ? "true" : undefined, "data-execution": each.name, "data-key": `row ${each.name}`, title: each.name };
  return h(
    "a",
    attributes,
    h("span", {}, title(each)),
    h("b", { class: "n" }, amount(each)),
    h("small", {}, status(each), each.merchant && h("span", { class: "qq" }, ` · ${each.merchant}`)),
    h("small", {}, each.ended ? when : duration((now - Date.parse(each.started)) / 1000, language)),
  );
}

/** What an entry amounts to; a batch has no amount of its own. */
export function amount(each) {
  if (each.entries !== 1 || !each.first?.currency || !/^\d+$/.test(each.first.amount_minor ?? "")) return "";
  return money(each.first, language);
}
