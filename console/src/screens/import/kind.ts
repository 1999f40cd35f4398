/** What becomes of a row of a file. */
export type Kind = "new" | "known" | "refused" | "skipped";
