// Lays out the state machines and writes the drawing that the inspector's page paints:
// node layout.mjs NODE_MODULES STATE_MACHINE.asl.json... > page/graph.json
// The answer is kept in the repository, so that whoever runs the stack needs neither npm nor this.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join, resolve } from "node:path";

const [nodeModules, ...files] = process.argv.slice(2);
const dagre = createRequire(join(resolve(nodeModules), "/"))("@dagrejs/dagre");

// In pixels of the drawing. A task holds a second line, with its attempts.
const SIZES = { Task: [196, 56], Choice: [196, 50], Pass: [164, 36], Fail: [164, 46], start: [16, 16], end: [16, 16] };
const MARGIN = 14;
const LANE = 18;

/** Every way from a state to another. */
function* waysFrom(state) {
  if (state.Next) yield { to: state.Next, kind: "next" };
  if (state.Default) yield { to: state.Default, kind: "default" };
  for (const choice of state.Choices ?? []) yield { to: choice.Next, kind: "choice" };
  for (const { Next, ErrorEquals } of state.Catch ?? []) yield { to: Next, kind: "catch", errors: ErrorEquals };
  if (state.End) yield { to: "end", kind: "next" };
}

/** How many calls of a task there are at most, if all fail. */
function attemptsMax(state) {
  return 1 + Math.max(0, ...(state.Retry ?? []).map(({ MaxAttempts = 3 }) => MaxAttempts));
}

function layOut({ StartAt, States }) {
  const types = { start: "start", ...Object.fromEntries(Object.entries(States).map(([name, { Type }]) => [name, Type])), end: "end" };
  const ways = [{ from: "start", to: StartAt, kind: "next" }];
  for (const [from, state] of Object.entries(States)) for (const way of waysFrom(state)) ways.push({ from, ...way });
  const graph = ranked(types, ways.filter((way) => !isDetour(way, ways)));
  const nodes = graph.nodes().map((name) => ({ name, type: types[name], ...graph.node(name) }));
  const at = Object.fromEntries(nodes.map((node) => [node.name, node]));
  const inside = graph.graph().width;
  const edges = ways.map((way) => ({ ...way, points: isDetour(way, ways) ? detour(at[way.from], at[way.to], inside) : points(graph, way) }));
  return {
    width: round(inside + 2 * LANE),
    height: round(graph.graph().height),
    nodes: nodes.map(({ name, type, x, y, width, height }) => {
      const attempts = type === "Task" ? { attempts: attemptsMax(States[name]) } : {};
      return { name, type, x: round(x + LANE), y: round(y), width, height, ...attempts };
    }),
    edges: edges.map(({ points, ...way }) => ({ ...way, points: points.map(({ x, y }) => [round(x + LANE), round(y)]) })),
  };
}

/** The states in rows, each below those that lead to it. */
function ranked(types, ways) {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: "TB", nodesep: 22, edgesep: 14, ranksep: 36, marginx: MARGIN, marginy: MARGIN });
  for (const [name, type] of Object.entries(types)) {
    const [width, height] = SIZES[type];
    graph.setNode(name, { width, height });
  }
  // What usually happens is a straight line.
  const weights = { next: 4, default: 40, choice: 1, catch: 1 };
  for (const { from, to, kind } of ways) graph.setEdge(from, to, { weight: weights[kind] });
  dagre.layout(graph, { customOrder: ordered(ways) });
  return graph;
}

/** The ways from a state, from left to right: around the usual one. */
function usualInTheMiddle(ways) {
  const usual = ways.filter(({ kind }) => kind === "next" || kind === "default");
  const others = ways.filter((way) => !usual.includes(way));
  const half = Math.ceil(others.length / 2);
  return [...others.slice(0, half), ...usual, ...others.slice(half)];
}

/** Orders each row by what leads to it. dagre's own order has as few crossings, but draws the usual way around the others. */
function ordered(ways) {
  return (graph) => {
    const rows = [];
    for (const name of graph.nodes()) (rows[graph.node(name).rank] ??= []).push(name);
    for (const row of rows.filter(Boolean)) {
      // A way over several rows has a node without a name in each.
      const ends = (name) => graph.node(name).edgeObj ?? { w: name };
      const place = (name) => {
        const from = graph.predecessors(name).map((before) => {
          const { v = before, w } = ends(name);
          const index = usualInTheMiddle(ways.filter((way) => way.from === v)).findIndex(({ to }) => to === w);
          return graph.node(before).order * 100 + index;
        });
        return from.reduce((sum, each) => sum + each, 0) / (from.length || 1);
      };
      const places = new Map(row.map((name) => [name, place(name)]));
      inOrder(row, (name) => [places.get(name)]);
    }
    // Ways from one state do not cross each other.
    for (const row of rows.filter((row) => row?.every((name) => graph.node(name).edgeObj)).reverse()) {
      const order = ([name]) => graph.node(name).order;
      inOrder(row, (name) => [order(graph.predecessors(name)), order(graph.successors(name))]);
    }

    function inOrder(row, key) {
      const keys = new Map(row.map((name) => [name, key(name)]));
      const compare = ([one, later], [other, least]) => one - other || later - least;
      row.sort((one, other) => compare(keys.get(one), keys.get(other))).forEach((name, order) => (graph.node(name).order = order));
    }
  };
}

/** Whether a failure leads to where failures of a later state lead to as well: that would push all that is between aside. */
function isDetour(way, ways) {
  const isLater = ({ from, to, kind }) => kind === "catch" && to === way.to && from !== way.from && reaches(way.from, from, ways);
  return way.kind === "catch" && ways.some(isLater);
}

/** Whether one state comes before another when nothing fails. */
function reaches(from, to, ways) {
  return from === to || ways.some((way) => way.from === from && way.kind !== "catch" && reaches(way.to, to, ways));
}

/** A way around everything, on the side of the state that it leads to. */
function detour(from, to, width) {
  const side = to.x < width / 2 ? -1 : 1;
  const lane = side < 0 ? 0 : width;
  return [
    { x: from.x + (side * from.width) / 2, y: from.y },
    { x: lane, y: from.y },
    { x: lane, y: to.y },
    { x: to.x + (side * to.width) / 2, y: to.y },
  ];
}

function points(graph, { from, to }) {
  return graph.edge(from, to).points;
}

function round(length) {
  return Math.round(length * 10) / 10;
}

const machines = files.map((file) => [basename(file, ".asl.json"), layOut(JSON.parse(readFileSync(file, "utf8")))]);
process.stdout.write(`${JSON.stringify(Object.fromEntries(machines), null, 1)}\n`);
