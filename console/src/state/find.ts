import { entryIfKnown } from "../api/endpoints";
import { dayPath, router } from "./router.svelte";

/** Goes to an entry on the statement of its day. `false` if there is none. */
export async function openEntry(id: string): Promise<boolean> {
  const entry = await entryIfKnown(id, { tries: 2 });
  if (!entry) return false;
  router.go(dayPath(entry.date, { currency: entry.currency, entry: entry.id }));
  return true;
}
