import type { CallOptions } from "../../api/call";
import { deliveries, webhookEndpoints } from "../../api/integrations";
import type { Delivery, WebhookEndpoint } from "../../api/types";
import { Resource } from "../../state/resource.svelte";

/** The newest delivery of each endpoint by its id: `null` where there is none yet, nothing where it could not be read. */
type Newest = ReadonlyMap<string, Delivery | null>;

export class EndpointsData {
  readonly list = new Resource<WebhookEndpoint[]>();
  readonly newest = new Resource<Newest>();

  async load(): Promise<void> {
    await this.list.load("endpoints", webhookEndpoints);
    const endpoints = this.list.data;
    if (endpoints) await this.newest.load("newest", (options) => newestOf(endpoints, options));
  }

  stop(): void {
    this.list.stop();
    this.newest.stop();
  }
}

/** The list is complete without it: an endpoint whose deliveries are not answered is shown all the same. */
async function newestOf(endpoints: WebhookEndpoint[], options: CallOptions): Promise<Newest> {
  const answers = await Promise.allSettled(endpoints.map(({ id }) => deliveries(id, { limit: 1 }, options)));
  const found = new Map<string, Delivery | null>();
  answers.forEach((answer, index) => {
    const endpoint = endpoints[index];
    if (endpoint && answer.status === "fulfilled") found.set(endpoint.id, answer.value.deliveries[0] ?? null);
  });
  return found;
}
