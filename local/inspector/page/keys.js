/** The keyboard: off while something is typed, but for Escape. */

import { fill, h } from "./dom.js";
import { words } from "./words.js";

/** `choose` opens a row of the list, `tab` a repetition, `select` a state. */
export function keyboard({ choose, tab, select, shown }) {
  const step = (names, current, by) => {
    const index = names.indexOf(current);
    return names[index < 0 ? 0 : Math.min(names.length - 1, Math.max(0, index + by))];
  };
  const rows = (by) => {
    const name = step(shown().rows.map((row) => row.name), shown().execution?.name, by);
    if (name) choose(name);
  };
  const tabs = (by) => {
    const names = shown().tabs.map((each) => each.name);
    const name = step(names, shown().execution?.name, by);
    if (name && name !== shown().execution?.name) tab(name);
  };
  const states = async (by) => {
    // In the order of the drawing, also those that were not visited.
    const names = shown().graph.nodes.filter(({ type }) => type !== "start" && type !== "end").map(({ name }) => name);
    const name = step(names, shown().selected, by);
    await select(name);
    document.querySelector(`[data-state="${name}"]`)?.focus({ preventScroll: true });
  };
  const keys = { "/": () => document.getElementById("filter-q").focus(), j: () => rows(1), k: () => rows(-1), ArrowLeft: () => tabs(-1), ArrowRight: () => tabs(1), "?": showKeys };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isTyping = event.target.closest("input, select, textarea");
    if (event.key === "Escape" && event.target.id === "filter-q") {
      event.target.value = "";
      event.target.dispatchEvent(new Event("input"));
      return;
    }
    if (isTyping || event.target.closest("dialog, pre, .gr:focus")) return;
    const inDrawing = event.target.closest("[data-state]");
    if (inDrawing && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      states(event.key === "ArrowUp" ? -1 : 1);
      return;
    }
    const act = keys[event.key] ?? keys[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

/** The list of keys. */
export function showKeys() {
  const dialog = document.getElementById("keys");
  fill(
    dialog,
    h("h2", { id: "keys-title" }, words.keys),
    h("dl", {}, words.shortcuts.map(([keys, what]) => [h("dt", {}, keys.split(" ").map((key) => h("kbd", {}, key))), h("dd", {}, what)])),
    h("button", { class: "b p", type: "button", autofocus: true, onclick: () => dialog.close() }, words.close),
  );
  dialog.showModal();
}
