/** The contract's shapes by their short names; schema.d.ts is generated from openapi.yaml. */

import type { components } from "./schema";

type Schemas = components["schemas"];

export type DailyBalance = Schemas["DailyBalance"];
export type DayStatus = DailyBalance["status"];
export type BalanceAsOf = Schemas["BalanceAsOf"];
export type Statement = Schemas["Statement"];
export type StatementLine = Schemas["StatementLine"];
export type Entry = Schemas["Entry"];
export type PostedEntry = Schemas["PostedEntry"];
export type Conflict = Schemas["Conflict"];
export type EntryType = Schemas["EntryType"];
export type EntryRequest = Schemas["EntryRequest"];
export type BatchEntry = Schemas["BatchEntry"];
export type ReversalRequest = Schemas["ReversalRequest"];
export type AcceptedEntry = Schemas["AcceptedEntry"];
export type AcceptedReversal = Schemas["AcceptedReversal"];
export type AcceptedBatch = Schemas["AcceptedBatch"];
export type FaultCode = Schemas["FaultCode"];
export type Currency = Schemas["Currency"];
export type Seal = Schemas["Seal"];
export type Seals = Schemas["Seals"];
export type EventType = Schemas["EventType"];
export type WebhookEndpoint = Schemas["WebhookEndpoint"];
export type WebhookEndpointRequest = Schemas["WebhookEndpointRequest"];
export type NewWebhookEndpoint = Schemas["NewWebhookEndpoint"];
export type RotatedSecret = Schemas["RotatedSecret"];
export type Delivery = Schemas["Delivery"];
export type DeliveryStatus = Schemas["DeliveryStatus"];
export type Deliveries = Schemas["Deliveries"];
export type BalanceAlert = Schemas["BalanceAlert"];
export type BalanceAlertRequest = Schemas["BalanceAlertRequest"];
