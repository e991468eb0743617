import type { Config } from "../config";
import { type Hal, type MqttClient, type Timer, WIFI_CONNECTING, WIFI_HAS_ADDRESS, type WiFi } from "../hal";
import type { Outbox } from "./outbox";

/** Why a session has failed. A network that is not there is data, not a programming error. */
export type SessionCause = "wifi" | "broker" | "lost" | "deadline";

export class SessionFailure extends Error {
  override name = "SessionFailure";

  /** `detail`: what the platform said. */
  constructor(why: SessionCause, detail?: string) {
    super(detail === undefined ? why : `${why}: ${detail}`);
  }
}

/** Frames that are on their way at once: enough to fill a slow link, few enough for a small send buffer. */
const WINDOW = 4;
/** Fixed header, remaining length, topic length and packet id of a PUBLISH (MQTT 3.1.1 §3.3), at most. */
const PUBLISH_OVERHEAD_BYTES = 9;
const PACKET_IDS = 65_535;
/** MQTT asks of a resident to be heard of at least so often. */
const KEEPALIVE_MS = 60_000;
/** The platform does not try again, and the first association fails often enough. */
const ASSOCIATIONS = 3;
/** What a broker gets to close the connection after our DISCONNECT, as it must (MQTT 3.1.1 §3.14.4). */
const GOODBYE_MS = 500;
/**
 * A socket of the SDK closes in later turns of its event loop and of lwIP's task. When Wi-Fi goes before, lwIP frees
 * the connection under it.
 */
const SOCKET_CLOSE_MS = 20;

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
}

/** In the place of an outbox id, which counts from 1: nothing is to be acknowledged there. */
const NO_ID = 0;

export interface SessionOptions {
  hal: Hal;
  config: Readonly<Config>;
  device: string;
  outbox: Outbox;
  announcements: readonly Announcement[];
  /** Called when the broker has acknowledged all announcements. */
  onAnnounced: () => void;
  /** True drops what the broker has kept for this device. */
  clean: boolean;
  /** Called for each frame or event that the broker has acknowledged, before it leaves the outbox. */
  onAcknowledged: () => void;
  /** The connection was lost while nothing was under way. */
  onLost: () => void;
}

/**
 * One connection: link, time, broker, then everything that the outbox holds. A frame leaves the outbox only on its
 * PUBACK (QoS 1), so it is delivered at least once.
 */
