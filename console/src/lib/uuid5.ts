/** The id of an entry: UUIDv5 (RFC 9562, section 5.5) over merchant and idempotency key, as the ledger derives it. */

/** The namespace of all entry ids. */
const NAMESPACE = "6b9f3c52-0d47-5e0a-9c1e-7f2a51d8c3b4";

export async function entryId(merchant: string, key: string): Promise<string> {
  const namespace = Uint8Array.from(NAMESPACE.replaceAll("-", "").match(/../g) ?? [], (byte) => parseInt(byte, 16));
  const name = new TextEncoder().encode(`${merchant}\n${key}`);
  const input = new Uint8Array(namespace.length + name.length);
  input.set(namespace);
  input.set(name, namespace.length);
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-1", input)).slice(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const text = hex(bytes);
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join("-");
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
