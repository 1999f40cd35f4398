/**
 * What stands in a form that has not been sent, in this tab's session storage: an ended session leaves the page to sign in, and what was
 * typed is there when one comes back. Never anything that the API has answered.
 */

import { isRecord, read, remove, session, write } from "../lib/storage";

interface Kept<T> {
  /** Merchant and user. What one user typed is not shown to the next one. */
  owner: string;
  form: T;
}

const nameOf = (name: string): string => `fluxo.form.${name}`;

export function keptForm<T>(
  name: string,
  owner: string,
  isForm: (value: unknown) => value is T,
  storage = session,
): T | null {
  const isKept = (value: unknown): value is Kept<T> =>
    isRecord(value) && typeof value["owner"] === "string" && isForm(value["form"]);
  const kept = read(storage, nameOf(name), isKept);
  return kept?.owner === owner ? kept.form : null;
}

export function keepForm<T>(name: string, owner: string, form: T, storage = session): void {
  write(storage, nameOf(name), { owner, form } satisfies Kept<T>);
}

export function forgetForm(name: string, storage = session): void {
  remove(storage, nameOf(name));
}
