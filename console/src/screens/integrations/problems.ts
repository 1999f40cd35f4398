import type { Wait } from "../../api/call";
import type { Problem } from "../../api/problem";
import { t } from "../../i18n/index.svelte";
import { tw } from "../../i18n/integrations";

/** Whether nobody knows if the request was carried out: no answer came, or one that says nothing about it. */
export function isUnanswered(problem: Problem): boolean {
  return problem.code === "network" || problem.status >= 500;
}

/** The sentence for each code that webhooks and alerts are answered with. None of them has to do with entries and their keys. */
export function sentenceOf(problem: Problem): string {
  switch (problem.code) {
    case "unauthorized":
      return t("error.unauthorized");
    case "id_token_required":
      return t("error.token");
    case "merchant_missing":
      return t("error.merchant");
    case "too_many_requests":
      return t("error.tooMany");
    case "clerk_required":
      return tw("fail.clerk");
    case "too_many_webhook_endpoints":
      return tw("fail.tooMany");
    case "too_many_balance_alerts":
      return tw("fail.tooManyAlerts");
    case "webhook_endpoint_disabled":
      return tw("fail.disabled");
    case "too_many_redeliveries":
      return tw("fail.tooManyRedeliveries");
    case "too_many_rotations":
      return tw("fail.tooManyRotations");
    case "temporarily_unavailable":
      return tw("fail.unavailable");
    case "offline":
      return tw("fail.offline");
    case "network":
      return tw("fail.network");
    default:
      if (problem.status >= 500) return tw("fail.internal", { id: problem.requestId ?? String(problem.status) });
      return tw("fail.unknown", { detail: problem.detail || problem.code });
  }
}

export function waitSentenceOf(wait: Wait, n: number): string {
  if (wait.code === "too_many_requests" || wait.code === "too_many_redeliveries") return tw("fail.waitTooMany", { n });
  return wait.code === "network" ? tw("fail.waitNetwork", { n }) : tw("fail.waitUnavailable", { n });
}
