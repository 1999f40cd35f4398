import { settings } from "./settings.svelte";

/** What a key does. Letters are single-key shortcuts, `g s` a sequence; with `Escape` they can be turned off but it. */
export type Bindings = Record<string, (event: KeyboardEvent) => void>;

const SEQUENCE_MS = 1200;

/** The newest layer is asked first: a drawer's bindings come before its page's. */
const layers: Bindings[] = [];
let first = "";
let firstAt = 0;

export function bind(bindings: Bindings): () => void {
  layers.push(bindings);
  return () => {
    const index = layers.indexOf(bindings);
    if (index >= 0) layers.splice(index, 1);
  };
}

export function startKeys(): void {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const name = nameOf(event);
    if (!name) return;
    const isTyping = isEditable(event.target);
    if (isTyping && name !== "Escape" && name !== "Ctrl+Enter") return;
    // An open dialog or menu has its own keys, and the browser closes it with Escape.
    if (document.querySelector("dialog[open], :popover-open")) return;
    if (!settings.shortcuts && name !== "Escape" && name !== "Ctrl+Enter") return;
    const sequence = event.timeStamp - firstAt < SEQUENCE_MS ? `${first} ${name}` : "";
    const action = find(sequence) ?? find(name);
    first = name;
    firstAt = event.timeStamp;
    if (!action) return;
    event.preventDefault();
    first = "";
    action(event);
  });
}

function find(name: string): ((event: KeyboardEvent) => void) | undefined {
  for (let index = layers.length - 1; index >= 0; index--) {
    const action = layers[index]?.[name];
    if (action) return action;
  }
  return undefined;
}

function nameOf(event: KeyboardEvent): string {
  if (event.ctrlKey || event.metaKey) return event.key === "Enter" ? "Ctrl+Enter" : "";
  if (event.altKey) return "";
  return event.key.length === 1 ? event.key.toLowerCase() : event.key;
}

function isEditable(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
}

/** Whether the focus stands on something that has its own meaning of arrows or Enter. */
export function isOnControl(event: KeyboardEvent): boolean {
  return event.target instanceof Element && event.target.closest("button, a, [role=grid], figure, summary") !== null;
}
