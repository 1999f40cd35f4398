import type { EventType } from "../../api/types";
import { tw, type IntegrationsKey } from "../../i18n/integrations";

/** The name of each type of the contract. A type that the contract gets and this table lacks does not compile. */
const NAMES: Record<EventType, IntegrationsKey> = {
  "entry.posted": "type.entry.posted",
  "entry.conflicted": "type.entry.conflicted",
  "entry.reversal_overtaken": "type.entry.reversal_overtaken",
  "day.sealed": "type.day.sealed",
  "day.restated": "type.day.restated",
  "day.balance_changed": "type.day.balance_changed",
  "balance.alert.triggered": "type.balance.alert.triggered",
  "balance.alert.resolved": "type.balance.alert.resolved",
  "webhook_endpoint.disabled": "type.webhook_endpoint.disabled",
};

export const EVENT_TYPES = Object.keys(NAMES) as EventType[];

export function isEventType(type: string): type is EventType {
  return Object.hasOwn(NAMES, type);
}

/** What happened, in the language of the page. A type of a later version has no name here: it is told by its code. */
export function eventName(type: string): string {
  return isEventType(type) ? tw(NAMES[type]) : type;
}
