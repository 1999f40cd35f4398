import type { Inspector } from "./lib/inspector";
import { isRecord } from "./lib/storage";

/** How to sign in: Cognito's hosted pages, authorization code with PKCE. */
export interface AuthConfig {
  authorizeUrl: string;
  tokenUrl: string;
  logoutUrl: string;
  clientId: string;
  redirectUri: string;
  scopes: string[];
}

/** Users of a sample merchant, shown on the sign-in page of an installation on one machine. */
export interface SampleUser {
  user: string;
  password: string;
  role: string;
}

/** What an installation says about itself, in /config.json beside the page. */
export interface Config {
  apiBase: string;
  auth: AuthConfig | null;
  timeZone: string;
  sample: SampleUser[];
  /** Where operators look at executions. */
  inspector: Inspector | null;
  /** An ID token to use without signing in. Only development builds look at it. */
  devToken: string | null;
}

export class ConfigError extends Error {}

/** Reads what /config.json says; an error names the field that is wrong. */
export function readConfig(value: unknown): Config {
  if (!isRecord(value)) throw new ConfigError("config.json is not an object");
  return {
    apiBase: text(value, "apiBase").replace(/\/$/, ""),
    auth: value["auth"] === undefined || value["auth"] === null ? null : readAuth(value["auth"]),
    timeZone: readTimeZone(value["timeZone"]),
    sample: readSample(value["sample"]),
    inspector: readInspector(value["inspector"]),
    devToken: import.meta.env.DEV && typeof value["devToken"] === "string" ? value["devToken"] : null,
  };
}

export async function loadConfig(): Promise<Config> {
  const response = await fetch("/config.json", { credentials: "same-origin" });
  if (!response.ok) throw new ConfigError(`config.json: status ${response.status}`);
  return readConfig(await response.json());
}

function readAuth(value: unknown): AuthConfig {
  if (!isRecord(value)) throw new ConfigError("config.json: auth is not an object");
  const scopes = value["scopes"];
  return {
    authorizeUrl: url(value, "authorizeUrl"),
    tokenUrl: url(value, "tokenUrl"),
    logoutUrl: url(value, "logoutUrl"),
    clientId: text(value, "clientId"),
    redirectUri: url(value, "redirectUri"),
    scopes: Array.isArray(scopes) ? scopes.filter((scope) => typeof scope === "string") : ["openid"],
  };
}

function readInspector(value: unknown): Inspector | null {
  if (value === undefined || value === null) return null;
  if (!isRecord(value)) throw new ConfigError("config.json: inspector is not an object");
  if (value["kind"] === "local") return { kind: "local", url: url(value, "url") };
  const logGroups = value["logGroups"];
  if (!Array.isArray(logGroups)) throw new ConfigError("config.json: logGroups is missing");
  return {
    kind: "aws",
    region: text(value, "region"),
    stateMachineArn: text(value, "stateMachineArn"),
    standardStateMachineArn: text(value, "standardStateMachineArn"),
    logGroups: logGroups.filter((group) => typeof group === "string"),
  };
}

/** The business time zone; the installation's default unless it says another that this browser knows. */
function readTimeZone(value: unknown): string {
  const timeZone = typeof value === "string" ? value : "America/Sao_Paulo";
  try {
    new Intl.DateTimeFormat("en", { timeZone });
    return timeZone;
  } catch {
    throw new ConfigError(`config.json: timeZone ${JSON.stringify(timeZone)} is not known to this browser`);
  }
}

function readSample(value: unknown): SampleUser[] {
  const users = isRecord(value) ? value["users"] : value;
  if (!Array.isArray(users)) return [];
  return users
    .filter(isRecord)
    .map((user) => ({ user: text(user, "user"), password: text(user, "password"), role: text(user, "role") }));
}

function text(value: Record<string, unknown>, field: string): string {
  const found = value[field];
  if (typeof found !== "string" || found === "") throw new ConfigError(`config.json: ${field} is missing`);
  return found;
}

function url(value: Record<string, unknown>, field: string): string {
  const found = text(value, field);
  try {
    return new URL(found, globalThis.location?.origin).href;
  } catch {
    throw new ConfigError(`config.json: ${field} is not an address`);
  }
}
