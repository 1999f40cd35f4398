/** Requests to the API, typed by its contract, and repeated where that is safe. */

import { session } from "../auth/session.svelte";
import { asProblem, Problem, problemOf } from "./problem";
import type { paths } from "./schema";

export interface Wait {
  code: string;
  seconds: number;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** Told before every wait for the next try, and `null` when it begins. */
  onWait?: ((wait: Wait | null) => void) | undefined;
  /** How often the request is tried in all. */
  tries?: number;
  /** Codes other than the transient ones that are answered differently a moment later. */
  repeatOn?: readonly string[];
  /** What a browser without a connection does: it waits and tries again, or fails at once, because the caller keeps what it sends. */
  whenOffline?: "wait" | "fail";
}

type Method = "get" | "post" | "put" | "delete";
type Operation<P extends keyof paths, M extends Method> = paths[P][M];
type Content<R> = R extends { content: infer C } ? C[keyof C] : never;
type Answered<O> = O extends { responses: infer R } ? Content<R[keyof R & (200 | 201 | 202)]> : never;
type Part<O, K extends string> = O extends { parameters: infer Q } ? (K extends keyof Q ? Q[K] : undefined) : undefined;
type Body<O> = O extends { requestBody?: infer B } ? Content<NonNullable<B>> : undefined;

interface Parts<O> {
  path?: Part<O, "path">;
  query?: Part<O, "query">;
  header?: Part<O, "header">;
  body?: Body<O>;
}

export interface Answer<T> {
  data: T;
  status: number;
  headers: Headers;
}

let base = "";

export function setApiBase(address: string): void {
  base = address;
}

const TIMEOUT_MS = 30_000;
const LONGEST_WAIT_S = 30;

/**
 * Sends a request. A write carries an idempotency key or may be repeated by its nature (a seal, a threshold), so 429, 503 and a lost
 * connection are answered by the same request again, after what `Retry-After` says. What must not be repeated is sent with `tries: 1`.
 */
export async function call<P extends keyof paths, M extends Method>(
  method: M,
  path: P,
  parts: Parts<Operation<P, M>>,
  options: CallOptions = {},
): Promise<Answer<Answered<Operation<P, M>>>> {
  const response = await send(method, path, parts as Parts<unknown>, options);
  const isJson = response.headers.get("Content-Type")?.includes("json") ?? false;
  const text = await response.text();
  // An answer without a body (202, 204) may have a type all the same.
  const data = (isJson && text !== "" ? JSON.parse(text) : text) as Answered<Operation<P, M>>;
  return { data, status: response.status, headers: response.headers };
}

async function send(method: Method, path: string, parts: Parts<unknown>, options: CallOptions): Promise<Response> {
  const tries = options.tries ?? 5;
  let renewed = false;
  for (let tried = 1; ; tried++) {
    try {
      return await once(method, path, parts, options.signal);
    } catch (error) {
      if (options.signal?.aborted) throw error;
      let problem = asProblem(error);
      if (problem.code === "unauthorized") {
        const renewal = renewed ? "refused" : await session.renew();
        if (renewal === "renewed") {
          renewed = true;
          continue;
        }
        if (renewal === "refused") {
          session.end();
          throw problem;
        }
        problem = unreachable("the sign-in does not answer");
      }
      const again = problem.isTransient || (options.repeatOn?.includes(problem.code) ?? false);
      const keeps = options.whenOffline === "fail" && problem.code === "network" && !navigator.onLine;
      if (!again || keeps || tried >= tries) throw problem;
      await waitFor(problem, tried, options);
    }
  }
}

async function once(
  method: Method,
  path: string,
  parts: Parts<unknown>,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const token = await session.token();
  if (token === "unreachable") throw unreachable("the sign-in does not answer");
  if (token === null) throw new Problem("unauthorized", 401, "nobody is signed in");
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let response: Response;
  try {
    response = await fetch(address(path, parts), {
      method: method.toUpperCase(),
      headers: {
        Authorization: `Bearer ${token.value}`,
        ...(parts.body !== undefined && { "Content-Type": "application/json" }),
        ...(parts.header as Record<string, string> | undefined),
      },
      body: parts.body === undefined ? null : JSON.stringify(parts.body),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      cache: "no-store",
      credentials: "omit",
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw unreachable(error instanceof Error ? error.message : String(error));
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

function unreachable(detail: string): Problem {
  return new Problem("network", 0, detail);
}

function address(path: string, parts: Parts<unknown>): string {
  const values = (parts.path ?? {}) as Record<string, string>;
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ""));
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries((parts.query ?? {}) as Record<string, unknown>)) {
    if (value !== undefined && value !== null) query.set(name, String(value));
  }
  const search = query.toString();
  return `${base}${filled}${search && `?${search}`}`;
}

async function waitFor(problem: Problem, tried: number, options: CallOptions): Promise<void> {
  const seconds = Math.min(problem.retryAfterS ?? 2 ** (tried - 1), LONGEST_WAIT_S);
  options.onWait?.({ code: problem.code, seconds });
  await pause(seconds * 1000, options.signal);
  options.onWait?.(null);
}

/** Waits; a signal ends it with an error, and a connection that comes back ends it early. */
export function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      clearTimeout(timer);
      globalThis.removeEventListener?.("online", done);
      signal?.removeEventListener("abort", stop);
      resolve();
    };
    const stop = (): void => {
      clearTimeout(timer);
      globalThis.removeEventListener?.("online", done);
      reject(signal?.reason instanceof Error ? signal.reason : new DOMException("stopped", "AbortError"));
    };
    const timer = setTimeout(done, milliseconds);
    globalThis.addEventListener?.("online", done, { once: true });
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop, { once: true });
  });
}
