import type { Air } from "../../hal-mocks/air";
import type { VirtualClock } from "../../hal-mocks/clock";
import { type Oscillators, TerminalClock } from "../../hal-mocks/clock";
import { type AnySegment, EnergyAccount } from "../../hal-mocks/energy/account";
import { Accounts } from "../../hal-mocks/energy/accounts";
import type { Charges } from "../../hal-mocks/energy/charges";
import type { EnergySettings } from "../../hal-mocks/energy/settings";
import { createFlash, Partition } from "../../hal-mocks/flash";
import { createI2C, type I2CChip, type MockI2CConstructor } from "../../hal-mocks/i2c";
import { createKeyValue, type KeyValueStore } from "../../hal-mocks/key-value";
import { Link, type LinkSettings } from "../../hal-mocks/link";
import { createMqtt, type MqttSetup } from "../../hal-mocks/mqtt";
import { nodeCrypto } from "../../hal-mocks/node/crypto";
import { createNtp, type NtpSetup } from "../../hal-mocks/ntp";
import {
  createDigital,
  createPulseCount,
  type MockDigitalConstructor,
  type MockPulseCountConstructor,
  type PinListener,
  type PulseSource,
} from "../../hal-mocks/pulse-count";
import { createRandom } from "../../hal-mocks/random";
import { RetainedMemory } from "../../hal-mocks/retained";
import { createSerial, type MockSerialConstructor, type SerialChip } from "../../hal-mocks/serial";
import { DeepSleep } from "../../hal-mocks/sleep";
import type { StreamConstructor } from "../../hal-mocks/stream";
import { createTcp, type TcpPeer } from "../../hal-mocks/tcp";
import { UpdateFlash, type UpdatePartition } from "../../hal-mocks/update-flash";
import { createWiFi } from "../../hal-mocks/wifi";
import defaultApp from "../../src/app/default";
import type { App } from "../../src/app/interface";
import { FlashOutbox } from "../../src/comms/outbox";
import { loadConfig } from "../../src/config";
import type { Hal, ResetReason, TcpConstructor, Timer, UpdateSettings, WakeReason } from "../../src/hal";
import { type Counters, loadState } from "../../src/lowpower/state";
import type { EngineLimits } from "../../target/host/engine";
import { InstalledApps } from "./installed-apps";
import { type Machine, NodeMachine, type TerminalState, type XsFiles, XsMachine } from "./machine";
import type { Reset } from "./scenario";

/** What the outbox held after so many changes of its flash. */
interface Seen {
  operations: number;
  count: number;
  dropped: number;
}

/** So many that a checksum of 32 bits is sure to find them. */
const FLIPPED_BITS = 3;
/** As in partitions.csv. */
const OUTBOX_BYTES = 512 * 1024;

/** As most people have it: a passphrase, and WPA2. */
const NETWORK = { ssid: "street", wifiPassword: "a passphrase" };

/** Sensor chips on a terminal's buses. */
export interface Chips {
  /** By port. */
  serial?: ReadonlyMap<number, SerialChip>;
  /** By address. */
  i2c?: ReadonlyMap<number, I2CChip>;
  /** By `address:port`. */
  tcp?: ReadonlyMap<string, TcpPeer>;
  /** By pin. */
  pulses?: ReadonlyMap<number, PulseSource>;
  outputs?: ReadonlyMap<number, PinListener>;
}

/** A terminal that takes updates. */
export interface UpdateSetup {
  settings: UpdateSettings;
  /** Of partitions that are smaller than a board's. */
  blocks?: Partial<Record<UpdatePartition, number>>;
  /** The native image that it is born with. */
  native: Uint8Array;
  /** The app that is in the partition `xs`, if there is one: what its bytes are to do. */
  appOf?: (xs: Uint8Array) => App | undefined;
}

