/** Paints the drawing of the state machine for an execution. */

import { s } from "./dom.js";
import { between, duration } from "./format.js";
import { looks, pieces, ways } from "./graph-states.js";
import { language, words } from "./words.js";

const RIGHT = 26;
const TOP = 14;
const CORNER = 9;
const ARROWS = ["off", "ok", "warn", "caught", "parked", "refused", "running"];

/** The drawing. `replay` says what the arrow from the queue is labelled with, if there is one. */
export function paint(graph, execution, { selected, onselect, replay, now }) {
  const looked = looks(graph, execution);
  const taken = ways(execution, looked);
  const nodes = Object.fromEntries(graph.nodes.map((node) => [node.name, node]));
  const edges = [...graph.edges].sort((one, other) => taken.has(key(one)) - taken.has(key(other)));
  return s(
    "svg",
    { viewBox: `0 ${-TOP} ${graph.width + RIGHT} ${graph.height + TOP}`, role: "group", "aria-label": words.graph },
    s("defs", {}, ARROWS.map(arrow)),
    edges.map((edge) => way(edge, taken.get(key(edge)) ?? "off")),
    replay && replayArrow(graph, nodes, replay),
    labels(graph, taken),
    ["start", "end"].map((name) => terminal(nodes[name], name, execution)),
    graph.nodes.filter(({ name }) => name !== "start" && name !== "end").map((node) => state(node, looked.get(node.name), execution, graph, { selected, onselect, now })),
  );
}

function key({ from, to }) {
  return `${from} ${to}`;
}

function arrow(look) {
  const attributes = { id: `arrow-${look}`, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, markerUnits: "userSpaceOnUse", orient: "auto" };
  return s("marker", attributes, s("path", { d: "M0 .5L7.500 4 0 7.500z", class: `tip ${look}` }));
}

function way({ points }, look) {
  return s("path", { d: rounded(points), class: `way ${look}`, "marker-end": `url(#arrow-${look})` });
}

/** A line through the points with rounded corners. */
function rounded(points) {
  const parts = [`M${points[0]}`];
  for (let index = 1; index < points.length - 1; index += 1) {
    const [before, corner, after] = [points[index - 1], points[index], points[index + 1]];
    parts.push(`L${towards(corner, before)}`, `Q${corner} ${towards(corner, after)}`);
  }
  return `${parts.join("")}L${points.at(-1)}`;
}

/** The point near a corner on the way to another one. */
function towards([x, y], [toX, toY]) {
  const length = Math.hypot(toX - x, toY - y) || 1;
  const part = Math.min(CORNER, length / 2) / length;
  return [(x + (toX - x) * part).toFixed(1), (y + (toY - y) * part).toFixed(1)];
}

/** From where an input was parked, through the queue, to the start. */
function replayArrow(graph, nodes, text) {
  const { x, y, width } = nodes.EntriesParked;
  const lane = graph.width + RIGHT - 12;
  const points = [[x + width / 2, y], [lane, y], [lane, nodes.start.y], [nodes.start.x + 11, nodes.start.y]];
  return s("g", {}, way({ points }, "parked"), s("text", { x: nodes.start.x + 22, y: nodes.start.y - 8, class: "mark parked" }, text));
}

/** Which failures take the ways around. */
function labels(graph, taken) {
  const detours = graph.edges.filter(({ kind, from }) => kind === "catch" && from === graph.edges[0].to);
  return detours.map((edge) => {
    const [from, lane] = edge.points;
    const isLeft = lane[0] < from[0];
    const text = edge.errors.includes("States.ALL") ? words.anyError : edge.errors.join(", ");
    return s("text", { x: isLeft ? lane[0] + 8 : lane[0] - 8, y: lane[1] - 7, "text-anchor": isLeft ? "start" : "end", class: `label ${taken.get(key(edge)) ?? ""}` }, text);
  });
}

function terminal({ x, y }, name, execution) {
  if (name === "start") return s("circle", { cx: x, cy: y, r: 8, class: "terminal ok full" });
  const reached = execution.status === "SUCCEEDED";
  return s(
    "g",
    {},
    s("circle", { cx: x, cy: y, r: 8, class: `terminal ${reached ? "ok" : "off"}` }),
    reached && s("circle", { cx: x, cy: y, r: 4, class: "terminal ok full" }),
    reached && s("text", { x, y: y + 23, "text-anchor": "middle", class: "mark ok" }, words.end),
  );
}

function state(node, known, execution, graph, { selected, onselect, now }) {
  const look = known?.look ?? "off";
  const { name, x, y, width, height } = node;
  const isSelected = name === selected;
  const lines = known ? told(node, known, execution, now) : [];
  const choose = () => onselect(name);
  return s(
    "g",
    {
      class: `state ${look}${isSelected ? " selected" : ""}`, role: "button", tabindex: isSelected || (!selected && name === graph.edges[0].to) ? 0 : -1, "data-key": `state ${name}`, "data-state": name,
      "aria-pressed": String(isSelected), "aria-label": `${[name, ...lines.map(({ text }) => text)].join(" ")}, ${words.looks[look]}`,
      onclick: choose,
      onkeydown: (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        choose();
      },
    },
    isSelected && shape(node, 5, "ring"),
    shape(node, 0, "box"),
    s("text", { x, y: lines.length ? y - 4 : y + 4.5, "text-anchor": "middle", class: "name" }, `${name} `),
    lines.length > 0 &&
      s("text", { x, y: y + 15, "text-anchor": "middle", class: "second" }, lines.map(({ text, look }, index) => s("tspan", { class: look, dx: index ? 4 : undefined }, `${text} `))),
  );
}

/** A box; a choice has pointed sides. */
function shape({ type, x, y, width, height }, wider, name) {
  const [w, hh] = [width / 2 + wider, height / 2 + wider];
  if (type !== "Choice") return s("rect", { x: x - w, y: y - hh, width: 2 * w, height: 2 * hh, rx: 7 + wider, class: name });
  const cut = 16 + wider / 2;
  return s("path", { d: `M${x - w} ${y}L${x - w + cut} ${y - hh}H${x + w - cut}L${x + w} ${y}L${x + w - cut} ${y + hh}H${x - w + cut}Z`, class: name });
}

/** The second line of a state. */
function told(node, { visit, look }, execution, now) {
  const time = (from, to) => duration(between(from, to ?? now), language);
  if (look === "refused" && node.type === "Fail") return [{ text: words.actionNeeded }];
  if (node.type === "Choice") {
    const outcomes = Object.entries(execution.outcomes ?? {}).filter(([, count]) => count > 0);
    return outcomes.map(([outcome, count]) => ({ text: words.outcomesOf(count, words.outcome[outcome] ?? outcome) })).slice(0, 2);
  }
  if (node.type !== "Task") return [];
  const all = pieces(visit, execution, now).map((piece) => ({ ...piece, text: `${{ failed: "✕", pause: "↻", done: "✓", running: "…", cut: "■" }[piece.kind]} ${time(piece.from, piece.to)}` }));
  const shown = all.map(({ kind, text }) => ({ text, look: kind }));
  const failed = all.filter(({ kind }) => kind === "failed");
  if (shown.length <= 3) return shown;
  const total = { text: `✕ ${words.inAttempt(failed.length, node.attempts)}`, look: "failed" };
  const last = shown.at(-1);
  return last.look === "failed" ? [total, { text: time(visit.entered, visit.left), look: "pause" }] : [total, last];
}
