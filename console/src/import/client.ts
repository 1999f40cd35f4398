import type { Failure, Inspection, Question, Reading, ReadOptions, Reply } from "./parser";

/** Whether this build has the parser: `make wasm` has made it. */
export const hasParser =
  Object.keys(import.meta.glob("../../wasm/built/statement-file.wasm", { query: "?url" })).length > 0;

/** The parser in its worker. One question at a time is enough: a new one makes the answer to the old one pointless. */
export class Parser {
  #worker: Worker | null = null;
  #count = 0;
  #waiting = new Map<number, { resolve: (answer: unknown) => void; reject: (error: Error) => void }>();

  async inspect(bytes: Uint8Array): Promise<Inspection> {
    return (await this.#ask({ id: ++this.#count, ask: "inspect", bytes })) as Inspection;
  }

  async read(bytes: Uint8Array, options: ReadOptions): Promise<Reading | Failure> {
    return (await this.#ask({ id: ++this.#count, ask: "read", bytes, options })) as Reading | Failure;
  }

  stop(): void {
    this.#worker?.terminate();
    this.#worker = null;
    this.#fail("stopped");
  }

  #ask(question: Question): Promise<unknown> {
    const worker = (this.#worker ??= this.#start());
    return new Promise((resolve, reject) => {
      this.#waiting.set(question.id, { resolve, reject });
      worker.postMessage(question);
    });
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
