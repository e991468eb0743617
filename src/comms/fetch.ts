import type { Clock, MqttConstructor } from "../hal";
import type { Waiter } from "./waiter";

/** Updates, as a session serves them: `Updater` in src/ota. */
export interface Updates {
  /** Where offers stand. */
  readonly offerTopic: string;
  /** Topics of up to `most` things that are to be fetched, each retained. */
  wanted(most: number): string[];
  /** A buffer for a message, or undefined when it is of no use. */
  accept(topic: string, byteLength: number): Uint8Array | undefined;
  /** A message that is whole. */
  take(topic: string, bytes: Uint8Array): void;
  /** What was asked for has not come. */
  miss(): void;
}

/** Of 4 KB each: what comes at once is less than what a small receive window and its flash can follow. */
const AT_ONCE = 4;
/** What a session fetches at most: the radio stays on for it. */
const MOST = 16;
/** How often the broker is asked whether it has said all, and how long it is listened to after each answer. */
const PINGS = 5;
const QUIET_MS = 2_000;
/** Before a session's budget is spent it stops: to end well costs less than to fail. Of a small budget it leaves a part. */
const RESERVE_MS = 5_000;
const RESERVE_SHARE = 4;

/** What a fetch needs of a session's connection. */
export interface Connection {
  clock: Clock;
  waiter: Waiter;
  io: MqttConstructor;
  /** Writes a SUBSCRIBE or UNSUBSCRIBE as soon as there is room, and waits for its acknowledgement. */
  ask: (operation: number, topics: readonly string[]) => Promise<void>;
  /** Asks for a PINGRESP, and waits for it. */
  ping: () => Promise<void>;
}

/** Fetches retained messages, a few at a time: subscribes to them, at QoS 0, and lets the subscription go again. */
export class Fetch {
  readonly #connection: Connection;
  readonly #updates: Updates;
  readonly #awaited = new Set<string>();
  /** The message that is coming. */
  #message: { topic: string; bytes: Uint8Array; filled: number } | undefined;

  constructor(connection: Connection, updates: Updates) {
    this.#connection = connection;
    this.#updates = updates;
  }

  /** A message begins; one that is none for updates is passed over. */
  begin(topic: string, byteLength: number): void {
    const bytes = this.#updates.accept(topic, byteLength);
    this.#message = bytes && { topic, bytes, filled: 0 };
  }

  /** More of the message that has begun, and whether that is all. */
  add(part: Uint8Array, isLast: boolean): void {
    const message = this.#message;
    if (!message) return;
    const { topic, bytes } = message;
    bytes.set(part.subarray(0, bytes.length - message.filled), message.filled);
    message.filled += part.length;
    if (!isLast) return;
    this.#message = undefined;
    if (message.filled !== bytes.length) return;
    this.#updates.take(topic, bytes);
    this.#awaited.delete(topic);
    this.#connection.waiter.change();
  }

  /**
   * @param leftMs of this session's budget.
   * @param awakeMs that budget.
   */
  async run(leftMs: number, awakeMs: number): Promise<void> {
    const { clock } = this.#connection;
    const end = clock.ticks + leftMs - Math.min(RESERVE_MS, awakeMs / RESERVE_SHARE);
    for (let left = MOST; left > 0 && clock.ticks < end; left -= AT_ONCE) {
      const topics = this.#updates.wanted(Math.min(AT_ONCE, left));
      if (!topics.length) return;
      if (await this.#fetch(topics, end)) continue;
      if (clock.ticks < end) this.#updates.miss();
      return;
    }
  }

  /** False when not all of it has come. */
  async #fetch(topics: readonly string[], end: number): Promise<boolean> {
    const { io, ask, ping, waiter, clock } = this.#connection;
    const awaited = this.#awaited;
    awaited.clear();
    for (const topic of topics) awaited.add(topic);
    await ask(io.SUBSCRIBE, topics);
    for (let pings = 0; awaited.size && pings < PINGS && clock.ticks < end; pings++) {
      // What the broker had to say is said before its answer, or soon after.
      await ping();
      let last = awaited.size;
      while (awaited.size && (await waiter.until(() => awaited.size < last, QUIET_MS))) last = awaited.size;
    }
    // The broker would keep the subscription, and an empty message there would hold up the SDK's client for ever.
    await ask(io.UNSUBSCRIBE, topics);
    return awaited.size === 0;
  }
}
