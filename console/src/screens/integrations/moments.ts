import { dateOf, formatMoment, shortDay, timeOf } from "../../lib/dates";
import { app } from "../../state/app.svelte";
import { settings } from "../../state/settings.svelte";

/** `28/11/2026, 14:31:02`, in the business time zone. */
export function fullMoment(moment: string): string {
  return formatMoment(moment, settings.locale, app.timeZone, { dateStyle: "short", timeStyle: "medium" });
}

/** The time of a moment of today, else day and time: `14:31:02`, `27 nov 14:31:02`. */
export function shortMoment(moment: string): string {
  const date = dateOf(moment, app.timeZone);
  const time = timeOf(moment, app.timeZone);
  return date === app.today ? time : `${shortDay(date, settings.locale)} ${time}`;
}
