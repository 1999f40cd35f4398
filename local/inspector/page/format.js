/** Money, times and durations as people read them. */

/** An amount of minor units, exactly: from the text, never through a number. A debit has a minus. */
export function money(entry, language) {
  const format = new Intl.NumberFormat(language, { style: "currency", currency: entry.currency, currencyDisplay: "narrowSymbol" });
  const digits = format.resolvedOptions().maximumFractionDigits;
  const text = decimal(entry.amount_minor, digits);
  const amount = new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(text);
  const code = entry.currency === "BRL" ? "" : ` ${entry.currency}`;
  return `${entry.type === "debit" ? "−" : "+"}${amount}${code}`;
}

/** Minor units as a decimal text: 74290 with two digits is 742.90. */
export function decimal(minor, digits) {
  if (digits === 0) return minor;
  const padded = minor.padStart(digits + 1, "0");
  return `${padded.slice(0, -digits)}.${padded.slice(-digits)}`;
}

/** Seconds between two times. */
export function between(from, to) {
  return (Date.parse(to) - Date.parse(from)) / 1000;
}

/** A duration: 41 ms, 3.01 s, 2 min 5 s, 3 h 20 min. */
export function duration(seconds, language) {
  const number = (value, digits) => new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
  if (seconds < 0) return `${number(0, 0)} s`;
  if (seconds < 0.9995) return `${number(Math.round(seconds * 1000), 0)} ms`;
  if (seconds < 10) return `${number(seconds, 2)} s`;
  if (seconds < 59.95) return `${number(seconds, 1)} s`;
  const whole = Math.round(seconds);
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const first = units.findIndex(([, size]) => whole >= size);
  const [[unit, size], next] = [units[first], units[first + 1]];
  const rest = next ? Math.floor((whole % size) / next[1]) : 0;
  return `${Math.floor(whole / size)} ${unit}${rest ? ` ${rest} ${next[0]}` : ""}`;
}

/** What is left until then, as a clock: 2:41. */
export function countdown(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** Time of the day, with the day if it is not today's. */
export function clock(time, language, { precise = false, now = Date.now() } = {}) {
  const date = new Date(time);
  const options = { hour: "2-digit", minute: "2-digit", second: "2-digit", ...(precise && { fractionalSecondDigits: 3 }) };
  const isToday = date.toDateString() === new Date(now).toDateString();
  return new Intl.DateTimeFormat(language, { ...options, hour12: false, ...(!isToday && { day: "2-digit", month: "2-digit", year: "numeric" }) }).format(date);
}

/** A date without a time, as an entry has it. */
export function day(date, language) {
  // Numbers alone are read in another order from one country that speaks English to the next.
  const month = language === "en" ? "short" : "2-digit";
  return new Intl.DateTimeFormat(language, { day: "2-digit", month, year: "numeric", timeZone: "UTC" }).format(new Date(`${date}T00:00:00Z`));
}

/** Seconds with three digits, since the beginning. */
export function sinceStart(start, time, language) {
  return new Intl.NumberFormat(language, { minimumFractionDigits: 3, maximumFractionDigits: 3 }).format(between(start, time));
}
