import type { WebhookEndpoint } from "../../api/types";
import { tw, type IntegrationsKey } from "../../i18n/integrations";
import { fullMoment } from "./moments";

/** The kinds of failure that this page knows; the contract may get others. */
const ERRORS = new Map<string, IntegrationsKey>([
  ["refused_address", "attempt.refused_address"],
  ["no_such_host", "attempt.no_such_host"],
  ["connection_failed", "attempt.connection_failed"],
  ["tls_failed", "attempt.tls_failed"],
  ["timed_out", "attempt.timed_out"],
  ["malformed_answer", "attempt.malformed_answer"],
]);

/** Why an attempt was not answered. A kind of a later version is told by its code. */
export function attemptError(code: string): string {
  const key = ERRORS.get(code);
  return key ? tw(key) : code;
}

/** Why and since when an endpoint is disabled; a reason of a later version is left out. */
export function disabledSentence(disabled: NonNullable<WebhookEndpoint["disabled"]>): string {
  const moment = fullMoment(disabled.at);
  if (disabled.reason === "gone") return tw("hook.disabledGone", { moment });
  return tw(disabled.reason === "failing" ? "hook.disabledFailing" : "hook.disabledAt", { moment });
}