export class Session {
  readonly #options: SessionOptions;
  #wifi: WiFi | undefined;
  #mqtt: MqttClient | undefined;
  #deadline: Timer | undefined;
  #settle: { resolve: () => void; reject: (failure: SessionFailure) => void } | undefined;
  #failure: SessionFailure | undefined;
  #changed = false;
  #sending = false;
  #window = WINDOW;
  #connected = false;
  #closing = false;
  /** Called when the broker has closed the connection that we want to end. */
  #onGone: (() => void) | undefined;
  #writable = 0;
  #packetId = 0;
  /** The rest of a frame that did not fit the send buffer in one go. */
  #rest: Uint8Array | undefined;
  #lastId = 0;
  /** How many announcements have been written, and how many of them acknowledged. */
  #announced = 0;
  #acknowledged = 0;
  /** Outbox id by packet id. */
  readonly #inFlight = new Map<number, number>();

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /**
   * Connects if need be, and sends what the outbox holds.
   * @param cautious one frame at a time, so that a link that breaks again and again still brings some through.
   * @throws SessionFailure; the session can only be closed then.
   */
  async send(cautious: boolean): Promise<void> {
    this.#window = cautious ? 1 : WINDOW;
    const { hal, config } = this.#options;
    this.#deadline = hal.clock.set(() => this.#fail("deadline"), config.awakeMs);
    this.#sending = true;
    try {
      if (!this.#wifi) await attempt("wifi", () => this.#associate());
      await hal.network.setTime?.();
      if (!this.#mqtt) await attempt("broker", () => this.#connect());
      await attempt("lost", () => this.#drain());
    } catch (error) {
      this.#failure ??= error as SessionFailure;
      throw error;
    } finally {
      this.#sending = false;
      hal.clock.clear(this.#deadline);
    }
  }

  /** Says goodbye, if there is someone to say it to, and closes everything. Never rejects. */
  async close(): Promise<void> {
    const { clock } = this.#options.hal;
    const mqtt = this.#mqtt;
    const wifi = this.#wifi;
    this.#closing = true;
    this.#mqtt = undefined;
    this.#wifi = undefined;
    clock.clear(this.#deadline);
    if (mqtt && this.#connected && !this.#failure && !this.#rest) await this.#sayGoodbye(mqtt);
    quietly(() => mqtt?.close());
    if (mqtt && wifi) await new Promise<void>((resolve) => clock.set(resolve, SOCKET_CLOSE_MS));
    quietly(() => wifi?.disconnect());
    quietly(() => wifi?.close());
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

  async #associate(): Promise<void> {
    const { hal, config } = this.#options;
    const { wifi } = hal.network;
    if (!wifi) return;
    const station = new wifi.io({
      onChanged: () => {
        if (this.#mqtt && station.connection < WIFI_HAS_ADDRESS) this.#fail("wifi");
        else this.#change();
      },
    });
    this.#wifi = station;
    let left = ASSOCIATIONS;
    while (station.connection < WIFI_HAS_ADDRESS) {
      if (station.connection < WIFI_CONNECTING) {
        if (left-- === 0) throw new SessionFailure("wifi");
        station.connect({ SSID: config.ssid, ...(config.wifiPassword && { password: config.wifiPassword }) });
      }
      await this.#next();
    }
  }

  async #connect(): Promise<void> {
    const { hal, config, device, clean } = this.#options;
    const { io, dns, socket } = hal.network.mqtt;
    this.#mqtt = new io({
      dns,
      socket,
      host: config.host,
      port: config.port,
      id: device,
      clean,
      keepalive: KEEPALIVE_MS,
      ...(config.user && { user: config.user, password: config.password }),
      onControl: (message) => {
        if (message.operation === io.CONNACK) this.#connected = true;
        else if (message.operation === io.PUBACK) this.#acknowledge(message.id!);
        this.#change();
      },
      onReadable: (count) => {
        this.#mqtt?.read(count);
      },
      onWritable: (count) => {
        this.#writable = count;
        this.#change();
      },
      onClose: () => this.#fail("lost"),
      onError: () => this.#fail(this.#connected ? "lost" : "broker"),
    });
    while (!this.#connected) await this.#next();
  }

  async #drain(): Promise<void> {
    for (;;) {
      while (this.#writeMore());
      if (!this.#inFlight.size) return;
      await this.#next();
    }
  }

  /** Writes one frame, or one more part of one. False when nothing can be written now. */
  #writeMore(): boolean {
    if (this.#rest) return this.#writeRest();
    if (this.#inFlight.size >= this.#window) return false;
    // Readers need announcements first; but a link that brings one message at a time must bring frames.
    if (this.#window > 1) return this.#writeAnnouncement() || this.#writeStored();
    return this.#writeStored() || this.#writeAnnouncement();
  }

  #writeAnnouncement(): boolean {
    const { announcements } = this.#options;
    if (this.#announced === announcements.length) return false;
    const { topic, payload } = announcements[this.#announced];
    const written = this.#write(topic, payload, NO_ID);
    if (written) this.#announced++;
    return written;
  }

  #writeStored(): boolean {
    const stored = this.#options.outbox.next(this.#lastId);
    if (!stored) return false;
    const { id, kind, point, payload } = stored;
    const written = this.#write(`${point}/${kind === "frame" ? "f" : "e"}`, payload, id);
    if (written) this.#lastId = id;
    return written;
  }

  /** Begins a message, retained without an outbox id. False when there is no room for a good part of it. */
  #write(level: string, payload: Uint8Array, id: number): boolean {
    const topic = `gm/${this.#options.device}/${level}`;
    const room = this.#writable - topic.length - PUBLISH_OVERHEAD_BYTES;
    // A sliver would only cost a segment: wait until a good part fits.
    if (room < Math.min(payload.length, 256)) return false;
    const part = payload.subarray(0, Math.min(payload.length, room));
    this.#packetId = (this.#packetId % PACKET_IDS) + 1;
    this.#inFlight.set(this.#packetId, id);
    const retain = id === NO_ID;
    const options = { topic, QoS: 1, retain, id: this.#packetId, byteLength: payload.length };
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
    const id = this.#inFlight.get(packetId);
    if (id === undefined) return;
    this.#inFlight.delete(packetId);
    if (id === NO_ID) {
      if (++this.#acknowledged === this.#options.announcements.length) this.#options.onAnnounced();
      return;
    }
    this.#options.onAcknowledged();
    this.#options.outbox.acknowledge(id);
  }

  /** Resolves at the next change, rejects when the session fails. A change in between is not missed. */
  async #next(): Promise<void> {
    if (!this.#changed && !this.#failure) {
      await new Promise<void>((resolve, reject) => {
        this.#settle = { resolve, reject };
      });
    }
    this.#changed = false;
    if (this.#failure) throw this.#failure;
  }

  #change(): void {
    this.#changed = true;
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.resolve();
  }

  #fail(why: SessionCause): void {
    this.#onGone?.();
    if (this.#failure || this.#closing) return;
    this.#failure = new SessionFailure(why);
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.reject(this.#failure);
    if (!this.#sending) this.#options.onLost();
  }
}
