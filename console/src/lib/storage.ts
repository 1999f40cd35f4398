/** JSON in the browser's storage. Storage may be full, forbidden or hold an old shape: then it is as if nothing was stored. */

export function read<T>(storage: () => Storage, name: string, isValid: (value: unknown) => value is T): T | null {
  try {
    const stored = storage().getItem(name);
    const value: unknown = stored === null ? null : JSON.parse(stored);
    return isValid(value) ? value : null;
  } catch {
    return null;
  }
}

/** Whether the value is stored now. Who must not lose it asks. */
export function write(storage: () => Storage, name: string, value: unknown): boolean {
  try {
    storage().setItem(name, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

export function remove(storage: () => Storage, name: string): void {
  try {
    storage().removeItem(name);
  } catch {
    // Nothing is stored where storage is forbidden.
  }
}

export const session = (): Storage => sessionStorage;
export const local = (): Storage => localStorage;

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
