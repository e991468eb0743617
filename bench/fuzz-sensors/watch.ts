import { performance } from "node:perf_hooks";

/** One parser, or one driver with its device. */
export interface Fuzzed {
  name: string;
  /** Gives it so many mutated inputs or a few more; how many there were, and how many it believed. */
  run(inputs: number, watch: Watch): { inputs: number; believed: number };
}

/** Looks at each step: how long it takes, and, when it throws, what it was given. */
export class Watch {
  slowestMs = 0;

  time(step: () => void, input: () => Uint8Array): void {
    const before = performance.now();
    try {
      step();
    } catch (error) {
      console.error(Buffer.from(input()).toString("hex"));
      throw error;
    }
    this.slowestMs = Math.max(this.slowestMs, performance.now() - before);
  }
}
