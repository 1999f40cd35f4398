import type { CallOptions, Wait } from "../api/call";
import { asProblem, type Problem } from "../api/problem";
import { activity } from "./resource.svelte";

/** Something that is asked of the API at a click. While it runs, a second click asks for nothing. */
export class Action {
  running = $state(false);
  problem = $state.raw<Problem | null>(null);
  wait = $state.raw<Wait | null>(null);

  /** What the API has answered; `null` if it refused, which `problem` tells, or if the action runs already. */
  async run<T>(ask: (options: CallOptions) => Promise<T>): Promise<{ value: T } | null> {
    if (this.running) return null;
    this.running = true;
    this.problem = null;
    const end = activity.begin();
    try {
      return { value: await ask({ onWait: (wait) => (this.wait = wait) }) };
    } catch (error) {
      this.problem = asProblem(error);
      return null;
    } finally {
      end();
      this.running = false;
      this.wait = null;
    }
  }
}
