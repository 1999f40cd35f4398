import type { Wait } from "../api/call";
import type { Problem } from "../api/problem";
import { t, type Key } from "./index.svelte";

/** The sentence for each code of the contract: what happened, what is safe, what to do. */
const SENTENCES: Record<string, Key> = {
  unauthorized: "error.unauthorized",
  id_token_required: "error.token",
  merchant_missing: "error.merchant",
  clerk_required: "error.clerk",
  too_many_requests: "error.tooMany",
  temporarily_unavailable: "error.unavailable",
  network: "error.network",
  idempotency_key_reused: "error.keyReused",
  already_reversed: "error.alreadyReversed",
  reversal_of_reversal: "error.reversalOfReversal",
  not_yet_posted: "error.notYetPosted",
  not_settled: "error.notSettled",
  not_yet_reflected: "error.notYetReflected",
  seal_in_progress: "error.sealInProgress",
  day_too_large: "error.dayTooLarge",
  not_found: "error.notFound",
  parameter_invalid: "error.parameter",
  validation_failed: "error.validation",
  body_too_large: "error.tooLarge",
  batch_too_large: "error.tooLarge",
};

/** The fields at which a fault is shown. */
const SHOWN = /^\/(amount|currency|date|description|category)$/;

export function sentence(problem: Problem): string {
  if (problem.code === "validation_failed" && !problem.faults.some(({ pointer }) => SHOWN.test(pointer ?? ""))) {
    return t("fault.page");
  }
  const key = SENTENCES[problem.code];
  if (key) return t(key);
  if (problem.status >= 500) return t("error.internal", { id: problem.requestId ?? String(problem.status) });
  return t("error.unknown", { detail: problem.detail || problem.code });
}

/** What is said while the same request is about to be repeated. */
export function waitSentence(wait: Wait, seconds: number): string {
  if (wait.code === "too_many_requests") return t("wait.tooMany", { n: seconds });
  if (wait.code === "not_yet_posted") return t("wait.notYetPosted", { n: seconds });
  if (wait.code === "not_yet_reflected") return t("wait.notYetReflected", { n: seconds });
  if (wait.code === "seal_in_progress") return t("wait.seal", { n: seconds });
  if (wait.code === "network") return t("wait.network", { n: seconds });
  return t("wait.unavailable", { n: seconds });
}
