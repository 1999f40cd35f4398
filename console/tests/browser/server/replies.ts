/** What is asked of the API in memory, and what it answers. */

export interface Call {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: Record<string, string | undefined>;
  body: unknown;
}

export interface Reply {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
  /** Never answered: the connection is cut. */
  cut?: boolean;
}

export function problem(status: number, code: string, extra: object = {}, headers: Record<string, string> = {}): Reply {
  return {
    status,
    headers: { "Content-Type": "application/problem+json", ...headers },
    body: { type: `urn:fluxo:problem:${code}`, title: code, status, detail: code, code, ...extra },
  };
}

export const ok = (body: unknown, status = 200, headers: Record<string, string> = {}): Reply => ({
  status,
  body,
  headers,
});
