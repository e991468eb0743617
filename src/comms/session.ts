import type { Config } from "../config";
import type { Hal, MqttClient, MqttMessage, MqttReadableOptions, Timer } from "../hal";
import type { LinkState } from "../lowpower/state";
import { Fetch, type Updates } from "./fetch";
import { Link } from "./link";
import type { Outbox, StoredRecord } from "./outbox";
import { type SessionCause, SessionFailure, Waiter } from "./waiter";

/** Frames that are on their way at once: enough to fill a slow link, few enough for a small send buffer. */
const WINDOW = 4;
/** Fixed header, remaining length, topic length and packet id of a PUBLISH (MQTT 3.1.1 §3.3), at most. */
const PUBLISH_OVERHEAD_BYTES = 9;
/** An item of SUBSCRIBE takes, beside its topic, the length of that and a byte (§3.8.3). */
const ITEM_BYTES = 3;
const PACKET_IDS = 65_535;
/** MQTT asks of a resident to be heard of at least so often. */
const KEEPALIVE_MS = 60_000;
/** Name resolution, TCP and CONNACK; a broker that needs longer is as good as down. */
const BROKER_MS = 10_000;
/** What a broker gets to close the connection after our DISCONNECT, as it must (MQTT 3.1.1 §3.14.4). */
const GOODBYE_MS = 500;
/**
 * A socket of the SDK closes in later turns of its event loop and of lwIP's task. When Wi-Fi goes before, lwIP frees
 * the connection under it.
 */
const SOCKET_CLOSE_MS = 20;
/** Of a wish, which is a number. */
const WISH_CHARACTERS = 20;

/** A platform may throw where a network is not as it should be: that is this session's failure, not the node's. */
async function attempt(why: SessionCause, step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch (error) {
    throw error instanceof SessionFailure ? error : new SessionFailure(why, String(error));
  }
}

/** What fails while closing is closed all the same. */
function quietly(step: () => void): void {
  try {
    step();
  } catch {
    // There is nothing left to do, and nobody to tell.
  }
}

/** A retained message that is sent beside the frames. */
export interface Announcement {
  /** Behind `gm/<device>/`. */
  topic: string;
  payload: Uint8Array;
  onAcknowledged: () => void;
}

export interface SessionOptions {
  hal: Hal;
  config: Readonly<Config>;
  device: string;
  outbox: Outbox;
  /** What earlier sessions have found out; this one adds to it. */
  known: LinkState;
  /** Sets the clock if that is due. Never rejects. */
  setTime: () => Promise<void>;
  /** What is sent of a record: a frame may get its date only now. */
  dated: (stored: StoredRecord) => Uint8Array;
  /** Asked for at the beginning of each `send`. */
  announcements: () => Announcement[];
  /** What the broker publishes, retained, on `gm/<device>/s` when it misses this terminal. */
  will: string;
  /** True drops what the broker has kept for this device. */
  clean: boolean;
  /** Called for each frame that the broker has acknowledged. */
  onAcknowledged: () => void;
  /** Until when, in Unix seconds, somebody wishes this terminal to stay up. */
  onWish: (until: number) => void;
  /** The connection was lost while nothing was under way. */
  onLost: () => void;
  /** Fetched behind all that is to be sent. */
  updates?: Updates;
  /** Asks the broker for what is offered: it keeps the subscription, so this need not be said in each session. */
  asksForOffers?: boolean;
}

/** What was sent and waits for its acknowledgement. */
type Sent = { id: number } | { announcement: Announcement } | "subscription";

