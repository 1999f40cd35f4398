/** The API's operations of webhooks and balance alerts. They come with the page that needs them. */

import { call, type CallOptions } from "./call";
import { Problem } from "./problem";
import type * as Api from "./types";

type Options = CallOptions | undefined;

export async function webhookEndpoints(options: Options): Promise<Api.WebhookEndpoint[]> {
  return (await call("get", "/webhook-endpoints", {}, options)).data.endpoints;
}

export async function webhookEndpoint(id: string, options: Options): Promise<Api.WebhookEndpoint> {
  return (await call("get", "/webhook-endpoints/{id}", { path: { id } }, options)).data;
}

/** Sent once: a repetition would add a second endpoint, and the first one's secret would be lost with its answer. */
export async function addWebhookEndpoint(
  body: Api.WebhookEndpointRequest,
  options: Options,
): Promise<Api.NewWebhookEndpoint> {
  return (await call("post", "/webhook-endpoints", { body }, once(options))).data;
}

/** Sent once: whoever misses the answer is told so, and decides. */
export async function rotateSecret(id: string, options: Options): Promise<Api.RotatedSecret> {
  const parts = { path: { id } };
  return (await call("post", "/webhook-endpoints/{id}/rotate-secret", parts, once(options))).data;
}

export async function enableWebhookEndpoint(id: string, options: Options): Promise<Api.WebhookEndpoint> {
  return (await call("post", "/webhook-endpoints/{id}/enable", { path: { id } }, options)).data;
}

export async function removeWebhookEndpoint(id: string, options: Options): Promise<void> {
  await call("delete", "/webhook-endpoints/{id}", { path: { id } }, options);
}

export async function deliveries(
  id: string,
  query: { status?: Api.DeliveryStatus; limit: number; cursor?: string },
  options: Options,
): Promise<Api.Deliveries> {
  return (await call("get", "/webhook-endpoints/{id}/deliveries", { path: { id }, query }, options)).data;
}

export async function redeliver(id: string, delivery: string, options: Options): Promise<void> {
  const parts = { path: { id, delivery_id: delivery } };
  await call("post", "/webhook-endpoints/{id}/deliveries/{delivery_id}/redeliver", parts, options);
}

export async function balanceAlerts(options: Options): Promise<Api.BalanceAlert[]> {
  return (await call("get", "/balance-alerts", {}, options)).data.alerts;
}

export async function setBalanceAlert(body: Api.BalanceAlertRequest, options: Options): Promise<Api.BalanceAlert> {
  return (await call("put", "/balance-alerts", { body }, options)).data;
}

export async function removeBalanceAlert(id: string, options: Options): Promise<void> {
  await call("delete", "/balance-alerts/{id}", { path: { id } }, options);
}

/** Without a connection it is not sent at all, which is better to know than that no answer came. */
function once(options: Options): CallOptions {
  if (!navigator.onLine) throw new Problem("offline", 0, "the browser has no connection");
  return { ...options, tries: 1 };
}
