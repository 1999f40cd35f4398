/** Building elements. Nothing here reads HTML, so no text of an entry can become any. */

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element: attributes, `on…` listeners, `style` as an object of properties, children. */
export function h(name, attributes = {}, ...children) {
  return build(document.createElement(name), attributes, children);
}

/** An SVG element. */
export function s(name, attributes = {}, ...children) {
  return build(document.createElementNS(SVG, name), attributes, children);
}

function build(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    // The page's policy allows no style in markup; properties that a script sets are no markup.
    else if (name === "style") for (const [property, each] of Object.entries(value)) element.style.setProperty(property, each);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

/** Replaces what is in an element. The focus stays where it was: on what has the same `data-key`. */
export function fill(element, ...children) {
  const focused = element.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  element.replaceChildren(...children.flat(Infinity).filter(Boolean));
  if (focused) element.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

const GLYPHS = {
  done: { d: "M2 7l3.2 3.200L11 3.500", stroke: 2 },
  again: { d: "M10.800 4.500A4.800 4.800 0 1 0 11.300 7.500M11 1.500v3.200H7.800", stroke: 1.6 },
  dup: { d: "M4.500 4.500h7v7h-7zM1.500 8.500v-7h7", stroke: 1.5 },
  park: { d: "M4.200 2.500v8M8.800 2.500v8", stroke: 2.2 },
  run: { d: "M6.500 1.500a5 5 0 1 1-5 5", stroke: 2 },
  fail: { d: "M2.500 2.500l8 8M10.500 2.500l-8 8", stroke: 2 },
  stop: { d: "M3.500 3.500h6v6h-6z", stroke: 2 },
};
const FILLED = "M4 .8h5L12.200 4v5L9 12.200H4L.8 9V4zM5.800 3.200v4.200h1.400V3.200zM5.800 8.500v1.400h1.400V8.500z";

/** A glyph of a status, beside its word. */
export function glyph(name) {
  const attributes = { class: "g", viewBox: "0 0 13 13", "aria-hidden": "true" };
  if (name === "bad") return s("svg", attributes, s("path", { d: FILLED, fill: "currentColor", "fill-rule": "evenodd" }));
  const { d, stroke } = GLYPHS[name];
  const line = { d, fill: "none", stroke: "currentColor", "stroke-width": stroke, "stroke-linecap": "round", "stroke-linejoin": "round" };
  return s("svg", attributes, s("path", line));
}
