/** Runs the parser away from the page, so that a large file does not stop it. */

import type { Question, Reply } from "./parser";

interface Module {
  default: (input: { module_or_path: string }) => Promise<unknown>;
  inspect: (bytes: Uint8Array) => string;
  read: (bytes: Uint8Array, options: string) => string;
}

const modules = import.meta.glob<Module>("./wasm/importer.js");
const binaries = import.meta.glob<string>("./wasm/importer_bg.wasm", { query: "?url", import: "default" });

let loaded: Promise<Module> | null = null;

async function load(): Promise<Module> {
  const [module, binary] = [Object.values(modules)[0], Object.values(binaries)[0]];
  if (!module || !binary) throw new Error("the importer is not part of this build");
  const [importer, address] = await Promise.all([module(), binary()]);
  await importer.default({ module_or_path: address });
  return importer;
}

async function answer(question: Question): Promise<Reply> {
  const { id, bytes } = question;
  try {
    loaded ??= load();
    const importer = await loaded;
    const text =
      question.ask === "inspect" ? importer.inspect(bytes) : importer.read(bytes, JSON.stringify(question.options));
    return { id, answer: JSON.parse(text) as unknown };
  } catch (error) {
    loaded = null;
    return { id, failed: error instanceof Error ? error.message : String(error) };
  }
}

addEventListener("message", (event: MessageEvent<Question>) => {
  void answer(event.data).then((reply) => postMessage(reply));
});
