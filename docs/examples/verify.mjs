// A receiver's first step: who sent this, and has it been changed on the way? With standardwebhooks from npm.
import { Webhook, WebhookVerificationError } from "standardwebhooks";

/** The status to answer, and the event if it is one of ours. `body` is the text that came, not what a parser made of it. */
export function receive(secret, headers, body) {
  try {
    return { status: 204, event: new Webhook(secret).verify(body, headers) };
  } catch (error) {
    if (error instanceof WebhookVerificationError || error instanceof SyntaxError) return { status: 401, event: null };
    throw error;
  }
}
