/** How each state and each way of the drawing looks, for an execution. */

/**
 * By name, what is known of each visited state: its look, its visit and the visit's number.
 *
 * Looks: `running`, `ok`, `warn` (duplicate, conflict, overtaken), `caught`, `parked`, `refused`, `stopped`. What is not here was not
 * visited.
 */
export function looks(graph, execution) {
  const types = Object.fromEntries(graph.nodes.map(({ name, type }) => [name, type]));
  return new Map(execution.states.map((visit, index) => [visit.name, { visit, index, look: look(visit, types, execution) }]));
}

function look(visit, types, execution) {
  const type = types[visit.name] ?? visit.type;
  if (type === "Fail") return lookOfEnd(visit.name);
  if (!visit.left) return execution.status === "RUNNING" ? "running" : "stopped";
  if (visit.caught) return "caught";
  // A message that was sent is as good or bad as the end that it leads to.
  if (types[visit.next] === "Fail") return lookOfEnd(visit.next);
  return type === "Pass" ? "warn" : "ok";
}

function lookOfEnd(name) {
  return name === "EntriesParked" ? "parked" : "refused";
}

/** The look of each way that was taken, by "from to". */
export function ways(execution, looked) {
  const taken = new Map();
  const names = ["start", ...execution.states.map(({ name }) => name), ...(execution.status === "SUCCEEDED" ? ["end"] : [])];
  for (let index = 1; index < names.length; index += 1) {
    const before = looked.get(names[index - 1]);
    const after = looked.get(names[index])?.look;
    const look = before?.visit.caught ? "caught" : after === "running" ? "running" : after === "parked" || after === "refused" ? after : "ok";
    taken.set(`${names[index - 1]} ${names[index]}`, look);
  }
  return taken;
}

/** What happened in a state, piece by piece: failed attempts, pauses before the next, what ended or still runs. */
export function pieces(visit, execution, now) {
  const made = [];
  visit.attempts.forEach((attempt, index) => {
    const end = attempt.ended ?? execution.ended;
    const kind = attempt.failure ? "failed" : attempt.ended ? "done" : execution.ended ? "cut" : "running";
    made.push({ kind, from: attempt.started, to: end ?? now, number: attempt.number, failure: attempt.failure });
    const next = visit.attempts[index + 1];
    const isPause = attempt.failure && (next || (!visit.left && !execution.ended));
    if (isPause) made.push({ kind: "pause", from: attempt.ended, to: next?.started ?? now });
  });
  return made;
}

/** The state to show first: the last that failed, else the first. */
export function telling(execution) {
  const failed = execution.states.findLastIndex(({ attempts }) => attempts.some(({ failure }) => failure));
  return failed >= 0 ? failed : 0;
}
