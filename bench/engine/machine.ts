import type { Hal, WakeReason } from "../../src/hal";
import type { RemoteObjects } from "../../target/host/remote";
import { connectHal } from "../../target/host/terminal";
import type { Machine } from "../../tools/sim/machine";
import { beginMeasuring, type Cost, LIMITS } from "./cost";
import type { BenchFiles } from "./files";

/** The provider stands in for src/main.ts and for the platform's own code. */
const isProvider = (module: string) => module.startsWith("target/");

/** A terminal's engine, which says of each wake what it has cost from its boot to the deep sleep. */
export class MeasuredMachine implements Machine {
  readonly #remote: RemoteObjects;
  readonly #onWake: (cost: Cost) => void;
  #onFinish: () => void = () => {};
  readonly state = undefined;
  readonly isSettled = true;

  constructor(hal: Hal, { engine, image, provider }: BenchFiles, onWake: (cost: Cost) => void) {
    this.#onWake = onWake;
    const onFinish = () => this.#onFinish();
    this.#remote = connectHal(hal, { engine, image, archives: [provider] }, LIMITS, { onFinish });
  }

  async live(overrides: Record<string, unknown>, reason: WakeReason): Promise<void> {
    const { engine } = this.#remote;
    this.#remote.boot();
    const endMeasuring = beginMeasuring(engine, isProvider);
    const finished = new Promise<void>((resolve) => {
      this.#onFinish = resolve;
    });
    engine.event("live", overrides, reason, false);
    await finished;
    this.#onWake(endMeasuring());
  }

  request(reason: WakeReason): void {
    this.#remote.engine.event("request", reason);
  }

  runJobs(): boolean {
    return this.#remote.engine.runJobs();
  }

  async close(): Promise<void> {
    await this.#remote.engine.close();
  }
}
