import { session } from "../auth/session.svelte";
import type { Entry } from "../api/types";
import type { Config } from "../config";
import { today } from "../lib/dates";
import { inspectorHome, inspectorOf, type Inspector } from "../lib/inspector";
import { dayPath, router } from "./router.svelte";
import { settings } from "./settings.svelte";

/** What somebody asked to be put into a new entry's form. */
export interface NewEntry {
  date?: string;
  type?: "credit" | "debit";
  amount?: string;
  currency?: string;
  description?: string;
  category?: string;
}

/** What the whole page knows: the installation's settings, today, and what is open above the screen. */
class App {
  timeZone = $state("America/Sao_Paulo");
  today = $state(today("America/Sao_Paulo"));
  paletteOpen = $state(false);
  shortcutsOpen = $state(false);
  /** The drawer of a new entry is open, with these values. */
  entryDrawer = $state.raw<NewEntry | null>(null);
  /** Counts up when balances may have changed, so that screens read them again. */
  changes = $state(0);

  #inspector = $state.raw<Inspector | null>(null);

  start(config: Config): void {
    this.timeZone = config.timeZone;
    this.#inspector = config.inspector;
    this.#tick();
    // A page that is open over midnight is told so when it is looked at, and every minute.
    setInterval(() => this.#tick(), 60_000);
    document.addEventListener("visibilitychange", () => this.#tick());
  }

  get inspectorUrl(): string | null {
    return session.isOperator && this.#inspector ? inspectorHome(this.#inspector) : null;
  }

  /** Where an operator sees what an entry went through; `entry` is its lookup, once it is answered. */
  inspectorLink(id: string, entry: Entry | null): string | null {
    return session.isOperator && this.#inspector ? inspectorOf(this.#inspector, id, entry) : null;
  }

  get currency(): string {
    const route = router.route;
    const inAddress = route.screen === "balances" || route.screen === "day" ? route.currency : null;
    return inAddress ?? settings.currency;
  }

  /** The screen shows a moment of the past: nothing is written from there. */
  get isPast(): boolean {
    return router.route.screen === "day" && router.route.asOf !== null;
  }

  get dayHref(): string {
    return dayPath(null);
  }

  newEntry(values: NewEntry = {}): void {
    if (!session.canWrite || this.isPast) return;
    const route = router.route;
    const date = route.screen === "day" && route.date ? { date: route.date } : {};
    this.entryDrawer = { ...date, currency: this.currency, ...values };
  }

  changed(): void {
    this.changes += 1;
  }

  #tick(): void {
    const now = today(this.timeZone);
    if (now !== this.today) this.today = now;
  }
}

export const app = new App();
