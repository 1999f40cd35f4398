/** One message at a time, of things that happened elsewhere on the page. Errors are never toasts. */

const SHOWN_MS = 6000;

interface Toast {
  id: number;
  text: string;
  link?: { text: string; href: string } | undefined;
}

class Toasts {
  current = $state.raw<Toast | null>(null);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #count = 0;

  show(text: string, link?: { text: string; href: string }): void {
    this.current = { id: ++this.#count, text, link };
    this.resume();
  }

  /** While a pointer or the focus is on it, it stays. */
  pause(): void {
    clearTimeout(this.#timer);
  }

  resume(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.current = null), SHOWN_MS);
  }

  dismiss(): void {
    this.pause();
    this.current = null;
  }
}

export const toasts = new Toasts();
