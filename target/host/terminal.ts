import type { Hal, NtpClient, NtpOptions } from "../../src/hal";
import type { Counters } from "../../src/lowpower/state";
import type { EngineFiles, EngineLimits } from "./engine";
import { type Reachable, RemoteObjects } from "./remote";

/** What a terminal on XS says of itself. */
export interface Inspection {
  isSettled: boolean;
  boot: number;
  seq: number;
  counters: Counters;
}

/** A one-shot timer as a class, so that all that scripts hold is constructed and closed. */
class HostTimer {
  readonly #clock: Hal["clock"];
  readonly #timer: ReturnType<Hal["clock"]["set"]>;

  constructor(clock: Hal["clock"], onTimer: () => void, ms: number) {
    this.#clock = clock;
    this.#timer = clock.set(onTimer, ms);
  }

  close(): void {
    this.#clock.clear(this.#timer);
  }
}

/** An NTP client whose callback is one of its options, since nothing else can call back. */
class HostNtp {
  readonly #client: NtpClient;
  readonly #onTime: Parameters<NtpClient["getTime"]>[0];

  constructor({ network }: Hal, { onTime, ...options }: Record<string, unknown>) {
    this.#client = new network.ntp!.io(options as unknown as NtpOptions);
    this.#onTime = onTime as Parameters<NtpClient["getTime"]>[0];
  }

  getTime(): void {
    this.#client.getTime((error, time) => this.#onTime(error, time));
  }

  close(): void {
    this.#client.close();
  }
}

/** What a terminal on XS tells the host alone. */
export interface Listener {
  /** It sleeps deeply. */
  onFinish?(): void;
  /** The installed app does not run, and the built-in one does. `why` is what was logged of it. */
  onFallback?(why: string): void;
  /** The engine has ended. Default: whoever has called it gets the failure. */
  onFailure?: Reachable["onFailure"];
}

/** What target/provider/hal.ts asks for, of a platform of this side. */
export function reachableHal(hal: Hal, listener: Listener = {}): Reachable {
  const { clock, sleep, retained, buses, storage, network, crypto } = hal;
  const stream = network.mqtt.socket.io;
  let logged = "";
  return {
    ports: {
      clock: { read: () => clock.ticks },
      sleep,
      retained,
      ...(crypto && { crypto }),
      ...(hal.boot && { boot: hal.boot }),
      hal: {
        mac: hal.mac,
        get resetReason() {
          return hal.resetReason;
        },
        update: hal.update,
        random: hal.random,
        log: (line: string) => {
          logged = line;
          hal.log(line);
        },
        finish: () => listener.onFinish?.(),
        fallBack: () => listener.onFallback?.(logged),
      },
    },
    constructors: {
      serial: (options) => new buses.serial!.io(options as never),
      tcp: (options) => new buses.tcp!.io(options as never),
      i2c: (options) => new buses.i2c!.io(options as never),
      pulseCount: (options) => new buses.pulseCount!.io(options as never),
      digital: (options) => new buses.digital!.io(options as never),
      wifi: (options) => new network.wifi!.io(options),
      mqtt: (options) => new network.mqtt.io(options as never),
      ntp: (options) => new HostNtp(hal, options),
      keyValue: (options) => storage.keyValue.open(options as never),
      flash: (options) => storage.flash!.open(options as never),
      sha256: () => crypto!.sha256(),
      timer: ({ onTimer, ms }) => new HostTimer(clock, onTimer as () => void, ms as number),
    },
    classes: { stream },
    onFailure: listener.onFailure,
  };
}

/** An engine whose scripts have that platform. */
export function connectHal(
  hal: Hal,
  files: EngineFiles,
  limits: EngineLimits,
  listener: Listener,
): RemoteObjects {
  return new RemoteObjects(files, limits, reachableHal(hal, listener));
}
