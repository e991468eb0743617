/** What an access point's DHCP server does with who asks. `refuses`: the station is sent away. */
export type Dhcp = "answers" | "silent" | "refuses";

export interface AccessPointSettings {
  /** Without one it answers to any name, and takes any password. */
  SSID?: string;
  password?: string;
  channel?: number;
  /** Six bytes in hexadecimal, with colons between. */
  BSSID?: string;
  /** dBm, at the station. */
  RSSI?: number;
  /** The first three numbers of all its addresses. */
  network?: string;
  dhcp?: Dhcp;
  /** What DHCP takes here; default: what the link says. */
  addressMs?: number;
}

const CHANNELS = 13;

/** One access point. It can go, come back, move to another channel, or change what its DHCP server does. */
export class AccessPoint {
  readonly SSID: string | undefined;
  readonly password: string | undefined;
  readonly BSSID: string;
  readonly network: string;
  readonly addressMs: number | undefined;
  RSSI: number;
  dhcp: Dhcp;
  readonly #onChange: () => void;
  #channel: number;
  #isUp = true;

  constructor(settings: AccessPointSettings, onChange: () => void) {
    const { SSID, password, channel = 6, RSSI = -60, network = "192.0.2", dhcp = "answers" } = settings;
    checkChannel(channel);
    this.SSID = SSID;
    this.password = password;
    this.BSSID = settings.BSSID ?? "02:00:00:00:00:01";
    this.network = network;
    this.addressMs = settings.addressMs;
    this.RSSI = RSSI;
    this.dhcp = dhcp;
    this.#channel = channel;
    this.#onChange = onChange;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  get channel(): number {
    return this.#channel;
  }

  /** What its DHCP server gives. */
  get address(): string {
    return `${this.network}.17`;
  }

  down(): void {
    this.#isUp = false;
    this.#onChange();
  }

  up(): void {
    this.#isUp = true;
    this.#onChange();
  }

  /** Its stations lose it. */
  moveTo(channel: number): void {
    checkChannel(channel);
    this.#channel = channel;
    this.#onChange();
  }

  answersTo(SSID: string, channel: number | undefined): boolean {
    const isThere = this.#isUp && (channel === undefined || channel === this.#channel);
    return isThere && (this.SSID === undefined || this.SSID === SSID);
  }

  admits(password: string | undefined): boolean {
    return this.SSID === undefined || this.password === password;
  }
}

/** All access points that a terminal can hear. */
export class Air {
  readonly accessPoints: readonly AccessPoint[];
  readonly #listeners = new Set<() => void>();

  /** Default: one that takes everybody. */
  constructor(accessPoints: readonly AccessPointSettings[] = [{}]) {
    this.accessPoints = accessPoints.map(
      (settings) =>
        new AccessPoint(settings, () => {
          for (const listener of [...this.#listeners]) listener();
        }),
    );
  }

  /** Called when an access point comes, goes or moves. */
  subscribe(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** The strongest that answers; with a channel, only there. */
  find(SSID: string, channel?: number): AccessPoint | undefined {
    let strongest: AccessPoint | undefined;
    for (const point of this.accessPoints) {
      if (point.answersTo(SSID, channel) && !(strongest && strongest.RSSI >= point.RSSI)) strongest = point;
    }
    return strongest;
  }
}

export function checkChannel(channel: number): void {
  if (!(Number.isInteger(channel) && channel >= 1 && channel <= CHANNELS)) {
    throw new RangeError(`wi-fi: channel is ${channel}, expected 1 to ${CHANNELS}`);
  }
}