export interface TerminalSetup {
  device: string;
  /** Overrides, as a manifest's `config`. */
  config: Record<string, unknown>;
  clock: VirtualClock;
  seed: number;
  /** What drives its ticks. Default: as exact as the world. */
  oscillators?: Oscillators;
  /** What is on the smart meter's port. */
  chip: SerialChip;
  /** What is on its other buses. Default: nothing. */
  chips?: Chips;
  stream: StreamConstructor;
  /** The access points that it hears. Default: one that takes everybody. */
  air?: Air;
  /** What its network takes. It loses packets when `link.loss` says so. */
  latencies?: LinkSettings;
  /** What TLS adds to its connections. Default: there is none. */
  tls?: MqttSetup["tls"];
  /** What its charge is counted by, once for each. Default: nobody counts. */
  energy?: readonly EnergySettings[];
  /** Sees each stretch of its power-state timeline as it ends, by the first of them. */
  onSegment?: (segment: AnySegment) => void;
  /** Default: any name is that of a server that tells the truth. */
  timeServers?: NtpSetup["servers"];
  /** Tried in this order. Default: the app that the base brings. */
  apps?: readonly App[];
  /** Runs the firmware on XS, which has an app of its own. Default: on the engine of this process. */
  xs?: XsFiles;
  /** Of that engine. */
  limits?: EngineLimits;
  /** What runs the firmware, in place of the two above. */
  machine?: (hal: Hal) => Machine;
  /** Default: it takes none. */
  update?: UpdateSetup;
  /** The size of the outbox's partition. Default: that of partitions.csv. */
  outboxBytes?: number;
  log: (line: string) => void;
  /** The installed app does not run, and the built-in one does. */
  onFallback?: (why: string) => void;
}

