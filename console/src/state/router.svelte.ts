import type { DeliveryStatus } from "../api/types";
import { isDate, isRange } from "../lib/dates";

export const DELIVERY_STATUSES: readonly DeliveryStatus[] = ["delivered", "pending", "failed"];

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Where the page is. Every screen's state that somebody would send to a colleague is in the address. */
export type Route =
  | { screen: "balances"; from: string | null; to: string | null; currency: string | null }
  | { screen: "day"; date: string | null; currency: string | null; asOf: string | null; entry: string | null }
  | { screen: "import" }
  | { screen: "integrations"; view: "endpoints" | "alerts"; endpoint: string | null; status: DeliveryStatus | null }
  | { screen: "settings" }
  | { screen: "not-found" };

export function readRoute(address: URL): Route {
  const query = (name: string): string | null => address.searchParams.get(name);
  const currency = /^[A-Z]{3}$/.test(query("currency") ?? "") ? query("currency") : null;
  const [first = "", second = "", third = ""] = address.pathname.split("/").filter(Boolean);
  if (first === "" || first === "signed-in") {
    const [from, to] = [query("from"), query("to")];
    const fits = from !== null && to !== null && isRange(from, to);
    return { screen: "balances", from: fits ? from : null, to: fits ? to : null, currency };
  }
  if (first === "day" && (second === "" || isDate(second))) {
    return { screen: "day", date: second || null, currency, asOf: query("asof"), entry: query("entry") };
  }
  if (first === "import") return { screen: "import" };
  if (first === "integrations") return readIntegrations(second, third, query("status"));
  if (first === "settings") return { screen: "settings" };
  return { screen: "not-found" };
}

function readIntegrations(second: string, id: string, status: string | null): Route {
  if (second === "") return { screen: "integrations", view: "endpoints", endpoint: null, status: null };
  if (second === "alerts" && id === "") return { screen: "integrations", view: "alerts", endpoint: null, status: null };
  if (second !== "endpoints" || !UUID.test(id)) return { screen: "not-found" };
  const known = DELIVERY_STATUSES.find((each) => each === status) ?? null;
  return { screen: "integrations", view: "endpoints", endpoint: id, status: known };
}

export const INTEGRATIONS_PATH = "/integrations";
export const ALERTS_PATH = "/integrations/alerts";

export function endpointPath(id: string, status: DeliveryStatus | null = null): string {
  return withQuery(`/integrations/endpoints/${id}`, { status: status ?? undefined });
}

export function balancesPath(range?: { from: string; to: string }, currency?: string): string {
  return withQuery("/", { ...range, currency });
}

export function dayPath(date: string | null, query: { currency?: string; asof?: string; entry?: string } = {}): string {
  return withQuery(date ? `/day/${date}` : "/day", query);
}

function withQuery(path: string, query: Record<string, string | undefined>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) search.set(name, value);
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}

/** What is another page to whoever goes there: it begins at its top. */
function placeOf(route: Route): string {
  return route.screen === "integrations" ? `integrations ${route.view} ${route.endpoint}` : route.screen;
}

class Router {
  route = $state.raw<Route>({ screen: "balances", from: null, to: null, currency: null });

  /** Follows the address, and takes over links of this page. */
  start(): void {
    this.#read();
    addEventListener("popstate", () => this.#read());
    document.addEventListener("click", (event) => {
      const link = event.target instanceof Element ? event.target.closest("a") : null;
      if (!link || event.defaultPrevented || event.button !== 0) return;
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      if (link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
      if (link.getAttribute("href")?.startsWith("#")) return;
      event.preventDefault();
      this.go(link.pathname + link.search);
    });
  }

  go(path: string, how: "push" | "replace" = "push"): void {
    const changesScreen = placeOf(readRoute(new URL(path, location.origin))) !== placeOf(this.route);
    history[how === "push" ? "pushState" : "replaceState"](null, "", path);
    this.#read();
    if (changesScreen) {
      scrollTo(0, 0);
      document.getElementById("main")?.focus({ preventScroll: true });
    }
  }

  #read(): void {
    this.route = readRoute(new URL(location.href));
  }
}

export const router = new Router();
