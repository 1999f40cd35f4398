/** Runs the parser away from the page, so that a large file does not stop it. */

import type { Failure, Inspection, Question, Reading, ReadOptions, Reply } from "./parser";

/** console/wasm/statement-file.js. */
interface Module {
  latestToday: (now: Date) => string;
  StatementFile: new (module: WebAssembly.Module) => {
    inspect: (file: Uint8Array) => Promise<Inspection>;
    read: (file: Uint8Array, options: ReadOptions & { today: string }) => Promise<Reading | Failure>;
  };
}

const modules = import.meta.glob<Module>("../../wasm/statement-file.js");
const binaries = import.meta.glob<string>("../../wasm/built/statement-file.wasm", { query: "?url", import: "default" });

let loaded: Promise<(question: Question) => Promise<Inspection | Reading | Failure>> | null = null;

async function load(): Promise<(question: Question) => Promise<Inspection | Reading | Failure>> {
  const [module, binary] = [Object.values(modules)[0], Object.values(binaries)[0]];
  if (!module || !binary) throw new Error("the importer is not part of this build");
  const [{ StatementFile, latestToday }, address] = await Promise.all([module(), binary()]);
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
