/** What waits in the park queue and in the dead-letter queue. */

import { fill, glyph, h } from "./dom.js";
import { between, countdown, duration } from "./format.js";
import { amount } from "./list.js";
import { title } from "./status.js";
import { language, words } from "./words.js";

/** Both queues; nothing of a queue that is empty. */
export function queues(element, { waiting, dead, running }, { now, onredrive, isBusy }) {
  fill(
    element,
    section("waiting", "late", "park", words.waiting, waiting, (each) => message(each, nextTry(each, now), progress(each, now))),
    running.length > 0 && section("rerunning", "sealed", "run", words.rerunning, { count: running.length, messages: running }, rerunning),
    section("dead", "bad", "bad", words.dead, dead, (each) => message(each, words.ago(duration((now - Date.parse(each.since)) / 1000, language)), reason(each))),
    dead.count > 0 && redrive(dead.count, onredrive, isBusy),
  );
}

function section(id, colour, name, text, { count, messages }, of) {
  if (!count) return false;
  return h(
    "section",
    { "aria-labelledby": `queue-${id}`, class: "queue" },
    h("h2", { id: `queue-${id}` }, h("span", { class: `st ${colour}` }, glyph(name), text), h("span", {}, String(count))),
    h("ul", {}, messages.map((each) => h("li", {}, of(each)))),
    count > messages.length && h("p", { class: "qq s" }, words.andMore(count - messages.length)),
  );
}

function message(each, when, below) {
  const href = each.id ? `?entry=${encodeURIComponent(each.id)}` : undefined;
  return h(
    href ? "a" : "div",
    { href, "data-key": `message ${each.queue} ${each.id}`, class: "row" },
    h("span", {}, title(each)),
    h("b", { class: "n" }, each.entries > 1 ? "" : amount(each)),
    h("small", {}, each.failure.error, each.merchant && h("span", { class: "qq" }, ` · ${each.merchant}`)),
    h("small", {}, when),
    below,
  );
}

function rerunning({ name, since }) {
  return h("a", { href: `?execution=${encodeURIComponent(name)}`, class: "row", "data-key": `rerunning ${name}` }, h("span", { class: "m" }, name), h("small", {}, duration((Date.now() - Date.parse(since)) / 1000, language)));
}

/** Which repetition is next, and in how long. */
export function nextTry(each, now) {
  if (each.is_taken) return words.taken(each.attempt);
  if (!each.next_try) return words.undelayed(each.attempt);
  const left = (Date.parse(each.next_try) - now) / 1000;
  return left > 0 ? words.next(each.attempt, countdown(left)) : words.due(each.attempt);
}

function progress(each, now) {
  if (!each.next_try) return false;
  const whole = between(each.delayed_at, each.next_try) || 1;
  const part = Math.min(1, Math.max(0, (now - Date.parse(each.delayed_at)) / 1000 / whole));
  return h("span", { class: "wait", "aria-hidden": "true" }, h("i", { style: { width: `${(part * 100).toFixed(1)}%` } }));
}

function reason(each) {
  return each.reason && h("small", { class: "reason" }, h("span", { class: "vh" }, `${words.reason}: `), each.reason);
}

function redrive(count, onredrive, isBusy) {
  return h(
    "div",
    { class: "redrive" },
    h("button", { class: "b sm", type: "button", "data-key": "redrive", disabled: isBusy, "aria-describedby": "redrive-what", onclick: onredrive }, words.redriveAll(count)),
    h("p", { class: "q s", id: "redrive-what" }, words.redriveWhat),
  );
}
