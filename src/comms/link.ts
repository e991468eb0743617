import type { Config } from "../config";
import { type Hal, WIFI_CONNECTING, WIFI_HAS_ADDRESS, type WiFi } from "../hal";
import type { LinkState } from "../lowpower/state";
import { SessionFailure, type Waiter } from "./waiter";

/** ECMA-419 §17: from this value of `connection` on, the station is associated. */
const ASSOCIATED = 400;
/** The platform does not try again, and the first association fails often enough. */
const ASSOCIATIONS = 3;
/** A full scan takes some 2.5 s on ESP32, the handshake with an access point less than one. */
const ASSOCIATE_MS = 10_000;
/** DHCP asks again after 1, 2 and 4 s (lwIP). */
const ADDRESS_MS = 8_000;

/** The station: from nothing to an address, by what is known of the network if that still holds. */
export class Link {
  readonly #hal: Hal;
  readonly #config: Readonly<Config>;
  readonly #known: LinkState;
  readonly #waiter: Waiter;
  readonly #onLost: () => void;
  #station: WiFi | undefined;
  #isUp = false;

  /** @param onLost the network was there, and is gone. */
  constructor(hal: Hal, config: Readonly<Config>, known: LinkState, waiter: Waiter, onLost: () => void) {
    this.#hal = hal;
    this.#config = config;
    this.#known = known;
    this.#waiter = waiter;
    this.#onLost = onLost;
  }

  /** True also where the platform has no Wi-Fi and needs none. */
  get isUp(): boolean {
    return this.#isUp;
  }

  get hasRadio(): boolean {
    return this.#station !== undefined;
  }

  /** @throws SessionFailure "wifi" or "address". */
  async open(): Promise<void> {
    const { wifi } = this.#hal.network;
    if (wifi) await this.#associate(new wifi.io({ onChanged: () => this.#onChanged() }));
    this.#isUp = true;
  }

  close(): void {
    const station = this.#station;
    this.#station = undefined;
    this.#isUp = false;
    for (const step of [() => station?.disconnect(), () => station?.close()]) {
      try {
        step();
      } catch {
        // What fails while closing is closed all the same.
      }
    }
  }

  #onChanged(): void {
    if (this.#isUp && this.#station!.connection < WIFI_HAS_ADDRESS) this.#onLost();
    else this.#waiter.change();
  }

  /** Searches one channel first, where the access point was last; then all of them. */
  async #associate(station: WiFi): Promise<void> {
    this.#station = station;
    // A radio that rests makes each answer wait for a beacon: a sleeper has a handful of them, then sleeps.
    this.#hal.network.wifi?.savePower?.(this.#config.mode === "resident");
    const known = this.#known;
    const { address, mask, gateway } = this.#config;
    if (address && mask && gateway) station.configure({ static: { address, mask, gateway } });
    for (let left = ASSOCIATIONS; station.connection < ASSOCIATED; left--) {
      if (!left) throw new SessionFailure("wifi");
      if (station.connection < WIFI_CONNECTING) this.#connect(station);
      const isThere = await this.#waiter.until(
        () => station.connection >= ASSOCIATED,
        ASSOCIATE_MS,
        () => station.connection < WIFI_CONNECTING,
      );
      if (isThere) break;
      known.channel = 0;
      if (station.connection >= WIFI_CONNECTING) station.disconnect();
    }
    const hasAddress = await this.#waiter.until(
      () => station.connection >= WIFI_HAS_ADDRESS,
      ADDRESS_MS,
      () => station.connection < ASSOCIATED,
    );
    if (!hasAddress) throw new SessionFailure("address");
    known.channel = station.channel ?? 0;
  }

  #connect(station: WiFi): void {
    const { ssid, wifiPassword } = this.#config;
    const { channel } = this.#known;
    station.connect({
      SSID: ssid,
      ...(wifiPassword && { password: wifiPassword }),
      ...(channel && { channel }),
    });
  }
}
