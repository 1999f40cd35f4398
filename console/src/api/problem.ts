import { isRecord } from "../lib/storage";

/** One thing that is wrong with a request, and where: a JSON pointer into the body, or a parameter. A later release may add codes. */
export interface Fault {
  pointer?: string;
  parameter?: string;
  code?: string;
  detail: string;
  /** The limit that the value is beyond. */
  limit?: string;
}

/**
 * A request that was not answered as asked. `code` is the contract's, or one of the page's own: `unauthorized`, `too_many_requests`,
 * `gateway` (an answer of the gateway without a code), `network` (no answer at all) and `offline` (not sent, for want of a connection).
 */
export class Problem extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
    readonly detail: string,
    readonly faults: Fault[] = [],
    readonly retryAfterS: number | null = null,
    readonly requestId: string | null = null,
  ) {
    super(`${code}: ${detail}`);
  }

  /** Whether the very same request may be answered later. */
  get isTransient(): boolean {
    return this.status === 503 || this.status === 429 || this.code === "network";
  }
}

const OF_THE_GATEWAY: Record<number, string> = {
  401: "unauthorized",
  429: "too_many_requests",
  503: "temporarily_unavailable",
};

export async function problemOf(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => null);
  const fields = isRecord(body) ? body : {};
  const code = typeof fields["code"] === "string" ? fields["code"] : (OF_THE_GATEWAY[response.status] ?? "gateway");
  const detail = String(fields["detail"] ?? fields["message"] ?? "");
  const faults = Array.isArray(fields["errors"]) ? fields["errors"].filter(isFault) : [];
  const after = Number(response.headers.get("Retry-After"));
  const requestId = response.headers.get("apigw-requestid") ?? response.headers.get("x-amz-cf-id");
  return new Problem(code, response.status, detail, faults, after > 0 ? after : null, requestId);
}

function isFault(value: unknown): value is Fault {
  return isRecord(value) && typeof value["detail"] === "string";
}

/** What an error is to a page: a Problem, or the fault in the program that it is. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  console.error(error);
  return new Problem("unexpected", 0, error instanceof Error ? error.message : String(error));
}
