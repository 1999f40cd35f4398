import { isRecord, local, read, write } from "../lib/storage";

export type Language = "pt" | "en";
export type Theme = "auto" | "light" | "dark";

interface Stored {
  language: Language;
  theme: Theme;
  currency: string;
  currencies: string[];
  /** Entries of at least this amount, in major units of their currency, are reviewed before they are posted; empty for none. */
  reviewFrom: string;
  /** Single-key shortcuts (WCAG 2.1.4 asks for a way to turn them off). */
  shortcuts: boolean;
}

const NAME = "fluxo.settings";

const DEFAULTS: Stored = {
  language: navigatorLanguage(),
  theme: "auto",
  currency: "BRL",
  currencies: ["BRL", "USD", "EUR"],
  reviewFrom: "10000",
  shortcuts: true,
};

function navigatorLanguage(): Language {
  const first = globalThis.navigator?.languages?.find((language) => /^(pt|en)\b/i.test(language));
  return first?.toLowerCase().startsWith("en") ? "en" : "pt";
}

/** What is stored may be of an older version: fields that do not fit are left out. */
function readStored(): Stored {
  const stored = read(local, NAME, isRecord) ?? {};
  const language = stored["language"];
  const theme = stored["theme"];
  const currencies = stored["currencies"];
  return {
    language: language === "pt" || language === "en" ? language : DEFAULTS.language,
    theme: theme === "light" || theme === "dark" ? theme : "auto",
    currency: typeof stored["currency"] === "string" ? stored["currency"] : DEFAULTS.currency,
    currencies:
      Array.isArray(currencies) && currencies.length > 0
        ? currencies.filter((code): code is string => typeof code === "string" && /^[A-Z]{3}$/.test(code))
        : DEFAULTS.currencies,
    reviewFrom: typeof stored["reviewFrom"] === "string" ? stored["reviewFrom"] : DEFAULTS.reviewFrom,
    shortcuts: stored["shortcuts"] !== false,
  };
}

class Settings {
  #stored = $state(readStored());

  get language(): Language {
    return this.#stored.language;
  }
  get locale(): string {
    return this.#stored.language === "pt" ? "pt-BR" : "en-US";
  }
  get theme(): Theme {
    return this.#stored.theme;
  }
  get currency(): string {
    return this.#stored.currency;
  }
  get currencies(): readonly string[] {
    return this.#stored.currencies;
  }
  get reviewFrom(): string {
    return this.#stored.reviewFrom;
  }
  get shortcuts(): boolean {
    return this.#stored.shortcuts;
  }

  change(changes: Partial<Stored>): void {
    Object.assign(this.#stored, changes);
    write(local, NAME, $state.snapshot(this.#stored));
    this.apply();
  }

  /** Shows language and theme on the document. */
  apply(): void {
    const root = document.documentElement;
    root.lang = this.language === "pt" ? "pt-BR" : "en";
    if (this.theme === "auto") delete root.dataset["theme"];
    else root.dataset["theme"] = this.theme;
  }
}

export const settings = new Settings();