/** One node of the simulated world: its flash, its retained memory, its radio, and its boots. */
export class SimulatedTerminal {
  readonly device: string;
  readonly link: Link;
  readonly #setup: TerminalSetup;
  /** The flash: the key-value store, and the outbox, of the size that partitions.csv gives it. */
  readonly store: KeyValueStore = new Map();
  readonly partition: Partition;
  /** What survives a deep sleep, and is lost with the power. */
  readonly retained = new RetainedMemory();
  readonly #sleep = new DeepSleep();
  readonly #buses: {
    serial: MockSerialConstructor;
    i2c: MockI2CConstructor;
    tcp: TcpConstructor;
    pulseCount: MockPulseCountConstructor;
    digital: MockDigitalConstructor;
  };
  readonly #clock: TerminalClock;
  readonly hal: Hal;
  /** Where images are, in a terminal that takes updates. */
  readonly images: UpdateFlash | undefined;
  #resetReason: ResetReason = "power";
  readonly #machine: Machine;
  #hasFallenBack = false;
  #seen: Seen | undefined;
  #sleeping: ((reason: WakeReason) => void) | undefined;
  #sleepTimer: Timer | undefined;
  #onReset: ((reason: WakeReason) => void) | undefined;
  #energy: Accounts | undefined;
  #hasBooted = false;

  constructor(setup: TerminalSetup) {
    const { device, clock, chip, seed, log, air, timeServers = () => () => 0 } = setup;
    this.device = device;
    this.#setup = setup;
    const link = new Link({ random: createRandom(`${seed} ${device} link`), ...setup.latencies });
    this.link = link;
    this.partition = new Partition({ byteLength: setup.outboxBytes ?? OUTBOX_BYTES });
    this.images = setup.update && this.#newImages(setup.update);
    if (setup.energy) this.#count(accountsOf(setup.energy, setup));
    const terminalClock = new TerminalClock(clock, setup.oscillators);
    this.#clock = terminalClock;
    const random = createRandom(`${seed} ${device}`);
    const { config } = loadConfig([{ from: "", values: setup.config }]);
    const { serial = [], i2c, tcp, pulses, outputs } = setup.chips ?? {};
    this.#buses = {
      serial: createSerial(terminalClock, new Map([[config.p1Port, chip], ...serial])),
      i2c: createI2C(i2c ?? new Map()),
      tcp: createTcp(terminalClock, tcp ?? new Map()),
      pulseCount: createPulseCount(pulses ?? new Map()),
      digital: createDigital(outputs ?? new Map()),
    };
    const outbox = new Map([["outbox", this.partition]]);
    this.hal = {
      clock: terminalClock,
      sleep: this.#sleep,
      retained: this.retained,
      mac: macOf(device),
      random: random.uint32,
      log: (line) => log(`${device}: ${line}`),
      buses: {
        serial: { io: this.#buses.serial },
        i2c: { io: this.#buses.i2c },
        tcp: { io: this.#buses.tcp },
        pulseCount: { io: this.#buses.pulseCount },
        digital: { io: this.#buses.digital },
      },
      storage: {
        keyValue: createKeyValue(this.store),
        flash: this.images?.storage(outbox) ?? createFlash(outbox),
      },
      crypto: nodeCrypto,
      network: {
        wifi: { io: createWiFi({ clock: terminalClock, link, air }) },
        ntp: {
          io: createNtp({ clock, link, servers: timeServers }),
          dns: { io: undefined },
          socket: { io: undefined },
        },
        mqtt: {
          io: createMqtt({ clock, link, tls: setup.tls }),
          // The mock client asks no resolver: it models what one costs.
          dns: { io: undefined },
          socket: { io: setup.stream },
        },
      },
    };
    if (setup.update) this.#connectImages(setup.update);
    const { apps = [defaultApp], xs, machine } = setup;
    if (machine) this.#machine = machine(this.hal);
    else if (xs) this.#machine = this.#newXs(xs, setup.limits);
    else this.#machine = new NodeMachine(this.hal, (mayInstalled) => this.#loadApps(apps, mayInstalled));
  }

  #newXs(xs: XsFiles, limits: EngineLimits | undefined): Machine {
    const onFallback = (why: string) => this.#fallBack(why);
    const { images, hal, device } = this;
    if (!images) return new XsMachine(hal, device, xs, { onFallback, limits });
    const apps = new InstalledApps(images.partition("xs"));
    return new XsMachine(hal, device, xs, {
      ...{ onFallback, limits },
      installed: () => apps.file,
      onFailure: ({ message }) => {
        hal.log(message);
        this.reset("keep", message.includes("not finished") ? "watchdog" : "panic");
      },
    });
  }

  #newImages({ blocks, native }: UpdateSetup): UpdateFlash {
    const images = new UpdateFlash(blocks);
    images.flash("ota_0", native);
    return images;
  }

  #connectImages({ settings }: UpdateSetup): void {
    const { hal } = this;
    hal.boot = this.images!.bootloader.connect((reason) => this.reset("keep", reason));
    hal.update = settings;
    Object.defineProperty(hal, "resetReason", { get: () => this.#resetReason });
  }

  #loadApps(apps: readonly App[], mayInstalled: () => boolean): readonly App[] {
    const { images } = this;
    const installed = images && mayInstalled() && this.#setup.update?.appOf?.(images.partition("xs").bytes);
    return installed ? [installed, ...apps] : apps;
  }

  #count(energy: Accounts | undefined): void {
    this.#energy = energy;
    this.link.probe = energy;
    this.partition.probe = energy;
    if (this.images) this.images.probe = energy;
  }

  /** Counts its charge; undefined where nobody does. */
  get energy(): Accounts | undefined {
    return this.#energy;
  }

  /** What it has drawn until now; from now on nobody counts. */
  endCounting(): Charges[] {
    const charges = this.#energy?.finish() ?? [];
    this.#count(undefined);
    return charges;
  }

  /** Each boot tries the installed app again; once is enough to say. */
  #fallBack(why: string): void {
    if (this.#hasFallenBack) return;
    this.#hasFallenBack = true;
    this.#setup.onFallback?.(why);
  }

  /** Boots, sleeps, boots again. Rejects when the firmware throws; a resident comes back after a reset only. */
  async live(): Promise<never> {
    let reason: WakeReason = "start";
    for (;;) {
      const reset = new Promise<WakeReason>((resolve) => {
        this.#onReset = resolve;
      });
      reason = await Promise.race([reset, this.#liveOnce(reason)]);
    }
  }

  /** One boot and the sleep after it; resolves with the reason for the next boot. */
  async #liveOnce(reason: WakeReason): Promise<WakeReason> {
    // For the bootloader a deep sleep ends in a reset as any other.
    this.images?.start();
    // A timer is set early by what a boot takes; the first one is over as the world begins.
    this.#energy?.boot(reason === "timer" || !this.#hasBooted);
    this.#hasBooted = true;
    await this.#machine.live({ ...NETWORK, ...this.#setup.config }, reason);
    // It has restarted.
    if (!this.#sleep.request) return "start";
    return this.#sleepDeeply();
  }

  /**
   * A reset: whatever is under way ends, and the terminal boots.
   * @param reset `lose` is a loss of power; `flip` damages retained memory.
   * @param reason what the platform says of it.
   */
  reset(reset: Reset = "keep", reason: ResetReason = reset === "lose" ? "power" : "unknown"): void {
    this.halt();
    this.#resetReason = reason;
    if (reset === "lose") {
      this.retained.lose();
      this.#clock.powerOn();
    } else if (reset === "flip") this.retained.flip(this.#setup.clock.now, FLIPPED_BITS);
    this.#setup.clock.clear(this.#sleepTimer);
    this.#sleep.wake();
    this.#sleeping = undefined;
    this.#onReset?.("start");
  }

  /** Somebody presses the button: the terminal sends what it has. */
  press(): void {
    if (this.#sleeping) this.#sleeping("pin");
    else this.#machine.request("pin");
  }

  /** In deep sleep. */
  get isAsleep(): boolean {
    return this.#sleeping !== undefined;
  }

  /** Nothing is under way, and nothing waits. */
  get isSettled(): boolean {
    return this.#machine.isSettled && this.waiting === 0;
  }

  /** Frames and events in the outbox. */
  get waiting(): number {
    return this.#look().count;
  }

  /** Frames that the outbox had to drop, unsent. */
  get dropped(): number {
    return this.#look().dropped;
  }

  /** What is in the flash, as the next boot would find it. */
  #look(): Seen {
    const { operations } = this.partition.power;
    if (this.#seen?.operations === operations) return this.#seen;
    const flash = createFlash(new Map([["outbox", this.partition]]));
    const outbox = new FlashOutbox(flash, { clean: true });
    const { count, dropped } = outbox;
    outbox.close();
    this.#seen = { operations, count, dropped };
    return this.#seen;
  }

  get counters(): Counters | undefined {
    return this.#state?.counters;
  }

  /** Whether it can have sent a frame of that epoch and number. */
  hasStored(boot: number, seq: number): boolean {
    const state = this.#state;
    return state !== undefined && boot === state.boot && seq < state.seq;
  }

  get #state(): TerminalState | undefined {
    return this.#machine.state ?? loadState(this.retained);
  }

  /** Runs what the firmware has put off. False when that is done by itself, or nothing is there. */
  runJobs(): boolean {
    return this.#machine.runJobs();
  }

  /** The engine goes. */
  async close(): Promise<void> {
    this.halt();
    await this.#machine.close();
  }

  /** What is in RAM, or is a connection, is gone. */
  halt(): void {
    this.#clock.reset();
    const { serial, i2c, pulseCount, digital } = this.#buses;
    for (const bus of [serial, i2c, pulseCount, digital]) bus.reset();
    this.link.reset();
  }

  async #sleepDeeply(): Promise<WakeReason> {
    const { ms, wakeOn } = this.#sleep.request!;
    const { clock } = this.#setup;
    this.#resetReason = "sleep";
    this.#energy?.sleep();
    this.halt();
    this.#clock.sleepDeeply();
    const reason = await new Promise<WakeReason>((resolve) => {
      if (wakeOn.includes("pin")) this.#sleeping = resolve;
      this.#sleepTimer = clock.set(() => resolve("timer"), this.#clock.worldMs(ms));
    });
    clock.clear(this.#sleepTimer);
    this.#clock.reset();
    this.#sleeping = undefined;
    this.#sleep.wake();
    return reason;
  }
}

function accountsOf(energy: readonly EnergySettings[], { clock, onSegment }: TerminalSetup): Accounts {
  return new Accounts(
    energy.map((settings, index) => new EnergyAccount(settings, clock, index ? undefined : onSegment)),
  );
}

/** A locally administered address that belongs to the device's name. */
function macOf(device: string): string {
  const random = createRandom(device);
  return `02${random.below(0x1_00_00).toString(16).padStart(4, "0")}${random.below(0x1_00_00_00).toString(16).padStart(6, "0")}`;
}
