/**
 * The parts of the page that the first load leaves out.
 *
 * Vite asks for the styles of a part once, also when they did not come (its `preload` remembers each address). A part whose styles
 * were lost with the connection would later be drawn without them; so they are asked for again before it is.
 */

/** Links to styles that did not come. */
const lost = new Set<HTMLLinkElement>();

/** Begins to notice styles that do not come. */
export function watchStyles(): void {
  const note = ({ target }: Event): void => {
    if (target instanceof HTMLLinkElement && target.rel === "stylesheet") lost.add(target);
  };
  // The event does not bubble: it is seen on its way down only.
  document.addEventListener("error", note, true);
}

/** Fetches a part and its styles. */
export async function fetchPart<T>(load: () => Promise<T>): Promise<T> {
  await Promise.all([...lost].map(fetchAgain));
  return load();
}

function fetchAgain(link: HTMLLinkElement): Promise<void> {
  lost.delete(link);
  return new Promise((resolve, reject) => {
    const next = link.cloneNode() as HTMLLinkElement;
    next.addEventListener("load", () => resolve());
    next.addEventListener("error", () => reject(new Error(`${link.href} could not be fetched`)));
    link.replaceWith(next);
  });
}
