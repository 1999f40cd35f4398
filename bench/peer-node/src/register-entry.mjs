// POST /entries: validates the entry and starts the state machine that records it. Powertools answers repeats as the first time.
import { createHash } from "node:crypto";
import { IdempotencyConfig, makeIdempotent } from "@aws-lambda-powertools/idempotency";
import { SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
import { persistenceStore } from "./idempotency.mjs";

const NAMESPACE = Buffer.from("6b9f3c520d475e0a9c1e7f2a51d8c3b4", "hex");
const stepFunctions = new SFNClient({});

const register = makeIdempotent(
  async (event) => {
    const claims = event.requestContext.authorizer.jwt.claims;
    const merchantId = claims["custom:merchant_id"];
    if (!merchantId || !claims["cognito:groups"]?.includes("clerk")) return answer(403, { code: "forbidden" });
    const key = event.headers["idempotency-key"];
    const entry = JSON.parse(event.body);
    const errors = faults(entry);
    if (errors.length > 0) return answer(422, { code: "validation_failed", errors });

    const id = uuidV5(`${merchantId}\n${key}`);
    const fingerprint = createHash("sha256").update(JSON.stringify(entry)).digest("hex");
    const { amount, ...rest } = entry;
    const input = {
      merchant_id: merchantId,
      entries: [{ id, fingerprint, ...rest, amount_minor: amount.replace(".", "") }],
    };
    await stepFunctions.send(
      new StartExecutionCommand({
        stateMachineArn: process.env.STATE_MACHINE_ARN,
        name: `${id}-${fingerprint.slice(0, 16)}`,
        input: JSON.stringify(input),
      }),
    );
    console.log(JSON.stringify({ level: "INFO", message: "entry accepted", merchantId, id }));
    return answer(202, { id, merchant_id: merchantId, status: "accepted", ...entry }, { Location: `/entries/${id}` });
  },
  {
    persistenceStore,
    // Without `payloadValidationJmesPath`: over a cache, Powertools 2.35 forgets the payload's hash when the work is done, and
    // refuses every repeat.
    config: new IdempotencyConfig({ eventKeyJmesPath: 'headers."idempotency-key"', expiresAfterSeconds: 24 * 60 * 60 }),
  },
);

export const handler = (event, context) => register(event, context);

function faults(entry) {
  const errors = [];
  if (!["credit", "debit"].includes(entry.type)) errors.push({ pointer: "/type", detail: "must be credit or debit" });
  if (typeof entry.amount !== "string" || !/^\d{1,13}\.\d{2}$/.test(entry.amount)) errors.push({ pointer: "/amount", detail: "must be a decimal string" });
  if (entry.currency !== "BRL") errors.push({ pointer: "/currency", detail: "must be BRL" });
  if (Number.isNaN(Date.parse(entry.date))) errors.push({ pointer: "/date", detail: "must be a date" });
  if ((entry.description ?? "").length > 255) errors.push({ pointer: "/description", detail: "must have at most 255 characters" });
  if ((entry.category ?? "").length > 100) errors.push({ pointer: "/category", detail: "must have at most 100 characters" });
  return errors;
}

function uuidV5(name) {
  const hash = createHash("sha1").update(NAMESPACE).update(name).digest().subarray(0, 16);
  hash[6] = (hash[6] & 0x0f) | 0x50;
  hash[8] = (hash[8] & 0x3f) | 0x80;
  return hash.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function answer(statusCode, body, headers = {}) {
  return { statusCode, headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(body) };
}
