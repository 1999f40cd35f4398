/** CSV by RFC 4180, safe to open in a spreadsheet: a text that could be taken for a formula has an apostrophe in front. */

/** A plain figure is no formula, whatever its sign. */
const FIGURE = /^[+\-−]?[\d.,\s]+$/;
const FORMULA = /^\s*[=+\-@＝＋－＠]/;

export function csvCell(value: string): string {
  const safe = FORMULA.test(value) && !FIGURE.test(value) ? `'${value}` : value;
  return /[",;\t|\r\n]/.test(safe) || safe !== safe.trim() ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function csv(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => row.map(csvCell).join(",") + "\r\n").join("");
}

/** Hands a file to the browser to save. */
export function saveFile(name: string, content: BlobPart, type: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser reads the address after this task; a second is ample, and the memory is not held longer.
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
