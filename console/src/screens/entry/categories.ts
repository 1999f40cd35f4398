import { session } from "../../auth/session.svelte";
import { local, read, write } from "../../lib/storage";

const MOST = 6;
const name = (): string => `fluxo.categories.${session.merchant}`;

function isList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

/** The categories that were used last on this device, the newest first. The API does not list them. */
export function recentCategories(): string[] {
  return read(local, name(), isList) ?? [];
}

export function rememberCategory(category: string): void {
  write(local, name(), [category, ...recentCategories().filter((other) => other !== category)].slice(0, MOST));
}
