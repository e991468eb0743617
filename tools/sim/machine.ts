import type { App } from "../../src/app/interface";
import type { Hal, WakeReason } from "../../src/hal";
import type { Counters } from "../../src/lowpower/state";
import { type LoadApps, run } from "../../src/run";
import type { Terminal } from "../../src/terminal";
import type { EngineFailure, EngineLimits } from "../../target/host/engine";
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

export interface XsOptions {
  /** The installed app does not run; what was logged of it. */
  onFallback: (why: string) => void;
  limits?: EngineLimits;
  /** The file of the app that is installed now, asked at each boot. Default: that of the files. */
  installed?: () => string | undefined;
  /** The engine has ended, at its deadline or by what nobody has caught: a reset, for who can live with one. */
  onFailure?: (failure: EngineFailure) => void;
}

/** XS in a process of its own, whose clock and world are here. */
export class XsMachine implements Machine {
  readonly #hal: Hal;
  readonly #name: string;
  readonly #files: XsFiles;
  readonly #options: XsOptions;
  /** The app with which the engine was started. */
  #app: string | undefined;
  #remote: RemoteObjects;
  /** Of engines that were there before. */
  readonly #ends: Promise<unknown>[] = [];
  #onFinish: () => void = () => {};
  #isRunning = false;

  constructor(hal: Hal, name: string, files: XsFiles, options: XsOptions) {
    this.#hal = hal;
    this.#name = name;
    this.#files = files;
    this.#options = options;
    this.#app = options.installed ? options.installed() : files.app;
    this.#remote = this.#start();
  }

  #start(): RemoteObjects {
    const { engine, image, provider } = this.#files;
    const { onFallback, onFailure, limits = LIMITS } = this.#options;
    const archives = this.#app ? [this.#app, provider] : [provider];
    const listener = { onFinish: () => this.#onFinish(), onFallback, onFailure };
    return connectHal(this.#hal, { name: this.#name, engine, image, archives }, limits, listener);
  }

  async live(overrides: Record<string, unknown>, reason: WakeReason): Promise<void> {
    this.#renew();
    this.#remote.boot();
    this.#isRunning = true;
    const finished = new Promise<void>((resolve) => {
      this.#onFinish = resolve;
    });
    this.#remote.event("live", overrides, reason, this.#app !== undefined);
    await finished;
    this.#isRunning = false;
  }

  /** An engine knows the archives that it was started with: another app, or the end of it, takes another one. */
  #renew(): void {
    const { installed } = this.#options;
    const app = installed ? installed() : this.#app;
    if (app === this.#app && this.#remote.engine.isOpen) return;
    // Virtual time does not wait for the end of a process.
    this.#ends.push(this.#remote.engine.close());
    this.#app = app;
    this.#remote = this.#start();
  }

  request(reason: WakeReason): void {
    if (this.#isRunning) this.#remote.event("request", reason);
  }

  get isSettled(): boolean {
    return this.#inspect()?.isSettled ?? true;
  }

  get state(): TerminalState | undefined {
    return this.#inspect();
  }

  runJobs(): boolean {
    return this.#remote.runJobs();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#ends, this.#remote.engine.close()]);
  }

  #inspect(): Inspection | undefined {
    return this.#isRunning ? (this.#remote.event("inspect") as Inspection | undefined) : undefined;
  }
}
