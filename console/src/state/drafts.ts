/**
 * The entry that is being typed, in this tab's session storage: its key is made when the form opens and kept until the API has
 * answered. A reload finds the same key, and sends again what was sent without an answer; the API then posts it once.
 */

import type { EntryRequest } from "../api/types";
import { isRecord, read, remove, session, write } from "../lib/storage";

/** What stands in the form, as it was typed. */
export interface Form {
  type: "credit" | "debit";
  amount: string;
  currency: string;
  date: string;
  description: string;
  category: string;
}

export interface Draft {
  /** Merchant and user. What one user typed is not shown to the next one. */
  owner: string;
  key: string;
  form: Form;
  /** What was sent under the key and not answered yet. */
  sent: EntryRequest | null;
}

const NAME = "fluxo.draft";
const FIELDS = ["type", "amount", "currency", "date", "description", "category"] as const;

function isDraft(value: unknown): value is Draft {
  if (!isRecord(value) || !isRecord(value["form"])) return false;
  const form = value["form"];
  return (
    typeof value["owner"] === "string" &&
    typeof value["key"] === "string" &&
    FIELDS.every((field) => typeof form[field] === "string") &&
    (value["sent"] === null || isRecord(value["sent"]))
  );
}

/** A key nobody else makes: 80 random bits, short enough to be read out. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(10));
  return `w-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** The draft that this tab has kept for this user, if there is one. */
export function keptDraft(owner: string, storage = session): Draft | null {
  const draft = read(storage, NAME, isDraft);
  return draft?.owner === owner ? draft : null;
}

export function newDraft(owner: string, form: Form, storage = session): Draft {
  const draft: Draft = { owner, key: newKey(), form, sent: null };
  write(storage, NAME, draft);
  return draft;
}

export function keep(draft: Draft, storage = session): void {
  write(storage, NAME, draft);
}

/** The API has answered, or the user has discarded it: the key is done with. */
export function forgetDraft(storage = session): void {
  remove(storage, NAME);
}
