/**
 * The device's entry, and the only module that imports platform modules: it makes the Hal of the SDK's classes and
 * runs the terminal on it. On the platform `lin` some of these classes come from hal-mocks: manifest.json says which.
 */

import Serial from "embedded:io/serial";
import TCP from "embedded:io/socket/tcp";
import UDP from "embedded:io/socket/udp";
import Resolver from "embedded:network/dns/resolver/udp";
import MQTTClient from "embedded:network/mqtt/client";
import NTP from "embedded:network/ntp/client";
import flash from "embedded:storage/flash";
import keyValue from "embedded:storage/key-value";
import config from "mc/config";
import Modules from "modules";
import Time from "time";
import Timer from "timer";
import defaultApp from "./app/default";
import type { App } from "./app/interface";
import { configNames } from "./config";
import type {
  Buses,
  Clock,
  DigitalConstructor,
  FlashStorage,
  Hal,
  I2CConstructor,
  KeyValueStorage,
  MqttConstructor,
  NtpClient,
  NtpConstructor,
  PulseCountConstructor,
  Retained,
  SerialConstructor,
  Sleep,
  TcpConstructor,
  WakeReason,
  WiFiConstructor,
} from "./hal";
import type { Board } from "./native/esp32/board";
import { builtInUpdates } from "./ota/built-in";
import { NativeCrypto, type NativeModules } from "./ota/native-crypto";
import { run } from "./run";

/** No modules of the `lin` build, so they are looked for. */
const WIFI = "embedded:network/interface/wifi";
const I2C = "embedded:io/i2c";
const PULSE_COUNT = "embedded:io/pulsecount";
const DIGITAL = "embedded:io/digital";
/** A module of the SDK whose name a linter takes for one of Node. */
const NET = "net";
/** Deep sleep, RTC memory and boot: only a board has them. */
const BOARD = "src/native/esp32/board";
/** What a mod calls its app, see src/app/manifest.json. */
const APP = "app";

const LONGEST_TIMER_MS = 0x7fff_ffff;
const RETAINED_BYTES = 4096;
/** Who is asked for addresses when the network has not said whom to ask. */
const PUBLIC_DNS = ["9.9.9.9", "1.1.1.1"];
/** Locally administered: a host build has no MAC of its own. */
const HOST_MAC = "020000000001";

type Handle = ReturnType<Clock["set"]>;
type WiFiWithMac = new (options: object) => { readonly MAC: string | undefined; close(): void };

function log(line: string): void {
  trace(`${line}\n`);
}

/** Of the SDK's ticks only 32 bits are to be relied on, which is 49 days. */
class DeviceClock implements Clock {
  #last = Time.ticks;
  #ticks = 0;

  get ticks(): number {
    const now = Time.ticks;
    // `lin` counts by the wall clock, which may be set back.
    this.#ticks += Math.max(0, Time.delta(this.#last, now));
    this.#last = now;
    return this.#ticks;
  }

  set(callback: () => void, ms: number): Handle {
    if (!(ms >= 0 && ms <= LONGEST_TIMER_MS)) {
      throw new RangeError(`clock.set: ms is ${ms}, expected a number from 0 to ${LONGEST_TIMER_MS}`);
    }
    return Timer.set(() => callback(), Math.ceil(ms)) as unknown as Handle;
  }

  clear(timer: Handle | undefined): void {
    Timer.clear(timer as unknown as Timer | undefined);
  }
}

/** Goes on through deep sleep and resets. */
class BoardClock extends DeviceClock {
  readonly #board: Board;

  constructor(board: Board) {
    super();
    this.#board = board;
  }

  override get ticks(): number {
    return this.#board.ticks;
  }
}

/** Stands in for RTC memory on a host: what it keeps survives no reset. */
class RamRetained implements Retained {
  readonly byteLength = RETAINED_BYTES;
  #bytes: Uint8Array | undefined;

  read(): Uint8Array | undefined {
    return this.#bytes?.slice();
  }

  write(bytes: Uint8Array): void {
    if (bytes.length > this.byteLength) {
      throw new RangeError(`retained: ${bytes.length} bytes do not fit in ${this.byteLength}`);
    }
    this.#bytes = bytes.slice();
  }
}

class DeepSleep implements Sleep {
  readonly #board: Board;

  constructor(board: Board) {
    this.#board = board;
  }

  deep(...[ms, wakeOn, pin]: Parameters<Sleep["deep"]>): void {
    if (pin && wakeOn.includes("pin") && !this.#board.wakeOn(pin))
      log(`gridmote: wakePin is ${pin.pin}, and this chip cannot wake by it`);
    this.#board.sleep(ms);
  }
}

/** Stands in for deep sleep on a host: it stays awake, and the next terminal starts afresh. */
class WaitingSleep implements Sleep {
  readonly #clock: Clock;
  #ms = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  deep(ms: number): void {
    this.#ms = ms;
  }

  /** Resolves when the sleep that was asked for is over. */
  async over(): Promise<WakeReason> {
    await new Promise<void>((resolve) => this.#clock.set(resolve, this.#ms));
    return "timer";
  }
}

/**
 * The SDK's DNS and NTP clients throw in callbacks of their sockets and timers: at what strangers send, when there is
 * no route, when the answer comes after whoever asked has closed. Uncaught there, an error restarts the device.
 */
function guard(callback: () => void): null {
  try {
    callback();
  } catch (error) {
    log(`gridmote: an answer of the network is of no use (${error})`);
  }
  return null;
}

class PatientUDP extends UDP {
  constructor(options: ConstructorParameters<typeof UDP>[0]) {
    const { onReadable } = options;
    super({
      ...options,
      onReadable(this: UDP, count: number) {
        guard(() => onReadable?.call(this, count));
      },
    });
  }

