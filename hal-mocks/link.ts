/** Everything on the way to the broker that takes time. */
export type LinkOperation =
  | "associate"
  | "address"
  | "notFound"
  | "resolve"
  | "tcpConnect"
  | "roundTrip"
  | "refused"
  | "noRoute"
  | "lost";

/** Virtual milliseconds, by operation. */
export type LinkLatencies = Record<`${LinkOperation}Ms`, number>;

export interface LinkSettings extends Partial<LinkLatencies> {
  /** What an operation takes this time. Take it from a seeded generator, or runs will not repeat. */
  spread?: (ms: number, operation: LinkOperation) => number;
}

/**
 * `down`: connections on the link are lost, and find out later. `reset`: the terminal itself is gone (deep sleep,
 * power loss), and its connections with it, without a callback.
 */
export type LinkEvent = "down" | "reset";

/** What a network client needs to know of its link. */
export interface LinkModel {
  /** Whether packets get through. */
  readonly isUp: boolean;
  latencyMs(operation: LinkOperation): number;
  /** Returns the function that ends the subscription. */
  subscribe(listener: (event: LinkEvent) => void): () => void;
  /** A socket begins to close; the returned function says that it has. */
  beginClose(): () => void;
}

const DEFAULTS: LinkLatencies = {
  associateMs: 900,
  addressMs: 600,
  notFoundMs: 2_400,
  resolveMs: 30,
  tcpConnectMs: 30,
  roundTripMs: 30,
  refusedMs: 50,
  noRouteMs: 3_000,
  lostMs: 2_000,
};

/** One terminal's way to the broker: its radio, and the network behind the access point. */
export class Link implements LinkModel {
  readonly #latencies: LinkLatencies;
  readonly #spread: LinkSettings["spread"];
  readonly #listeners = new Set<(event: LinkEvent) => void>();
  #network = true;
  #wifi = true;
  #attached = true;
  #closing = 0;
  /** How often the station went while a socket was closing: lwIP then frees the connection under the SDK's socket. */
  tornSockets = 0;

  constructor({ spread, ...latencies }: LinkSettings = {}) {
    for (const [name, ms] of Object.entries(latencies)) {
      if (!(name in DEFAULTS)) throw new RangeError(`link: there is no setting ${name}`);
      if (ms !== undefined && !(ms >= 0)) {
        throw new RangeError(`link: ${name} is ${ms}, expected a number of at least 0`);
      }
    }
    this.#latencies = { ...DEFAULTS, ...latencies };
    this.#spread = spread;
  }

  get isUp(): boolean {
    return this.#network && this.#wifi && this.#attached;
  }

  /** Whether the access point can be heard. */
  get isWiFiUp(): boolean {
    return this.#wifi;
  }

  latencyMs(operation: LinkOperation): number {
    const ms = this.#latencies[`${operation}Ms`];
    return this.#spread ? this.#spread(ms, operation) : ms;
  }

  subscribe(listener: (event: LinkEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  beginClose(): () => void {
    this.#closing++;
    return () => {
      this.#closing--;
    };
  }

  /** `network`: the access point stays, but nothing gets past it. */
  down(what: "network" | "wifi" = "network"): void {
    if (what === "wifi") this.#wifi = false;
    else this.#network = false;
    this.#emit("down");
  }

  up(what: "network" | "wifi" = "network"): void {
    if (what === "wifi") this.#wifi = true;
    else this.#network = true;
  }

  /** Wi-Fi's to call: whether the terminal has an address. A link that no Wi-Fi was made for is a cable. */
  attach(attached: boolean): void {
    if (attached === this.#attached) return;
    this.#attached = attached;
    if (attached) return;
    if (this.#closing) this.tornSockets++;
    this.#emit("down");
  }

  /** The terminal sleeps deeply or has lost its power: all that it had open is gone. */
  reset(): void {
    this.#emit("reset");
  }

  #emit(event: LinkEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }
}
