import { isRecord } from "../lib/storage";

/** What the page reads in an ID token. The API verifies it; the page only shows and hides. */
export interface Claims {
  subject: string;
  merchant: string;
  name: string;
  groups: string[];
  /** Seconds since 1970. */
  expires: number;
}

export function readClaims(token: string): Claims {
  const payload = token.split(".")[1] ?? "";
  const bytes = Uint8Array.from(atob(payload.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
  const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
  if (!isRecord(claims)) throw new Error("the ID token has no claims");
  const merchant = claims["custom:merchant_id"];
  const groups = claims["cognito:groups"];
  const name = claims["name"] ?? claims["email"] ?? claims["cognito:username"] ?? claims["sub"];
  return {
    subject: String(claims["sub"] ?? ""),
    merchant: typeof merchant === "string" ? merchant : "",
    name: String(name ?? ""),
    groups: Array.isArray(groups) ? groups.filter((group) => typeof group === "string") : [],
    expires: typeof claims["exp"] === "number" ? claims["exp"] : 0,
  };
}

/** Two letters for the account button. */
export function initials(name: string): string {
  const parts = (name.split("@")[0] ?? "").split(/[\s._-]+/).filter(Boolean);
  const letters =
    parts.length > 1 ? [parts[0], parts[parts.length - 1]].map((part) => part?.[0] ?? "") : [...(parts[0] ?? "?")];
  return letters.slice(0, 2).join("").toUpperCase();
}
