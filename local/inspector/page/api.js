/** Questions to the launcher. */

let token = "";

/** What it knows of itself. The token that it gives is needed for whatever changes something. */
export async function about() {
  const answer = await get("/api/about");
  token = answer.token;
  return answer;
}

export function executions(filter, cursor) {
  const query = new URLSearchParams(Object.entries({ ...filter, cursor }).filter(([, value]) => value));
  return get(`/api/executions?${query}`);
}

export function execution(name) {
  return get(`/api/executions/${encodeURIComponent(name)}`);
}

export function stateData(name, index) {
  return get(`/api/executions/${encodeURIComponent(name)}/states/${index}`);
}

export function entry(id) {
  return get(`/api/entries/${encodeURIComponent(id)}`);
}

export function queues() {
  return get("/api/queues");
}

export async function graph() {
  return get("/graph.json");
}

/** Brings back what is in the dead-letter queue. */
export function redrive() {
  return ask("/api/redrive", { method: "POST", headers: { "X-Inspector-Token": token } });
}

function get(path) {
  return ask(path, {});
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, { ...options, cache: "no-store", signal: AbortSignal.timeout(30_000) });
  } catch {
    throw new Error("unreachable");
  }
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.message), { status: response.status });
  return answer;
}
