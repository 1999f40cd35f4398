/** What became of an execution: its glyph, its colour and its word. */

import { glyph, h } from "./dom.js";
import { words } from "./words.js";

const LOOKS = {
  running: ["run", "sealed"], new: ["done", "ok"], duplicate: ["dup", "open"], conflict: ["bad", "late"], overtaken: ["again", "late"],
  parked: ["park", "late"], refused: ["bad", "bad"], failed: ["bad", "bad"], stopped: ["stop", "bad"],
};

/** Glyph and word. What was recorded after it had been parked says so. */
export function status(row, { pill = false, word } = {}) {
  const [name, colour] = LOOKS[row.kind];
  const text = word ?? (row.kind === "new" && row.attempt > 0 ? words.after : words.kinds[row.kind]);
  return h("span", { class: `st ${colour}${pill ? " pill" : ""}` }, glyph(name), text);
}

/** The glyph alone, where the word stands beside it. */
export function mark(kind) {
  const [name, colour] = LOOKS[kind];
  return h("span", { class: `st ${colour}` }, glyph(name));
}

/** What an input says: its only entry, or how many it has. */
export function title(row) {
  if (row.entries > 1) return words.batch(row.entries);
  return row.first?.description || row.first?.id || row.name || words.unreadable;
}