  override write(...datagram: Parameters<UDP["write"]>): void {
    guard(() => super.write(...datagram));
  }
}

class PatientResolver extends Resolver {
  override resolve({ host, onResolved, onError }: Parameters<Resolver["resolve"]>[0]): void {
    super.resolve({
      host,
      onResolved: (...answer) => guard(() => onResolved(...answer)),
      onError: (...answer) => guard(() => onError(...answer)),
    });
  }
}

const dns = {
  io: PatientResolver,
  socket: { io: PatientUDP },
  /** Read at each connection: the network names its servers when it gives the address. */
  get servers(): string[] {
    const net = Modules.importNow(NET) as { get(what: "DNS"): string[] | undefined };
    const servers = (net.get("DNS") ?? []).filter((address) => address.includes("."));
    return servers.length ? servers : PUBLIC_DNS;
  },
};

/** Where there is no Wi-Fi, on a host, the system knows the time. */
class SystemTime implements NtpClient {
  #isOpen = true;

  getTime(callback: (error: Error | null, time?: number) => void): void {
    Timer.set(() => {
      if (this.#isOpen) callback(null, Math.floor(Date.now() / 1000) * 1000);
    }, 0);
  }

  close(): void {
    this.#isOpen = false;
  }
}

/** Making an instance starts the radio: ask late, and once. */
function readMac(io: WiFiConstructor | undefined): string {
  if (!io) return typeof config.mac === "string" ? config.mac : HOST_MAC;
  const wifi = new (io as unknown as WiFiWithMac)({});
  const mac = wifi.MAC ?? "";
  wifi.close();
  return mac.replaceAll(":", "").toLowerCase();
}

/** On ESP32 Math.random draws 31 bits from the hardware; on `lin` it is C's rand(), so the time is mixed in. */
function random(): number {
  const high = Math.random() * 0x1_0000;
  const low = Math.random() * 0x1_0000;
  return ((high << 16) ^ low ^ Date.now()) >>> 0;
}

/** Classes of buses that not every platform has are no modules of its build. */
function findBuses(): Buses {
  const io = <T>(name: string) => (Modules.has(name) ? { io: Modules.importNow(name) as T } : undefined);
  return {
    serial: { io: Serial as unknown as SerialConstructor },
    tcp: { io: TCP as unknown as TcpConstructor },
    i2c: io<I2CConstructor>(I2C),
    pulseCount: io<PulseCountConstructor>(PULSE_COUNT),
    digital: io<DigitalConstructor>(DIGITAL),
  };
}

function createHal(clock: Clock, sleep: Sleep): Hal {
  const wifi = Modules.has(WIFI) ? (Modules.importNow(WIFI) as WiFiConstructor) : undefined;
  let mac: string | undefined;
  const crypto = new NativeCrypto((name) => Modules.importNow(name) as NativeModules[typeof name]);
  const update = builtInUpdates(config, crypto, log);
  return {
    clock,
    sleep,
    retained: new RamRetained(),
    get mac() {
      mac ??= readMac(wifi);
      return mac;
    },
    random,
    log,
    buses: findBuses(),
    storage: {
      keyValue: keyValue as unknown as KeyValueStorage,
      flash: flash as unknown as FlashStorage,
    },
    crypto,
    ...(update && { update }),
    network: {
      ...(wifi && { wifi: { io: wifi } }),
      ntp: { io: wifi ? (NTP as unknown as NtpConstructor) : SystemTime, dns, socket: { io: PatientUDP } },
      mqtt: { io: MQTTClient as unknown as MqttConstructor, dns, socket: { io: TCP } },
    },
  };
}

/** The same with what only a board has. */
function createBoardHal(board: Board): Hal {
  const hal = createHal(new BoardClock(board), new DeepSleep(board));
  const { retained, resetReason, boot, saveRadio } = board;
  if (hal.network.wifi) hal.network.wifi.savePower = saveRadio;
  return Object.assign(hal, { retained, resetReason, boot });
}

/** The app of the installed mod, if it may and does load, then the one that is built in. */
function loadApps(mayInstalled: () => boolean): App[] {
  try {
    if (Modules.has(APP) && mayInstalled()) {
      const app = Modules.importNow(APP) as App;
      log("gridmote: the installed app is loaded");
      return [app, defaultApp];
    }
  } catch (error) {
    log(`gridmote: the installed app does not load (${error}): the built-in one runs`);
  }
  return [defaultApp];
}

/** The manifest's `config`, without what the SDK keeps there for itself. */
function ownConfig(): Record<string, unknown> {
  const known = configNames.filter((name) => name in config);
  return Object.fromEntries(known.map((name) => [name, config[name]]));
}

/** On a host, which cannot sleep deeply, one terminal after the other. */
async function runOnHost(): Promise<void> {
  const clock = new DeviceClock();
  const sleep = new WaitingSleep(clock);
  const hal = createHal(clock, sleep);
  let reason: WakeReason = "start";
  for (;;) {
    await run(hal, loadApps, ownConfig(), reason);
    reason = await sleep.over();
  }
}

async function main(): Promise<void> {
  if (!Modules.has(BOARD)) return runOnHost();
  const board = Modules.importNow(BOARD) as Board;
  return run(createBoardHal(board), loadApps, ownConfig(), board.wakeReason);
}

main();