/**
 * One connection: link, time, broker, then everything that the outbox holds. A frame leaves the outbox only on its
 * PUBACK (QoS 1), so it is delivered at least once.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #waiter: Waiter;
  readonly #link: Link;
  #mqtt: MqttClient | undefined;
  #deadline: Timer | undefined;
  #sending = false;
  #window = WINDOW;
  #connected = false;
  #wasConnected = false;
  #closing = false;
  /** Called when the broker has closed the connection that we want to end. */
  #onGone: (() => void) | undefined;
  #writable = 0;
  #packetId = 0;
  /** The rest of a frame that did not fit the send buffer in one go. */
  #rest: Uint8Array | undefined;
  #lastId = 0;
  #announcements: Announcement[] = [];
  #isSubscribed = false;
  /** The beginning of a wish. */
  #wish: string | undefined;
  readonly #fetch: Fetch | undefined;
  #pongs = 0;
  readonly #inFlight = new Map<number, Sent>();

  constructor(options: SessionOptions) {
    const { hal, config, known } = options;
    this.#options = options;
    this.#waiter = new Waiter(hal.clock);
    this.#link = new Link(hal, config, known, this.#waiter, () => this.#fail("wifi"));
    this.#fetch = options.updates && this.#newFetch(options.updates);
  }

  /** A broker has taken us in: it publishes the last will unless we say goodbye. */
  get wasConnected(): boolean {
    return this.#wasConnected;
  }

  /**
   * Connects if need be, and sends what the outbox holds.
   * @param cautious one frame at a time, so that a link that breaks again and again still brings some through.
   * @param fetches updates as well, as far as the budget goes.
   * @throws SessionFailure; the session can only be closed then.
   */
  async send(cautious: boolean, fetches: boolean): Promise<void> {
    this.#window = cautious ? 1 : WINDOW;
    const { hal, config, setTime, announcements } = this.#options;
    const begun = hal.clock.ticks;
    this.#deadline = hal.clock.set(() => this.#fail("deadline"), config.awakeMs);
    this.#sending = true;
    try {
      if (!this.#link.isUp) await attempt("wifi", () => this.#link.open());
      await this.#untilSet(setTime());
      if (!this.#mqtt) await attempt("broker", () => this.#connect());
      this.#announcements = announcements();
      await attempt("lost", () => this.#drain());
      if (fetches) await attempt("lost", () => this.#fetchUpdates(begun + config.awakeMs));
    } catch (error) {
      this.#waiter.fail(error as SessionFailure);
      throw error;
    } finally {
      this.#sending = false;
      hal.clock.clear(this.#deadline);
    }
  }

  /** Rejects when the session fails meanwhile; whoever sets the clock then does so in vain. */
  async #untilSet(setting: Promise<void>): Promise<void> {
    let isDone = false;
    void setting.then(() => {
      isDone = true;
      this.#waiter.change();
    });
    await this.#waiter.until(() => isDone, this.#options.config.awakeMs);
  }

  /** Says goodbye, if there is someone to say it to, and closes everything. Never rejects. */
  async close(): Promise<void> {
    const { clock } = this.#options.hal;
    const mqtt = this.#mqtt;
    this.#closing = true;
    this.#mqtt = undefined;
    clock.clear(this.#deadline);
    if (mqtt && this.#connected && !this.#waiter.failure && !this.#rest) await this.#sayGoodbye(mqtt);
    quietly(() => mqtt?.close());
    if (mqtt && this.#link.hasRadio) await this.#socketToClose();
    this.#link.close();
  }

  #socketToClose(): Promise<void> {
    const { clock } = this.#options.hal;
    return new Promise((resolve) => void clock.set(resolve, SOCKET_CLOSE_MS));
  }

  /** Without a DISCONNECT that has arrived, the broker takes us for dead, and publishes a last will. */
  async #sayGoodbye(mqtt: MqttClient): Promise<void> {
    const { clock, network } = this.#options.hal;
    try {
      mqtt.write(null, { operation: network.mqtt.io.DISCONNECT });
    } catch {
      return;
    }
    let timer: Timer | undefined;
    await new Promise<void>((resolve) => {
      this.#onGone = resolve;
      timer = clock.set(resolve, GOODBYE_MS);
    });
    clock.clear(timer);
  }

  // ---- The broker ----

  /** Asks the broker that was there last, then the other one. */
  async #connect(): Promise<void> {
    const { known, config } = this.#options;
    const { host, port, host2, port2 } = config;
    const brokers = host2
      ? [
          { host, port },
          { host: host2, port: port2 },
        ]
      : [{ host, port }];
    const first = known.broker % brokers.length;
    for (let turn = 0; turn < brokers.length; turn++) {
      const index = (first + turn) % brokers.length;
      const failure = await this.#connectTo(brokers[index]);
      if (!failure) {
        known.broker = index;
        return;
      }
      if (turn === brokers.length - 1) throw failure;
    }
  }

  /** @returns why this broker will not do. */
  async #connectTo(broker: { host: string; port: number }): Promise<SessionFailure | undefined> {
    let failure: SessionFailure | undefined;
    const fail = (why: SessionCause, detail?: string) => {
      failure ??= new SessionFailure(why, detail);
      this.#waiter.change();
    };
    try {
      this.#mqtt = this.#client(broker, fail);
      const isThere = await this.#waiter.until(
        () => this.#connected,
        BROKER_MS,
        () => failure !== undefined,
      );
      if (isThere) return undefined;
    } catch (error) {
      if (error instanceof SessionFailure) throw error;
      fail("broker", String(error));
    }
    const mqtt = this.#mqtt;
    this.#mqtt = undefined;
    if (mqtt) {
      quietly(() => mqtt.close());
      await this.#socketToClose();
    }
    return failure ?? new SessionFailure("broker");
  }

  /** @param fail what ends this attempt; once connected, failures are the session's. */
  #client(broker: { host: string; port: number }, fail: (why: SessionCause, detail?: string) => void) {
    const { hal, config, device, clean, will } = this.#options;
    const { io, dns, socket } = hal.network.mqtt;
    const end = (why: SessionCause) => (this.#connected ? this.#fail("lost") : fail(why));
    return new io({
      dns,
      socket,
      ...broker,
      id: device,
      clean,
      keepalive: KEEPALIVE_MS,
      will: { topic: `gm/${device}/s`, message: will, QoS: 1, retain: true },
      ...(config.user && { user: config.user, password: config.password }),
      // A CONNACK that refuses comes as an error.
      onControl: (message) => this.#onControl(message),
      onReadable: (count, options) => this.#read(count, options),
      onWritable: (count) => {
        this.#writable = count;
        this.#waiter.change();
      },
      onClose: () => end("lost"),
      onError: () => end("broker"),
    });
  }

  #onControl(message: MqttMessage): void {
    const { io } = this.#options.hal.network.mqtt;
    if (message.operation === io.CONNACK) {
      this.#connected = true;
      this.#wasConnected = true;
    } else if (message.operation === io.PINGRESP) this.#pongs++;
    else if (message.id !== undefined) this.#acknowledge(message.id);
    this.#waiter.change();
  }

  /** Wishes and updates are for us. */
  #read(count: number, { topic, more, byteLength = 0 }: MqttReadableOptions): void {
    const bytes = this.#mqtt?.read(count);
    if (topic !== undefined) {
      this.#wish = topic === `gm/${this.#options.device}/w` ? "" : undefined;
      this.#fetch?.begin(topic, byteLength);
    }
    if (!bytes) return;
    if (this.#wish === undefined) {
      this.#fetch?.add(new Uint8Array(bytes), !more);
      return;
    }
    if (this.#wish.length < WISH_CHARACTERS) this.#wish += String.fromCharCode(...new Uint8Array(bytes));
    const until = Number(this.#wish);
    if (!more && this.#wish !== "" && Number.isSafeInteger(until) && until >= 0) this.#options.onWish(until);
  }

  // ---- Updates ----

  #newFetch(updates: Updates): Fetch {
    const { clock, network } = this.#options.hal;
    const { io } = network.mqtt;
    return new Fetch({ clock, waiter: this.#waiter, io, ask: this.#ask, ping: this.#ping }, updates);
  }

  async #fetchUpdates(end: number): Promise<void> {
    const { hal, asksForOffers } = this.#options;
    if (!this.#fetch) return;
    // What the broker keeps for us may still be on its way.
    if (asksForOffers && !this.#pongs) await this.#ping();
    await this.#fetch.run(end - hal.clock.ticks, this.#options.config.awakeMs);
  }

  /** Writes a SUBSCRIBE or UNSUBSCRIBE as soon as there is room, and waits for its acknowledgement. */
  readonly #ask = async (operation: number, topics: readonly string[]): Promise<void> => {
    let bytes = PUBLISH_OVERHEAD_BYTES;
    for (const topic of topics) bytes += topic.length + ITEM_BYTES;
    while (this.#writable < bytes) await this.#waiter.next();
    const id = this.#nextPacket("subscription");
    this.#writable = this.#mqtt!.write(null, { operation, id, items: topics.map((topic) => ({ topic })) });
    while (this.#inFlight.has(id)) await this.#waiter.next();
  };

  readonly #ping = async (): Promise<void> => {
    const { PINGREQ } = this.#options.hal.network.mqtt.io;
    const pongs = this.#pongs;
    this.#writable = this.#mqtt!.write(null, { operation: PINGREQ });
    while (this.#pongs === pongs) await this.#waiter.next();
  };

  // ---- Sending ----

  async #drain(): Promise<void> {
    for (;;) {
      while (this.#writeMore());
      if (!this.#inFlight.size && !this.#rest) return;
      await this.#waiter.next();
    }
  }

  /** Writes one message, or one more part of one. False when nothing can be written now. */
  #writeMore(): boolean {
    if (this.#rest) return this.#writeRest();
    if (this.#inFlight.size >= this.#window) return false;
    if (!this.#isSubscribed) return this.#subscribe();
    // Readers need announcements first; but a link that brings one message at a time must bring frames.
    if (this.#window > 1) return this.#writeAnnouncement() || this.#writeStored();
    return this.#writeStored() || this.#writeAnnouncement();
  }

  #subscribe(): boolean {
    const { hal, device, updates, asksForOffers } = this.#options;
    const items = [{ topic: `gm/${device}/w`, QoS: 1 }];
    if (updates && asksForOffers) items.push({ topic: updates.offerTopic, QoS: 1 });
    let bytes = PUBLISH_OVERHEAD_BYTES;
    for (const { topic } of items) bytes += topic.length + ITEM_BYTES;
    if (this.#writable < bytes) return false;
    const id = this.#nextPacket("subscription");
    const operation = hal.network.mqtt.io.SUBSCRIBE;
    this.#writable = this.#mqtt!.write(null, { operation, id, items });
    this.#isSubscribed = true;
    return true;
  }

  #writeAnnouncement(): boolean {
    const [announcement] = this.#announcements;
    if (!announcement) return false;
    const written = this.#write(announcement.topic, announcement.payload, { announcement }, true);
    if (written) this.#announcements.shift();
    return written;
  }

  #writeStored(): boolean {
    const stored = this.#options.outbox.next(this.#lastId);
    if (!stored) return false;
    const { id, kind, point } = stored;
    const payload = this.#options.dated(stored);
    const written = this.#write(`${point}/${kind === "event" ? "e" : "f"}`, payload, { id }, false);
    if (written) this.#lastId = id;
    return written;
  }

  #nextPacket(sent: Sent): number {
    this.#packetId = (this.#packetId % PACKET_IDS) + 1;
    this.#inFlight.set(this.#packetId, sent);
    return this.#packetId;
  }

  /** Begins a message. False when there is no room for a good part of it. */
  #write(level: string, payload: Uint8Array, sent: Sent, retain: boolean): boolean {
    const topic = `gm/${this.#options.device}/${level}`;
    const room = this.#writable - topic.length - PUBLISH_OVERHEAD_BYTES;
    // A sliver would only cost a segment: wait until a good part fits.
    if (room < Math.min(payload.length, 256)) return false;
    const part = payload.subarray(0, Math.min(payload.length, room));
    const options = { topic, QoS: 1, retain, id: this.#nextPacket(sent), byteLength: payload.length };
    this.#writable = this.#mqtt!.write(part, options);
    if (part.length < payload.length) this.#rest = payload.subarray(part.length);
    return true;
  }

  #writeRest(): boolean {
    const rest = this.#rest!;
    const part = rest.subarray(0, Math.min(rest.length, this.#writable));
    if (!part.length) return false;
    this.#rest = part.length < rest.length ? rest.subarray(part.length) : undefined;
    // The standard continues a message by a write without options.
    this.#writable = this.#mqtt!.write(part);
    return true;
  }

  #acknowledge(packetId: number): void {
    const sent = this.#inFlight.get(packetId);
    if (sent === undefined) return;
    this.#inFlight.delete(packetId);
    if (sent === "subscription") return;
    if ("announcement" in sent) {
      sent.announcement.onAcknowledged();
      return;
    }
    this.#options.outbox.acknowledge(sent.id);
    this.#options.onAcknowledged();
  }

  // ---- Failing ----

  #fail(why: SessionCause): void {
    this.#onGone?.();
    if (this.#waiter.failure || this.#closing) return;
    this.#waiter.fail(new SessionFailure(why));
    if (!this.#sending) this.#options.onLost();
  }
}
