/** Looks again and again, never twice at once, not while nobody looks, and not for ever. */

const STOPS_AFTER_MS = 15 * 60_000;

/** Calls `look` with pauses; `pause` says how long, in milliseconds. Answers how to look at once, and how to go on. */
export function poller(look, pause, onstopped) {
  let timer;
  let isLooking = false;
  let isWanted = false;
  let seen = Date.now();

  async function now() {
    clearTimeout(timer);
    if (isLooking) {
      isWanted = true;
      return;
    }
    isLooking = true;
    const began = Date.now();
    try {
      await look();
    } finally {
      isLooking = false;
    }
    if (isWanted) {
      isWanted = false;
      return now();
    }
    later(Date.now() - began);
  }

  function later(took) {
    const wait = pause();
    if (wait === undefined || document.hidden) return;
    if (Date.now() - seen > STOPS_AFTER_MS) return onstopped();
    // What takes long is asked less often.
    timer = setTimeout(now, wait + 5 * took);
  }

  document.addEventListener("visibilitychange", () => document.hidden || now());
  for (const each of ["pointerdown", "keydown"]) addEventListener(each, () => (seen = Date.now()), { passive: true });
  return {
    now,
    resume() {
      seen = Date.now();
      return now();
    },
  };
}
