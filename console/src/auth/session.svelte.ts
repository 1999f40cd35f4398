import type { Config } from "../config";
import { isRecord, local, read, remove, session as tab, write } from "../lib/storage";
import { readClaims, type Claims } from "./claims";
import { authorizeAddress, logoutAddress, readReturn, redeem, refresh, TokenError } from "./code-flow";

/** `ended`: it was there and is over; what the user typed is still on the page. */
export type SessionState = "starting" | "signed-out" | "signed-in" | "ended" | "failed";

/** What became of asking for a new token: without a connection nobody can say that a session is over. */
export type Renewal = "renewed" | "refused" | "unreachable";

interface Kept {
  refreshToken: string;
  hadGroups: boolean;
}

const KEPT = "fluxo.refresh";
/** Written when somebody signs out, which the browser's other tabs hear. */
const SIGNED_OUT = "fluxo.signed-out";
const AGAIN = "fluxo.signed-in-anew";
/** Refreshing this long before a token ends leaves time for clocks that differ. */
const EARLY_S = 60;

function isKept(value: unknown): value is Kept {
  return isRecord(value) && typeof value["refreshToken"] === "string" && typeof value["hadGroups"] === "boolean";
}

/** Who is signed in. The ID token is in memory only, the refresh token in this tab's session storage. */
class Session {
  state = $state<SessionState>("starting");
  claims = $state.raw<Claims | null>(null);
  failure = $state("");

  #config: Config | null = null;
  #idToken: string | null = null;
  #refreshing: Promise<Renewal> | null = null;

  get merchant(): string {
    return this.claims?.merchant ?? "";
  }

  get canWrite(): boolean {
    return this.claims?.groups.includes("clerk") ?? false;
  }

  get isOperator(): boolean {
    return this.claims?.groups.includes("operator") ?? false;
  }

  /** Completes a sign-in that comes back, or goes on with the session of this tab. Answers where to go then. */
  async start(config: Config, address: URL): Promise<string | null> {
    this.#config = config;
    globalThis.addEventListener?.("storage", (event) => {
      if (event.key === SIGNED_OUT) this.#leave();
    });
    if (import.meta.env.DEV && config.devToken) {
      this.#accept(config.devToken, null);
      return null;
    }
    const returned = readReturn(address);
    if (returned.kind === "failed") {
      this.#fail(returned.reason);
      return returned.returnTo;
    }
    if (returned.kind === "code" && config.auth) {
      try {
        const tokens = await redeem(config.auth, returned.code, returned.verifier);
        this.#accept(tokens.idToken, tokens.refreshToken);
      } catch (error) {
        this.#fail(error instanceof Error ? error.message : "unknown");
      }
      return returned.returnTo;
    }
    if ((await this.#renew()) !== "renewed") this.state = "signed-out";
    return null;
  }

  /** Leaves for the hosted page; comes back to `returnTo`. */
  async signIn(returnTo: string): Promise<void> {
    if (this.#config?.auth) location.assign(await authorizeAddress(this.#config.auth, returnTo));
  }

  /** In every tab of this browser: who comes next must find none that is still signed in. */
  signOut(): void {
    write(local, SIGNED_OUT, Date.now());
    this.#leave();
    if (this.#config?.auth) location.assign(logoutAddress(this.#config.auth));
  }

  /** A token for the next request, a new one if the old one ends soon; `null` when one has to sign in. */
  async token(): Promise<{ value: string } | "unreachable" | null> {
    const left = (this.claims?.expires ?? 0) - Date.now() / 1000;
    if (this.#idToken && left > EARLY_S) return { value: this.#idToken };
    const renewal = await this.renew();
    if (this.#idToken && (renewal === "renewed" || left > 0)) return { value: this.#idToken };
    return renewal === "unreachable" ? renewal : null;
  }

  /** A new token for the one that the API has refused. */
  renew(): Promise<Renewal> {
    this.#refreshing ??= this.#renew().finally(() => (this.#refreshing = null));
    return this.#refreshing;
  }

  end(): void {
    if (this.state === "signed-in") this.state = "ended";
    this.#idToken = null;
    remove(tab, KEPT);
  }

  #leave(): void {
    remove(tab, KEPT);
    this.#idToken = null;
    this.claims = null;
    this.state = "signed-out";
  }

  async #renew(): Promise<Renewal> {
    const kept = read(tab, KEPT, isKept);
    if (!kept || !this.#config?.auth) return "refused";
    try {
      const tokens = await refresh(this.#config.auth, kept.refreshToken);
      // MiniStack 1.5.33 drops the groups when it refreshes; a clerk would be shown as a reader. Signing in anew brings them back.
      if (kept.hadGroups && readClaims(tokens.idToken).groups.length === 0) {
        remove(tab, KEPT);
        await this.#signInAnew();
        return "refused";
      }
      this.#accept(tokens.idToken, tokens.refreshToken ?? kept.refreshToken);
      return "renewed";
    } catch (error) {
      if (error instanceof TokenError && error.kind === "unreachable") return "unreachable";
      remove(tab, KEPT);
      return "refused";
    }
  }

  /** At page load nothing is lost by leaving at once; once a minute, or a provider that always drops them would make a circle. */
  async #signInAnew(): Promise<void> {
    const last = read(tab, AGAIN, (value): value is number => typeof value === "number") ?? 0;
    if (this.state !== "starting" || Date.now() - last < 60_000) return;
    write(tab, AGAIN, Date.now());
    await this.signIn(location.pathname + location.search);
  }

  #accept(idToken: string, refreshToken: string | null): void {
    this.claims = readClaims(idToken);
    this.#idToken = idToken;
    if (refreshToken) write(tab, KEPT, { refreshToken, hadGroups: this.claims.groups.length > 0 } satisfies Kept);
    this.state = "signed-in";
  }

  #fail(reason: string): void {
    this.failure = reason;
    this.state = "failed";
  }
}

export const session = new Session();
