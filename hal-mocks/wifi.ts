import type { Clock, StaticAddress, WiFi, WiFiConstructor, WiFiOptions } from "../src/hal";
import type { Link } from "./link";

export interface WiFiSetup {
  clock: Clock;
  link: Link;
  /** The network there is. Without it, any SSID and password will do. */
  accessPoint?: { SSID: string; password?: string };
  address?: string;
  /** True fails an association, as a busy or distant access point does. */
  fails?: () => boolean;
}

/** Values of `connection` (ECMA-419 §17.2), as the SDK's class for ESP32 has them. */
const IDLE = 200;
const CONNECTING = 300;
const ASSOCIATED = 400;
const HAS_ADDRESS = 500;

const SSID_CHARACTERS = 32;
const PASSWORD_CHARACTERS = 64;
const CHANNELS = 13;

type Credentials = Parameters<WiFi["connect"]>[0];

/**
 * The Wi-Fi class of one terminal. From now on its link carries nothing until the station has an address.
 *
 * As on ESP32, the station outlives its instances: `close` does not disconnect, a new instance finds the state
 * that there is, a lost access point is not looked for again, and `disconnect` itself reports no change.
 */
export function createWiFi(setup: WiFiSetup): WiFiConstructor {
  const station = new Station(setup);

  return class implements WiFi {
    #station: Station | undefined;
    readonly #listener: (property: "connection" | "address") => void;

    constructor(options: WiFiOptions) {
      const { onChanged } = options;
      if (onChanged !== undefined && typeof onChanged !== "function") {
        throw new TypeError("wi-fi: onChanged is not a function");
      }
      this.#listener = (property) => onChanged?.call(this, property);
      this.#station = station;
      station.listeners.add(this.#listener);
    }

    get connection(): number {
      return this.#open().connection;
    }

    get address(): string | undefined {
      return this.#open().address;
    }

    connect(options: Credentials): void {
      const opened = this.#open();
      checkCredentials(options);
      opened.connect({ ...options });
    }

    disconnect(): void {
      this.#open().disconnect();
    }

    configure(options: { static: StaticAddress | false }): void {
      this.#open().configure(options.static);
    }

    close(): void {
      this.#station?.listeners.delete(this.#listener);
      this.#station = undefined;
    }

    #open(): Station {
      // A reset takes the instances with it; code that still holds one must not go on.
      if (!this.#station?.listeners.has(this.#listener)) throw new Error("wi-fi: it is closed");
      return this.#station;
    }
  };
}

class Station {
  readonly listeners = new Set<(property: "connection" | "address") => void>();
  readonly #setup: WiFiSetup;
  #connection = IDLE;
  #static: StaticAddress | undefined;
  /** Counts attempts: what an earlier one had planned does not happen. */
  #attempt = 0;

  constructor(setup: WiFiSetup) {
    this.#setup = setup;
    setup.link.attach(false);
    setup.link.subscribe((event) => {
      if (event === "reset") this.#reset();
      else if (!setup.link.isWiFiUp) this.#lost();
    });
  }

  get connection(): number {
    return this.#connection;
  }

  get address(): string | undefined {
    if (this.#connection !== HAS_ADDRESS) return undefined;
    return this.#static?.address ?? this.#setup.address ?? "192.0.2.17";
  }

  /** A static address is there as soon as the station is associated. */
  configure(address: StaticAddress | false): void {
    this.#static = address === false ? undefined : { ...address };
  }

  connect(credentials: Credentials): void {
    if (this.#connection === CONNECTING) throw new Error("wi-fi: already connecting");
    this.#become(CONNECTING);
    this.#after("associate", () => this.#associate(credentials));
  }

  disconnect(): void {
    this.#become(IDLE);
  }

  #associate(credentials: Credentials): void {
    const { link, accessPoint, fails } = this.#setup;
    if (fails?.()) {
      this.#giveUp();
      return;
    }
    const found = !accessPoint || accessPoint.SSID === credentials.SSID;
    if (!link.isWiFiUp || !found) {
      this.#after("notFound", () => this.#giveUp());
      return;
    }
    if (accessPoint && accessPoint.password !== credentials.password) {
      this.#giveUp();
      return;
    }
    this.#connection = ASSOCIATED;
    if (this.#static)
      this.#setup.clock.set(
        this.#ifCurrent(() => this.#addressed()),
        0,
      );
    else this.#after("address", () => this.#addressed());
    this.#emit("connection");
  }

  #addressed(): void {
    this.#connection = HAS_ADDRESS;
    this.#setup.link.attach(true);
    this.#emit("connection");
    this.#emit("address");
  }

  #giveUp(): void {
    this.#become(IDLE);
    this.#emit("connection");
  }

  /** A station finds out by missing beacons. */
  #lost(): void {
    if (this.#connection === IDLE) return;
    this.#after("lost", () => this.#giveUp());
  }

  #reset(): void {
    this.listeners.clear();
    this.#become(IDLE);
  }

  #become(connection: number): void {
    this.#attempt++;
    this.#connection = connection;
    this.#setup.link.attach(false);
  }

  #after(operation: "associate" | "address" | "notFound" | "lost", callback: () => void): void {
    this.#setup.clock.set(this.#ifCurrent(callback), this.#setup.link.latencyMs(operation));
  }

  #ifCurrent(callback: () => void): () => void {
    const attempt = ++this.#attempt;
    return () => {
      if (attempt === this.#attempt) callback();
    };
  }

  #emit(property: "connection" | "address"): void {
    for (const listener of [...this.listeners]) {
      if (this.listeners.has(listener)) listener(property);
    }
  }
}

function checkCredentials({ SSID, password, channel }: Credentials): void {
  if (typeof SSID !== "string" || !SSID || SSID.length > SSID_CHARACTERS) {
    throw new RangeError(`wi-fi: SSID is "${SSID}", expected 1 to ${SSID_CHARACTERS} characters`);
  }
  if (password !== undefined && (typeof password !== "string" || password.length > PASSWORD_CHARACTERS)) {
    throw new RangeError(`wi-fi: password, expected at most ${PASSWORD_CHARACTERS} characters`);
  }
  if (channel !== undefined && !(Number.isInteger(channel) && channel >= 1 && channel <= CHANNELS)) {
    throw new RangeError(`wi-fi: channel is ${channel}, expected 1 to ${CHANNELS}`);
  }
}
