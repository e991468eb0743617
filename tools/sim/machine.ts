import type { App } from "../../src/app/interface";
import type { Hal, WakeReason } from "../../src/hal";
import type { Counters } from "../../src/lowpower/state";
import { type LoadApps, run } from "../../src/run";
import type { Terminal } from "../../src/terminal";
import type { EngineFiles, EngineLimits } from "../../target/host/engine";
import type { RemoteObjects } from "../../target/host/remote";
import { connectHal, type Inspection } from "../../target/host/terminal";

/** What a terminal that is awake has counted, and where it stands. */
export interface TerminalState {
  readonly boot: number;
  readonly seq: number;
  readonly counters: Readonly<Counters>;
}

/** What runs one terminal's firmware: from a boot to the next deep sleep, again and again. */
export interface Machine {
  /** Resolves when the firmware sleeps deeply. What an earlier call has left under way is gone. */
  live(overrides: Record<string, unknown>, reason: WakeReason): Promise<void>;
  /** Asks the firmware for a wake. */
  request(reason: WakeReason): void;
  /** True when nothing has been asked for that is not done, or nothing runs. */
  readonly isSettled: boolean;
  /** Undefined while nothing runs. */
  readonly state: TerminalState | undefined;
  /** Runs what the firmware has put off to promise jobs. False when there can be none. */
  runJobs(): boolean;
  close(): Promise<void>;
}

/** The engine that this process is. */
export class NodeMachine implements Machine {
  readonly #hal: Hal;
  readonly #loadApps: LoadApps;
  #terminal: Terminal | undefined;

  constructor(hal: Hal, apps: readonly App[] | LoadApps) {
    this.#hal = hal;
    this.#loadApps = typeof apps === "function" ? apps : () => apps;
  }

  async live(overrides: Record<string, unknown>, reason: WakeReason): Promise<void> {
    let own: Terminal | undefined;
    await run(this.#hal, this.#loadApps, overrides, reason, (terminal) => {
      own = terminal;
      this.#terminal = terminal;
    });
    // After a restart it is the next one's already.
    if (this.#terminal === own) this.#terminal = undefined;
  }

  request(reason: WakeReason): void {
    this.#terminal?.request(reason);
  }

  get isSettled(): boolean {
    return this.#terminal?.isSettled ?? true;
  }

  get state(): TerminalState | undefined {
    return this.#terminal?.state;
  }

  /** Node runs them by itself. */
  runJobs(): boolean {
    return false;
  }

  async close(): Promise<void> {}
}

/** The files that a terminal on XS is started with. */
export interface XsFiles {
  engine: string;
  image: string;
  /** Without one, the app that the base brings runs. */
  app?: string;
  provider: string;
}

/**
 * What manifest.json gives an ESP32, and no more: here a slot takes twice the bytes, and the items of arrays with it.
 * Recoveries from power cuts need between 544 and 560 slots of stack, of which the SDK (8.2) would give 512.
 * Whatever the host asks once must be done within ten seconds of processor time.
 */
const LIMITS: EngineLimits = { chunks: 78_848, slots: 4928, stack: 768, deadlineMs: 10_000 };

/** XS in a process of its own, whose clock and world are here. */
export class XsMachine implements Machine {
  readonly #hasApp: boolean;
  readonly #remote: RemoteObjects;
  #onFinish: () => void = () => {};
  #isRunning = false;

  /** @param onFallback the installed app does not run; what was logged of it. */
  constructor(
    hal: Hal,
    name: string,
    { engine, image, app, provider }: XsFiles,
    onFallback: (why: string) => void,
    limits = LIMITS,
  ) {
    const files: EngineFiles = { name, engine, image, archives: app ? [app, provider] : [provider] };
    this.#hasApp = app !== undefined;
    this.#remote = connectHal(hal, files, limits, { onFinish: () => this.#onFinish(), onFallback });
  }

  async live(overrides: Record<string, unknown>, reason: WakeReason): Promise<void> {
    this.#remote.boot();
    this.#isRunning = true;
    const finished = new Promise<void>((resolve) => {
      this.#onFinish = resolve;
    });
    this.#remote.engine.event("live", overrides, reason, this.#hasApp);
    await finished;
    this.#isRunning = false;
  }

  request(reason: WakeReason): void {
    if (this.#isRunning) this.#remote.engine.event("request", reason);
  }

  get isSettled(): boolean {
    return this.#inspect()?.isSettled ?? true;
  }

  get state(): TerminalState | undefined {
    return this.#inspect();
  }

  runJobs(): boolean {
    return this.#remote.engine.runJobs();
  }

  async close(): Promise<void> {
    await this.#remote.engine.close();
  }

  #inspect(): Inspection | undefined {
    return this.#isRunning ? (this.#remote.engine.event("inspect") as Inspection | undefined) : undefined;
  }
}
