/** Runs the parser away from the page, so that a large file does not stop it. */

import { latestToday, StatementFile } from "../../wasm/statement-file.js";
import type { Failure, Inspection, Question, Reading, Reply } from "./parser";

/** Nothing if `make wasm` has not built it. */
const binaries = import.meta.glob<string>("../../wasm/built/statement-file.wasm", { query: "?url", import: "default" });

type Ask = (question: Question) => Promise<Inspection | Reading | Failure>;

let loaded: Promise<Ask> | null = null;

async function load(): Promise<Ask> {
  const address = await Object.values(binaries)[0]?.();
  if (!address) throw new Error("the importer is not part of this build");
  const parser = new StatementFile(await WebAssembly.compileStreaming(fetch(address)));
  return (question) =>
    question.ask === "inspect"
      ? parser.inspect(question.bytes)
      : parser.read(question.bytes, { ...question.options, today: latestToday(new Date()) });
}

async function answer(question: Question): Promise<Reply> {
  try {
    loaded ??= load();
    const ask = await loaded;
    return { id: question.id, answer: await ask(question) };
  } catch (error) {
    loaded = null;
    return { id: question.id, failed: error instanceof Error ? error.message : String(error) };
  }
}

addEventListener("message", (event: MessageEvent<Question>) => {
  void answer(event.data).then((reply) => postMessage(reply));
});
