import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/frame.css";
import "./styles/calendar.css";

import { mount } from "svelte";
import App from "./App.svelte";
import { setApiBase } from "./api/call";
import { session } from "./auth/session.svelte";
import { loadConfig } from "./config";
import { fetchPart, watchStyles } from "./lib/part";
import { app } from "./state/app.svelte";
import { startKeys } from "./state/keys";
import { outbox } from "./state/outbox.svelte";
import { router } from "./state/router.svelte";
import { settings } from "./state/settings.svelte";

async function start(): Promise<void> {
  settings.apply();
  watchStyles();
  const target = document.getElementById("app");
  if (!target) throw new Error("the page has no element #app");
  try {
    const config = await loadConfig();
    setApiBase(config.apiBase);
    app.start(config);
    const returnTo = await session.start(config, new URL(location.href));
    // The code of a sign-in is used up; it must not stay in the address or the history.
    if (returnTo !== null) history.replaceState(null, "", returnTo);
    router.start();
    startKeys();
    outbox.start();
    mount(App, { target, props: { sample: config.sample, canSignIn: config.auth !== null } });
    // What "interactive" is measured by: the page is drawn and answers keys.
    performance.mark("fluxo-drawn");
    fetchLater();
  } catch (error) {
    console.error(error);
    mount(App, { target, props: { sample: [], canSignIn: false, broken: true } });
  }
}

/** What is needed next comes when the page is idle, so that it is there when asked for, also without a connection. */
function fetchLater(): void {
  const parts: (() => Promise<unknown>)[] = [
    () => import("./screens/day/Day.svelte"),
    () => import("./screens/entry/EntryDrawer.svelte"),
    () => import("./ui/Palette.svelte"),
  ];
  const fetchAll = async (): Promise<void> => {
    const fetched = await Promise.allSettled(parts.map(fetchPart));
    // From here on, what is needed without a connection is there.
    if (fetched.every(({ status }) => status === "fulfilled")) performance.mark("fluxo-fetched");
  };
  if ("requestIdleCallback" in globalThis) requestIdleCallback(() => void fetchAll(), { timeout: 5000 });
  else setTimeout(() => void fetchAll(), 2000);
}

void start();
