import { P1Meter } from "../../hal-mocks/chips/p1-meter";
import type { VirtualClock } from "../../hal-mocks/clock";
import { createPairStream } from "../../hal-mocks/node/pair";
import { PowerLoss } from "../../hal-mocks/power";
import type { Random } from "../../hal-mocks/random";
import { House } from "../../hal-mocks/world/house";
import defaultApp from "../../src/app/default";
import type { App } from "../../src/app/interface";
import type { Hal, ResetReason, UpdateSettings, WakeReason } from "../../src/hal";
import type { Broker } from "../../tools/sim/broker";
import { type Machine, NodeMachine } from "../../tools/sim/machine";
import type { Reset } from "../../tools/sim/scenario";
import { SimulatedTerminal, type TerminalSetup } from "../../tools/sim/terminal";
import { tagOf } from "../support/images";
import { WatchedPower } from "./power";
import { BORN, imageOf, releaseOf } from "./releases";

const MINUTE_MS = 60_000;
const SAMPLE_MS = 5 * MINUTE_MS;
export const SESSION_MS = 15 * MINUTE_MS;
/** The task watchdog, as sdkconfig/ has it. */
const WATCHDOG_MS = 30_000;
/** Code that still runs in the stack of a cut is over after that. */
const OUTAGE_MS = 20;
const OUTBOX_BYTES = 32_768;
const BLOCKS = { ota_0: 4, ota_1: 4, xs: 3, mod_0: 3, mod_1: 3 };
const NEVER = new Promise<never>(() => {});

/** While its power is off nothing in it can restart it. */
class PoweredTerminal extends SimulatedTerminal {
  readonly power: WatchedPower;

  constructor(setup: TerminalSetup, power: WatchedPower) {
    super(setup);
    this.power = power;
    this.images!.power = power;
    this.partition.power = power;
  }

  override reset(reset?: Reset, reason?: ResetReason): void {
    if (this.power.isOn) super.reset(reset, reason);
  }
}

export interface FleetNodeOptions {
  device: string;
  clock: VirtualClock;
  seed: number;
  broker: Broker;
  settings: UpdateSettings;
  loss: number;
  random: Random;
  log?: ((line: string) => void) | undefined;
}

/** A sleeper that does what its images do, and loses its power at operations of its flash. */
export class FleetNode {
  readonly device: string;
  readonly terminal: PoweredTerminal;
  /** Losses of power. */
  cuts = 0;
  /** What no node may do, in words. */
  readonly faults: string[] = [];
  /** The tag of the app that has run last; undefined for the one in the base. */
  app: number | undefined;
  readonly #clock: VirtualClock;
  readonly #random: Random;

  constructor({ device, clock, seed, broker, settings, loss, random, log }: FleetNodeOptions) {
    this.device = device;
    this.#clock = clock;
    this.#random = random;
    const house = new House({ seed, start: clock.now, phases: 1, baseW: 300, pvW: 0, utcOffset: 60 });
    const power = new WatchedPower();
    power.onLoss = () => this.#lose();
    this.terminal = new PoweredTerminal(
      {
        ...{ device, clock, seed },
        config: { mode: "sleeper", p1Port: 1, sampleMs: SAMPLE_MS, sessionMs: SESSION_MS, device },
        chip: new P1Meter({ clock, values: (time) => house.at(time), offset: random.below(1000) }),
        stream: createPairStream((far) => broker.handle(far)),
        outboxBytes: OUTBOX_BYTES,
        update: { settings, native: imageOf({ kind: "native", tag: BORN }), blocks: BLOCKS },
        machine: (hal) => this.#machine(hal),
        log: (line) => log?.(`${new Date(clock.now).toISOString()} ${line}`),
      },
      power,
    );
    this.terminal.link.loss = loss;
  }

  /** Rejects when the firmware throws. */
  async live(): Promise<never> {
    for (;;) {
      try {
        await this.terminal.live();
      } catch (error) {
        if (!(error instanceof PowerLoss)) throw error;
        // It went while the bootloader wrote.
        await new Promise<void>((resolve) => void this.#clock.set(resolve, 2 * OUTAGE_MS));
      }
    }
  }

  /** The power will go at one of its next operations on flash: before it, in the middle or after it. */
  cutWithin(operations: number): void {
    const moment = (["before", "torn", "after"] as const)[this.#random.below(3)];
    this.terminal.power.cutAt(this.#random.below(operations), moment, this.#random.uint32());
  }

  /** The tag of the native image that runs. */
  get native(): number {
    return tagOf(this.terminal.images!.bootloader.running.bytes);
  }

  #lose(): void {
    const { terminal } = this;
    this.cuts++;
    terminal.halt();
    this.#clock.set(() => {
      terminal.power.restore();
      terminal.reset("lose");
    }, OUTAGE_MS);
  }

  #machine(hal: Hal): Machine {
    const inner = new NodeMachine(hal, (mayInstalled) => this.#loadApps(mayInstalled()));
    const live = async (overrides: Record<string, unknown>, reason: WakeReason) => {
      this.#beginNative();
      try {
        await inner.live(overrides, reason);
      } catch (error) {
        if (this.terminal.power.isOn && !(error instanceof PowerLoss)) throw error;
        return NEVER;
      }
      // What it has come to is of no account.
      if (!this.terminal.power.isOn) return NEVER;
    };
    return {
      live,
      request: (reason) => inner.request(reason),
      get isSettled() {
        return inner.isSettled;
      },
      get state() {
        return inner.state;
      },
      runJobs: () => inner.runJobs(),
      close: () => inner.close(),
    };
  }

  #beginNative(): void {
    const { link, images } = this.terminal;
    const { bytes } = images!.bootloader.running;
    this.#checkWhole("native", bytes);
    const isMute = releaseOf("native", tagOf(bytes))?.behaviour === "mute";
    if (isMute === !link.isWiFiUp) return;
    if (isMute) link.down("wifi");
    else link.up("wifi");
  }

  #loadApps(mayInstalled: boolean): readonly App[] | Promise<readonly App[]> {
    this.app = undefined;
    const { bytes } = this.terminal.images!.partition("xs");
    const release = mayInstalled ? releaseOf("app", tagOf(bytes)) : undefined;
    if (!release) return [defaultApp];
    this.#checkWhole("app", bytes);
    this.app = release.tag;
    if (release.behaviour === "good") return [defaultApp, defaultApp];
    if (release.behaviour === "throws") return [throwing, defaultApp];
    // It never comes back, and nothing else runs until the watchdog bites.
    this.terminal.hal.clock.set(() => this.terminal.reset("keep", "watchdog"), WATCHDOG_MS);
    return NEVER;
  }

  #checkWhole(kind: "app" | "native", bytes: Uint8Array): void {
    const whole = imageOf({ kind, tag: tagOf(bytes) });
    if (Buffer.compare(bytes.subarray(0, whole.length), whole) !== 0)
      this.faults.push(`${this.device} runs ${kind} ${tagOf(bytes)}, and half of it is not there`);
  }
}

const throwing: App = (kit) => ({
  ...defaultApp(kit),
  onReading() {
    throw new Error("a bad release");
  },
});
