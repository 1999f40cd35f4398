/** Authorization code with PKCE (RFC 7636) at Cognito's hosted pages. */

import type { AuthConfig } from "../config";
import { isRecord, read, remove, session, write } from "../lib/storage";

export interface Tokens {
  idToken: string;
  /** Absent when a refresh answers none: the one before stays good. */
  refreshToken: string | null;
}

/** Why the token endpoint gave no tokens: `refused` is final, `unreachable` may pass. */
export class TokenError extends Error {
  constructor(
    readonly kind: "refused" | "unreachable",
    detail: string,
  ) {
    super(`no tokens: ${detail}`);
  }
}

interface Started {
  state: string;
  verifier: string;
  returnTo: string;
}

const STARTED = "fluxo.sign-in";

function isStarted(value: unknown): value is Started {
  return isRecord(value) && ["state", "verifier", "returnTo"].every((field) => typeof value[field] === "string");
}

/** The address of the hosted sign-in page. What comes back is checked against what is kept here. */
export async function authorizeAddress(auth: AuthConfig, returnTo: string): Promise<string> {
  const started: Started = { state: random(), verifier: random(), returnTo };
  write(session, STARTED, started);
  const challenge = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(started.verifier));
  const address = new URL(auth.authorizeUrl);
  address.search = new URLSearchParams({
    response_type: "code",
    client_id: auth.clientId,
    redirect_uri: auth.redirectUri,
    scope: auth.scopes.join(" "),
    state: started.state,
    code_challenge: base64url(new Uint8Array(challenge)),
    code_challenge_method: "S256",
  }).toString();
  return address.href;
}

export type Returned =
  | { kind: "none" }
  | { kind: "code"; code: string; verifier: string; returnTo: string }
  /** The page said no, or the answer belongs to no sign-in that began in this tab. */
  | { kind: "failed"; reason: string; returnTo: string };

/** What the hosted page's redirect says, if this address is one. The kept state is used up. */
export function readReturn(address: URL): Returned {
  const code = address.searchParams.get("code");
  const error = address.searchParams.get("error");
  const state = address.searchParams.get("state");
  if (!code && !(error && state)) return { kind: "none" };
  const started = read(session, STARTED, isStarted);
  remove(session, STARTED);
  const returnTo = ownPath(started?.returnTo ?? "/");
  if (!started || started.state !== state) return { kind: "failed", reason: "state", returnTo };
  if (!code) return { kind: "failed", reason: error ?? "unknown", returnTo };
  return { kind: "code", code, verifier: started.verifier, returnTo };
}

/** A path of this page. One that begins with two slashes would name another host, and the browser refuses to go on under it. */
export function ownPath(path: string): string {
  return path.replace(/^[/\\]*/, "/");
}

export function redeem(auth: AuthConfig, code: string, verifier: string): Promise<Tokens> {
  return askTokens(auth, {
    grant_type: "authorization_code",
    client_id: auth.clientId,
    redirect_uri: auth.redirectUri,
    code,
    code_verifier: verifier,
  });
}

export function refresh(auth: AuthConfig, refreshToken: string): Promise<Tokens> {
  return askTokens(auth, { grant_type: "refresh_token", client_id: auth.clientId, refresh_token: refreshToken });
}

/** The address that ends the session of the hosted pages. Cognito takes `logout_uri`, not OpenID's parameter. */
export function logoutAddress(auth: AuthConfig): string {
  const address = new URL(auth.logoutUrl);
  address.search = new URLSearchParams({ client_id: auth.clientId, logout_uri: auth.redirectUri }).toString();
  return address.href;
}

async function askTokens(auth: AuthConfig, form: Record<string, string>): Promise<Tokens> {
  let response: Response;
  try {
    response = await fetch(auth.tokenUrl, {
      method: "POST",
      body: new URLSearchParams(form),
      credentials: "omit",
      signal: AbortSignal.timeout(15_000),
    });
  } catch {
    throw new TokenError("unreachable", "the token endpoint does not answer");
  }
  if (response.status >= 500 || response.status === 429)
    throw new TokenError("unreachable", `status ${response.status}`);
  const answer: unknown = await response.json().catch(() => null);
  if (!response.ok || !isRecord(answer)) throw new TokenError("refused", `status ${response.status}`);
  const { id_token: idToken, refresh_token: refreshToken } = answer;
  if (typeof idToken !== "string") throw new TokenError("refused", "the answer has no ID token");
  return { idToken, refreshToken: typeof refreshToken === "string" ? refreshToken : null };
}

/** 256 random bits as 43 characters: a verifier has to have 43 to 128. */
function random(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}
