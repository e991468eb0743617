import type { Clock, StaticAddress, WiFi, WiFiConstructor, WiFiOptions } from "../src/hal";
import { type AccessPoint, Air, checkChannel } from "./air";
import type { Link, LinkOperation } from "./link";

export interface WiFiSetup {
  clock: Clock;
  link: Link;
  /** What can be heard. Default: one access point that takes everybody. */
  air?: Air;
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
/** RFC 2131 §4.1: a client waits four seconds for an answer, then twice as long each time, up to a minute or so. */
const DHCP_RETRY_MS = 4000;
const LONGEST_DHCP_RETRY_MS = 64_000;
/** DISCOVER, OFFER, REQUEST, ACK. */
const DHCP_PACKETS = 4;

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

    get SSID(): string | undefined {
      return this.#open().SSID;
    }

    get BSSID(): string | undefined {
      return this.#open().accessPoint?.BSSID;
    }

    get channel(): number | undefined {
      return this.#open().accessPoint?.channel;
    }

    get RSSI(): number | undefined {
      return this.#open().accessPoint?.RSSI;
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

interface Association {
  accessPoint: AccessPoint;
  channel: number;
  SSID: string;
  /** The access point is not there any more, which the station has yet to notice. */
  isLost: boolean;
}

class Station {
  readonly listeners = new Set<(property: "connection" | "address") => void>();
  readonly #setup: WiFiSetup;
  readonly #air: Air;
  #connection = IDLE;
  #static: StaticAddress | undefined;
  #joined: Association | undefined;
  /** Counts attempts: what an earlier one had planned does not happen. */
  #attempt = 0;

  constructor(setup: WiFiSetup) {
    this.#setup = setup;
    this.#air = setup.air ?? new Air();
    setup.link.attach(false);
    setup.link.subscribe((event) => {
      if (event === "reset") this.#reset();
      else if (!setup.link.isWiFiUp) this.#lost();
    });
    this.#air.subscribe(() => {
      if (!this.#joined || this.#joined.isLost || isHeard(this.#joined)) return;
      setup.link.detach();
      this.#lost();
    });
  }

  get connection(): number {
    return this.#connection;
  }

  get address(): string | undefined {
    if (this.#connection !== HAS_ADDRESS) return undefined;
    return this.#static?.address ?? this.#joined?.accessPoint.address;
  }

  get accessPoint(): AccessPoint | undefined {
    return this.#joined?.accessPoint;
  }

  get SSID(): string | undefined {
    return this.#joined?.SSID;
  }

  /** A static address is there as soon as the station is associated. */
  configure(address: StaticAddress | false): void {
    this.#static = address === false ? undefined : { ...address };
    if (!this.#joined || this.#joined.isLost) return;
    this.#connection = ASSOCIATED;
    this.#setup.link.attach(false);
    this.#getAddress();
  }

  connect(credentials: Credentials): void {
    if (this.#connection === CONNECTING) throw new Error("wi-fi: already connecting");
    this.#become(CONNECTING);
    this.#setup.link.probe?.radio("on");
    const search = credentials.channel === undefined ? "associate" : "rejoin";
    this.#after(search, () => this.#associate(credentials));
  }

  disconnect(): void {
    this.#become(IDLE);
  }

  #associate({ SSID, password, channel }: Credentials): void {
    const { link, fails } = this.#setup;
    if (fails?.()) {
      this.#giveUp();
      return;
    }
    const accessPoint = link.isWiFiUp ? this.#air.find(SSID, channel) : undefined;
    if (!accessPoint) {
      this.#after(channel === undefined ? "notFound" : "notThere", () => this.#giveUp());
      return;
    }
    if (!accessPoint.admits(password)) {
      this.#giveUp();
      return;
    }
    this.#joined = { accessPoint, channel: accessPoint.channel, SSID, isLost: false };
    this.#connection = ASSOCIATED;
    this.#getAddress();
    this.#emit("connection");
  }

  #getAddress(): void {
    if (this.#static) this.#in(0, () => this.#addressed());
    else this.#askForAddress(DHCP_RETRY_MS);
  }

  #askForAddress(patienceMs: number): void {
    const { link } = this.#setup;
    const accessPoint = this.#joined!.accessPoint;
    this.#in(accessPoint.addressMs ?? link.latencyMs("address"), () => {
      if (accessPoint.dhcp === "refuses") this.#giveUp();
      else if (accessPoint.dhcp === "answers" && link.survive(DHCP_PACKETS)) this.#addressed();
      else this.#in(patienceMs, () => this.#askForAddress(Math.min(2 * patienceMs, LONGEST_DHCP_RETRY_MS)));
    });
  }

  /** With an address of another network nothing gets through, and the station does not know. */
  #addressed(): void {
    this.#connection = HAS_ADDRESS;
    this.#setup.link.probe?.radio("up");
    const { network } = this.#joined!.accessPoint;
    if (!this.#static || this.#static.address.startsWith(`${network}.`)) this.#setup.link.attach(true);
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
    if (this.#joined) this.#joined.isLost = true;
    this.#after("lost", () => this.#giveUp());
  }

  #reset(): void {
    this.listeners.clear();
    this.#static = undefined;
    this.#become(IDLE);
  }

  #become(connection: number): void {
    this.#attempt++;
    this.#connection = connection;
    this.#joined = undefined;
    if (connection === IDLE) this.#setup.link.probe?.radio("off");
    this.#setup.link.attach(false);
  }

  #after(operation: LinkOperation, callback: () => void): void {
    this.#in(this.#setup.link.latencyMs(operation), callback);
  }

  /** Nothing else that was planned will happen. */
  #in(ms: number, callback: () => void): void {
    const attempt = ++this.#attempt;
    this.#setup.clock.set(() => {
      if (attempt === this.#attempt) callback();
    }, ms);
  }

  #emit(property: "connection" | "address"): void {
    for (const listener of [...this.listeners]) {
      if (this.listeners.has(listener)) listener(property);
    }
  }
}

function isHeard({ accessPoint, channel }: Association): boolean {
  return accessPoint.isUp && accessPoint.channel === channel;
}

function checkCredentials({ SSID, password, channel }: Credentials): void {
  if (typeof SSID !== "string" || !SSID || SSID.length > SSID_CHARACTERS) {
    throw new RangeError(`wi-fi: SSID is "${SSID}", expected 1 to ${SSID_CHARACTERS} characters`);
  }
  if (password !== undefined && (typeof password !== "string" || password.length > PASSWORD_CHARACTERS)) {
    throw new RangeError(`wi-fi: password, expected at most ${PASSWORD_CHARACTERS} characters`);
  }
  if (channel !== undefined) checkChannel(channel);
}
