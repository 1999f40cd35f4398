/**
 * Opens a dialog that only its screen takes away. Escape, or the back gesture of a phone, calls `dismiss`, which decides.
 *
 * Of the requests to close a dialog, a page can cancel one; a browser grants the next, unless the user has clicked or typed in
 * between ({@link https://html.spec.whatwg.org/multipage/interaction.html#close-requests-and-close-watchers close watchers}). So
 * Escape is taken as a key, before it is a request. What is closed all the same is opened again, and counts as dismissed.
 */
export function modal(dismiss: () => void): (dialog: HTMLDialogElement) => () => void {
  return (dialog) => {
    const handlers = new AbortController();
    const listen = (type: string, handler: (event: Event) => void): void => {
      dialog.addEventListener(type, handler, { signal: handlers.signal });
    };
    listen("keydown", (event) => {
      const { key, isComposing } = event as KeyboardEvent;
      if (key !== "Escape" || isComposing || event.defaultPrevented) return;
      event.preventDefault();
      dismiss();
    });
    listen("cancel", (event) => {
      // A file chooser that is cancelled says so, too, and it bubbles.
      if (event.target !== dialog) return;
      event.preventDefault();
      dismiss();
    });
    listen("close", () => {
      if (!dialog.isConnected || dialog.open) return;
      dialog.showModal();
      dismiss();
    });
    dialog.showModal();
    return () => handlers.abort();
  };
}
