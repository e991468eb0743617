import type { PowerProbe } from "./energy/probe";
import type { Random } from "./random";

/**
 * Everything on the way to the broker that takes time. `rejoin` and `notThere` are `associate` and `notFound` where
 * only one channel is searched; `handshake` and `resume` are what TLS adds to a connection.
 */
export type LinkOperation =
  | "associate"
  | "rejoin"
  | "address"
  | "notFound"
  | "notThere"
  | "resolve"
  | "tcpConnect"
  | "handshake"
  | "resume"
  | "roundTrip"
  | "refused"
  | "noRoute"
  | "lost";

/** Virtual milliseconds, by operation. */
export type LinkLatencies = Record<`${LinkOperation}Ms`, number>;

/** What an operation takes this time. */
export type Spread = (ms: number, operation: LinkOperation) => number;

export interface LinkSettings extends Partial<LinkLatencies> {
  spread?: Spread;
  /** Decides which packets are lost. Without it none can be. */
  random?: Random;
}

/** What a question and its answer take over TCP, which sends again what is lost. */
export interface Exchange {
  ms: number;
  /** TCP has given up, and the connection with it, after `ms`. */
  isLost: boolean;
}

/**
 * `down`: connections on the link are lost, and find out later. `reset`: the terminal itself is gone (deep sleep,
 * power loss), and its connections with it, without a callback.
 */
export type LinkEvent = "down" | "reset";

/** What a network client needs to know of its link. */
export interface LinkModel {
  /** Who counts the charge of what goes over the link; nobody does by default. */
  readonly probe?: PowerProbe | undefined;
  /** Whether packets get through. */
  readonly isUp: boolean;
  latencyMs(operation: LinkOperation): number;
  /** An exchange over TCP that begins now. */
  exchange(operation: LinkOperation): Exchange;
  /** What a question and its answer take as datagrams; undefined when one of the two does not get through. */
  datagramMs(operation: LinkOperation): number | undefined;
  /** Returns the function that ends the subscription. */
  subscribe(listener: (event: LinkEvent) => void): () => void;
  /** A socket begins to close; the returned function says that it has. */
  beginClose(): () => void;
}

/**
 * A search of all channels goes before `associate`, which with ESP-IDF's 120 ms for each is most of it. A handshake is
 * what ESP32 takes for one in full; resuming a session saves all but its round trips.
 */
const DEFAULTS: LinkLatencies = {
  associateMs: 900,
  rejoinMs: 300,
  addressMs: 600,
  notFoundMs: 2_400,
  notThereMs: 500,
  resolveMs: 30,
  tcpConnectMs: 30,
  handshakeMs: 1_500,
  resumeMs: 100,
  roundTripMs: 30,
  refusedMs: 50,
  noRouteMs: 3_000,
  lostMs: 2_000,
};

/** RFC 6298 §2.1 and §5.5: TCP waits a second before it sends again, and each time twice as long as before. */
const RETRANSMISSION_MS = 1000;
/** After so many it gives up: lwIP's TCP_SYNMAXRTX. */
const RETRANSMISSIONS = 6;

/** Latencies that lie evenly within a share of what they are on average. Same seed, same latencies. */
export function evenSpread(random: Random, share: number): Spread {
  if (!(share >= 0 && share <= 1)) throw new RangeError(`link: a spread of ${share}, expected 0 to 1`);
  return (ms) => ms * (1 - share + 2 * share * random.unit());
}

/** One terminal's way to the broker: its radio, and the network behind the access point. */
export class Link implements LinkModel {
  readonly #latencies: LinkLatencies;
  readonly #spread: Spread | undefined;
  readonly #random: Random | undefined;
  readonly #listeners = new Set<(event: LinkEvent) => void>();
  #network = true;
  #wifi = true;
  #attached = true;
  #closing = 0;
  #loss = 0;
  probe: PowerProbe | undefined;
  /** How often the station went while a socket was closing: lwIP then frees the connection under the SDK's socket. */
  tornSockets = 0;

  constructor({ spread, random, ...latencies }: LinkSettings = {}) {
    for (const [name, ms] of Object.entries(latencies)) {
      if (!(name in DEFAULTS)) throw new RangeError(`link: there is no setting ${name}`);
      if (ms !== undefined && !(ms >= 0)) {
        throw new RangeError(`link: ${name} is ${ms}, expected a number of at least 0`);
      }
    }
    this.#latencies = { ...DEFAULTS, ...latencies };
    this.#spread = spread;
    this.#random = random;
  }

  get isUp(): boolean {
    return this.#network && this.#wifi && this.#attached;
  }

  /** Whether the access point can be heard. */
  get isWiFiUp(): boolean {
    return this.#wifi;
  }

  latencyMs(operation: LinkOperation): number {
    const ms = this.#takes(operation);
    this.probe?.operation(operation, ms);
    return ms;
  }

  #takes(operation: LinkOperation): number {
    const ms = this.#latencies[`${operation}Ms`];
    return this.#spread ? this.#spread(ms, operation) : ms;
  }

  /** How likely each packet is to get lost, either way. */
  get loss(): number {
    return this.#loss;
  }

  set loss(loss: number) {
    if (!(loss >= 0 && loss <= 1)) throw new RangeError(`link: a loss of ${loss}, expected 0 to 1`);
    if (loss && !this.#random) throw new TypeError("link: to lose packets it needs a generator, `random`");
    this.#loss = loss;
  }

  /** Whether so many packets get through, one after the other, where the link is up. */
  survive(packets: number): boolean {
    for (let packet = 0; packet < packets; packet++) {
      if (this.#loss && this.#random!.unit() < this.#loss) return false;
    }
    return true;
  }

  exchange(operation: LinkOperation): Exchange {
    let ms = this.#takes(operation);
    let wait = RETRANSMISSION_MS;
    let sent = 0;
    while (sent <= RETRANSMISSIONS && !this.survive(2)) {
      ms += wait;
      wait *= 2;
      sent++;
    }
    this.probe?.operation(operation, ms);
    return { ms, isLost: sent > RETRANSMISSIONS };
  }

  datagramMs(operation: LinkOperation): number | undefined {
    return this.isUp && this.survive(2) ? this.latencyMs(operation) : undefined;
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

  /** Wi-Fi's to call: the access point is gone, which no firmware can help. */
  detach(): void {
    this.#attached = false;
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
