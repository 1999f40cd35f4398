import type { BatchEntry } from "../api/types";

/** The contract's limits of a batch: entries, bytes of the body, bytes of workflow state, and that with `"` and `\` counted twice. */
const ENTRIES_MOST = 500;
const BODY_MOST = 256 * 1024;
/** Below the server's 200 KiB and 240,000: a batch that goes over them all the same is sent in halves. */
const STATE_MOST = 190 * 1024;
const ESCAPED_STATE_MOST = 228_000;
/** How much more workflow state an entry takes than its JSON: an id and a fingerprint, less the key; and the quotes around them. */
const STATE_MORE = 100;
const ESCAPED_MORE = 140;

/** Entries in order, in batches that the API takes. */
export function batches(entries: readonly BatchEntry[]): BatchEntry[][] {
  const encoder = new TextEncoder();
  const all: BatchEntry[][] = [];
  let [body, state, escaped] = [0, 0, 0];
  let current: BatchEntry[] = [];
  for (const entry of entries) {
    const json = JSON.stringify(entry);
    const bytes = encoder.encode(json).length;
    const twice = bytes + (json.match(/["\\]/g)?.length ?? 0);
    const fits =
      current.length < ENTRIES_MOST &&
      body + bytes + 1 <= BODY_MOST - 32 &&
      state + bytes + STATE_MORE <= STATE_MOST &&
      escaped + twice + ESCAPED_MORE <= ESCAPED_STATE_MOST;
    if (current.length === 0 || !fits) {
      current = [];
      all.push(current);
      [body, state, escaped] = [0, 0, 0];
    }
    current.push(entry);
    body += bytes + 1;
    state += bytes + STATE_MORE;
    escaped += twice + ESCAPED_MORE;
  }
  return all;
}
