import type { Answer, Inspection, Question, Reading, ReadOptions, Reply } from "./parser";

/** Whether this build has the parser. */
export const hasParser = Object.keys(import.meta.glob("./wasm/importer.js")).length > 0;

/** The parser in its worker. One question at a time is enough: a new one makes the answer to the old one pointless. */
export class Parser {
  #worker: Worker | null = null;
  #count = 0;
  #waiting = new Map<number, { resolve: (answer: unknown) => void; reject: (error: Error) => void }>();

  inspect(bytes: Uint8Array): Promise<Inspection> {
    return this.#ask<Inspection>({ id: ++this.#count, ask: "inspect", bytes });
  }

  read(bytes: Uint8Array, options: ReadOptions): Promise<Reading> {
    return this.#ask<Reading>({ id: ++this.#count, ask: "read", bytes, options: structuredClone(options) });
  }

  stop(): void {
    this.#worker?.terminate();
    this.#worker = null;
    this.#fail("stopped");
  }

  async #ask<T>(question: Question): Promise<T> {
    const worker = (this.#worker ??= this.#start());
    const answer = await new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(question.id, { resolve, reject });
      worker.postMessage(question);
    });
    const read = answer as Answer<T>;
    if ("error" in read) throw new Error(read.error);
    return read.ok;
  }

  #start(): Worker {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    worker.addEventListener("message", (event: MessageEvent<Reply>) => {
      const reply = event.data;
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if ("failed" in reply) waiting?.reject(new Error(reply.failed));
      else waiting?.resolve(reply.answer);
    });
    worker.addEventListener("error", (event) => this.#fail(event.message || "the parser could not be loaded"));
    return worker;
  }

  #fail(reason: string): void {
    for (const { reject } of this.#waiting.values()) reject(new Error(reason));
    this.#waiting.clear();
  }
}
