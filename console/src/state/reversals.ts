/** The key of a reversal, in this tab's session storage until the API has answered: see drafts.ts. */

import type { ReversalRequest } from "../api/types";
import { isRecord, read, remove, session, write } from "../lib/storage";
import { newKey } from "./drafts";

export interface ReversalDraft {
  owner: string;
  key: string;
  /** What was sent under the key and not answered yet: it is repeated as it was. */
  sent: ReversalRequest | null;
}

const name = (entry: string): string => `fluxo.reversal.${entry}`;

function isDraft(value: unknown): value is ReversalDraft {
  return (
    isRecord(value) &&
    typeof value["owner"] === "string" &&
    typeof value["key"] === "string" &&
    (value["sent"] === null || isRecord(value["sent"]))
  );
}

export function reversalDraft(entry: string, owner: string, storage = session): ReversalDraft {
  const kept = read(storage, name(entry), isDraft);
  if (kept?.owner === owner) return kept;
  const draft: ReversalDraft = { owner, key: newKey(), sent: null };
  write(storage, name(entry), draft);
  return draft;
}

export function keepReversal(entry: string, draft: ReversalDraft, storage = session): void {
  write(storage, name(entry), draft);
}

export function forgetReversal(entry: string, storage = session): void {
  remove(storage, name(entry));
}
