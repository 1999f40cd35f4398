import type { Fault, Problem } from "../../api/problem";
import type { EventType, WebhookEndpointRequest } from "../../api/types";
import { t } from "../../i18n/index.svelte";
import { tw } from "../../i18n/integrations";
import { isRecord } from "../../lib/storage";
import { EVENT_TYPES } from "./events";

/** The name under which the form is kept. */
export const ENDPOINT_FORM = "webhook-endpoint";

export interface EndpointForm {
  url: string;
  all: boolean;
  types: string[];
}

export const EMPTY: EndpointForm = { url: "", all: true, types: [] };

export function isEndpointForm(value: unknown): value is EndpointForm {
  return (
    isRecord(value) &&
    typeof value["url"] === "string" &&
    typeof value["all"] === "boolean" &&
    Array.isArray(value["types"]) &&
    value["types"].every((type) => typeof type === "string")
  );
}

export interface EndpointFaults {
  url?: string;
  types?: string;
}

/** What is plainly missing is told before it is sent. Which addresses are admitted only the API says. */
export function checkEndpoint(form: EndpointForm): { faults: EndpointFaults; body: WebhookEndpointRequest | null } {
  const faults: EndpointFaults = {};
  const url = form.url.trim();
  if (url === "") faults.url = tw("url.empty");
  else if (!urlOf(url)) faults.url = tw("url.form");
  const types = EVENT_TYPES.filter((type) => form.types.includes(type));
  if (!form.all && types.length === 0) faults.types = tw("url.none");
  if (faults.url || faults.types) return { faults, body: null };
  return { faults, body: form.all ? { url } : { url, types: types satisfies EventType[] } };
}

/** The faults that the API names in what was sent, at their fields. */
export function serverFaults(problem: Problem, sent: WebhookEndpointRequest): EndpointFaults {
  const faults: EndpointFaults = {};
  for (const fault of problem.faults) {
    const field = fault.pointer?.split("/")[1];
    if (field === "url") faults.url ??= urlSentence(fault, sent.url);
    if (field === "types") faults.types ??= fault.code === "required" ? tw("url.none") : t("fault.page");
  }
  return faults;
}

function urlSentence(fault: Fault, url: string): string {
  switch (fault.code) {
    case "required":
      return tw("url.empty");
    case "invalid_format":
      return tw("url.form");
    case "too_long":
      return tw("url.long", { max: fault.limit ?? "" });
    case "not_admitted":
      return refusalOf(url);
    default:
      return t("entry.faultServer", { detail: fault.detail });
  }
}

/** Why nothing is sent to a URL, in the order in which the API looks. One code stands for all; what is wrong, the URL shows. */
function refusalOf(text: string): string {
  const url = urlOf(text);
  if (!url) return tw("url.form");
  if (url.username || url.password) return tw("url.credentials");
  if (url.hash) return tw("url.fragment");
  if (url.protocol !== "https:") return tw("url.https");
  return isPublicName(url.hostname) && url.port ? tw("url.port") : tw("url.private");
}

/** `URL.parse` is younger than the browsers that the page is built for. */
function urlOf(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

/** Whether a host may well be public: a port is then what is refused. Only the API knows all names and addresses that are not. */
function isPublicName(host: string): boolean {
  return !/^[\d.]+$|^\[|^[^.]+$|\.(alt|arpa|example|internal|invalid|local|localhost|onion|test)$/.test(host);
}
