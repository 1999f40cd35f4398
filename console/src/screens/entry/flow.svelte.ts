import { entryIfKnown, recordEntry } from "../../api/endpoints";
import type { Wait } from "../../api/call";
import { asProblem, type Problem } from "../../api/problem";
import type { AcceptedEntry, Entry, EntryRequest } from "../../api/types";
import { session } from "../../auth/session.svelte";
import { t } from "../../i18n/index.svelte";
import { moneyWithSymbol, toMinor, withAllDigits } from "../../lib/money";
import { entryId } from "../../lib/uuid5";
import { app, type NewEntry } from "../../state/app.svelte";
import { forgetDraft, keep, keptDraft, newDraft, type Draft, type Form } from "../../state/drafts";
import { Life } from "../../state/life.svelte";
import { outbox, owner } from "../../state/outbox.svelte";
import { settings } from "../../state/settings.svelte";
import { toasts } from "../../state/toasts.svelte";
import { rememberCategory } from "./categories";
import { check, serverFaults, type Faults } from "./check";

export type Phase = "form" | "review" | "conflict" | "life";

/** A new entry from the first letter to the balance that includes it. */
export class EntryFlow {
  phase = $state<Phase>("form");
  form = $state<Form>({ type: "credit", amount: "", currency: "BRL", date: "", description: "", category: "" });
  key = $state("");
  faults = $state.raw<Faults>({});
  problem = $state.raw<Problem | null>(null);
  wait = $state.raw<Wait | null>(null);
  sending = $state(false);
  recovered = $state(false);
  life = $state.raw<Life | null>(null);
  /** What is on record under the key; `null` while the API does not know it. */
  onRecord = $state.raw<Entry | null>(null);
  body = $state.raw<EntryRequest | null>(null);

  #draft: Draft;
  #another = false;

  constructor(values: NewEntry) {
    const kept = keptDraft(owner());
    this.#draft = kept ?? newDraft(owner(), initial(values));
    this.recovered = kept !== null;
    this.form = { ...this.#draft.form };
    this.key = this.#draft.key;
    // Sent before a reload and not answered: sent again as it was, under the same key.
    if (kept?.sent) void this.#send(kept.sent);
  }

  /** Whether something would be lost if the drawer was closed. */
  get isTouched(): boolean {
    return this.phase !== "life" && (this.form.amount + this.form.description !== "" || this.#draft.sent !== null);
  }

  /** Something was sent, and nobody knows whether it was accepted. */
  get isUnanswered(): boolean {
    return this.#draft.sent !== null;
  }

  save(): void {
    if (this.phase === "life") return;
    this.#draft.form = { ...this.form };
    keep(this.#draft);
  }

  /** Posts what is typed, after a review if it is large. */
  submit(another: boolean): void {
    if (this.sending) return;
    this.#another = another;
    this.problem = null;
    const checked = check(this.form, app.today, settings.locale);
    this.faults = checked.faults;
    if (!checked.body) return;
    this.body = checked.body;
    if (isLarge(checked.body)) this.phase = "review";
    else void this.#send(checked.body);
  }

  confirm(): void {
    if (this.body) void this.#send(this.body);
  }

  correct(): void {
    this.phase = "form";
    this.problem = null;
  }

  /** The same content under a new key: another entry. */
  postUnderNewKey(): void {
    const body = this.body;
    this.#renew(this.form);
    if (body) void this.#send(body);
  }

  startAnother(): void {
    this.#renew({ ...this.form, amount: "", description: "" });
    this.life = null;
  }

  discard(): void {
    forgetDraft();
  }

  #renew(form: Form): void {
    forgetDraft();
    this.#draft = newDraft(owner(), { ...form });
    this.key = this.#draft.key;
    this.form = { ...form };
    this.phase = "form";
    this.problem = null;
    this.faults = {};
    this.recovered = false;
    this.onRecord = null;
  }

  async #send(body: EntryRequest): Promise<void> {
    if (this.sending) return;
    this.sending = true;
    this.problem = null;
    this.body = body;
    this.#draft.sent = body;
    this.#draft.form = { ...this.form };
    keep(this.#draft);
    try {
      if (!navigator.onLine && this.#keepUnsent(body)) return;
      const answer = await recordEntry(this.key, body, {
        onWait: (wait) => (this.wait = wait),
        whenOffline: "fail",
      });
      this.#accepted(answer.data, answer.headers.has("Idempotent-Replayed"));
    } catch (error) {
      await this.#refused(asProblem(error), body);
    } finally {
      this.sending = false;
      this.wait = null;
    }
  }

  #accepted(entry: AcceptedEntry, isRepeat: boolean): void {
    forgetDraft();
    if (entry.category) rememberCategory(entry.category);
    const life = new Life(entry, isRepeat);
    void life.follow().then((stage) => {
      // The drawer shows the life that it is open for; of all others a toast tells.
      if (stage === "balanced" && app.entryDrawer === null) toastOf(entry);
      else if (stage === "balanced" && this.life !== life) toastOf(entry);
      else if (stage !== "balanced") app.changed();
    });
    if (this.#another) {
      this.startAnother();
      return;
    }
    this.life = life;
    this.phase = "life";
  }

  async #refused(problem: Problem, body: EntryRequest): Promise<void> {
    if (problem.code === "network" && !navigator.onLine && this.#keepUnsent(body)) return;
    const isAnswer = !problem.isTransient && problem.status < 500 && problem.status !== 401;
    if (isAnswer) {
      this.#draft.sent = null;
      keep(this.#draft);
    }
    if (problem.code === "idempotency_key_reused") {
      this.phase = "conflict";
      // What is on record is only for comparison: without it the sentence alone is shown.
      this.onRecord = await entryIfKnown(await entryId(session.merchant, this.key), { tries: 2 }).catch(() => null);
      return;
    }
    const faults = serverFaults(problem, body);
    this.problem = problem;
    this.faults = faults;
    if (Object.keys(faults).length > 0) this.phase = "form";
  }

  /** Keeps the entry for when there is a connection. Where it cannot be kept it stays in the form. */
  #keepUnsent(body: EntryRequest): boolean {
    if (!outbox.add(this.key, body)) return false;
    forgetDraft();
    toasts.show(t("outbox.kept"));
    if (this.#another) this.startAnother();
    else app.entryDrawer = null;
    return true;
  }
}

function initial(values: NewEntry): Form {
  const currency = values.currency ?? settings.currency;
  const amount = values.amount && settings.language === "pt" ? values.amount.replace(".", ",") : (values.amount ?? "");
  return {
    type: values.type ?? "credit",
    amount,
    currency,
    date: values.date ?? app.today,
    description: values.description ?? "",
    category: values.category ?? "",
  };
}

function isLarge(body: EntryRequest): boolean {
  const from = settings.reviewFrom;
  const currency = body.currency ?? "BRL";
  if (!/^\d+(\.\d+)?$/.test(from)) return false;
  return toMinor(withAllDigits(body.amount, currency)) >= toMinor(withAllDigits(from, currency));
}

function toastOf(entry: AcceptedEntry): void {
  const sign = entry.type === "credit" ? "plus" : "minus";
  toasts.show(t("life.toastOne", { amount: moneyWithSymbol(entry.amount, entry.currency, settings.locale, sign) }));
}
