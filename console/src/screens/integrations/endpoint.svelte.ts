import { deliveries, webhookEndpoint } from "../../api/integrations";
import { asProblem, type Problem } from "../../api/problem";
import type { Delivery, DeliveryStatus, WebhookEndpoint } from "../../api/types";
import { activity, Resource } from "../../state/resource.svelte";

const PAGE = 25;

interface Listed {
  deliveries: Delivery[];
  cursor: string | null;
}

/** One endpoint and its deliveries of one status, or of all. */
export class EndpointData {
  readonly endpoint = new Resource<WebhookEndpoint>();
  readonly list = new Resource<Listed>();
  moreProblem = $state.raw<Problem | null>(null);
  loadingMore = $state(false);

  constructor(readonly id: string) {}

  load(): void {
    void this.endpoint.load(this.id, (options) => webhookEndpoint(this.id, options));
  }

  loadDeliveries(status: DeliveryStatus | null): void {
    this.moreProblem = null;
    void this.list.load(status ?? "all", async (options) => {
      const page = await deliveries(this.id, { limit: PAGE, ...(status && { status }) }, options);
      return { deliveries: page.deliveries, cursor: page.next_cursor };
    });
  }

  async more(status: DeliveryStatus | null): Promise<void> {
    const before = this.list.data;
    if (!before?.cursor || this.loadingMore || this.list.loading) return;
    this.loadingMore = true;
    this.moreProblem = null;
    const end = activity.begin();
    try {
      const query = { limit: PAGE, cursor: before.cursor, ...(status && { status }) };
      const page = await deliveries(this.id, query, {});
      // Another filter was chosen, or the list was read anew, while this page was on its way.
      if (this.list.data !== before || this.list.loading) return;
      // One that came in between has moved the others on: each is shown once.
      const known = new Set(before.deliveries.map(({ id }) => id));
      const next = page.deliveries.filter(({ id }) => !known.has(id));
      this.list.data = { deliveries: [...before.deliveries, ...next], cursor: page.next_cursor };
    } catch (error) {
      this.moreProblem = asProblem(error);
    } finally {
      end();
      this.loadingMore = false;
    }
  }

  stop(): void {
    this.endpoint.stop();
    this.list.stop();
  }
}
