import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import mqtt, { type MqttClient } from "mqtt";
import { Failure } from "./cli/command";

export interface SubscriberOptions {
  filter: string;
  /** A further filter, whose retained messages a broker sends before others. */
  first?: string;
  /** The subscriber can publish already, though `connect` may not have resolved yet. */
  onMessage: (topic: string, payload: Uint8Array, subscriber: Subscriber) => void;
  /** The connection was lost, and is being sought again. Said once for each loss. */
  onLost?: () => void;
  /** The connection is there again. */
  onRestored?: () => void;
  /** A way to the broker without a socket; the URL is only for messages then. */
  stream?: () => Duplex;
}

const RECONNECT_MS = 100;
const CONNECT_TIMEOUT_MS = 5_000;
/** How long an end may take to tell the broker that nobody will come back. */
const FORGET_TIMEOUT_MS = 1_000;
/** How long an end waits for what was published to be acknowledged. */
const PUBLISH_TIMEOUT_MS = 1_000;
const BARRIER_RETRY_MS = 500;
const BARRIER_TIMEOUT_MS = 15_000;

/** A subscriber at QoS 1 that keeps its session, and comes back when the broker does. */
export class Subscriber {
  readonly #client: MqttClient;
  readonly #url: string;
  readonly #id: string;
  readonly #marker: string;
  readonly #barriers = new Map<string, () => void>();
  /** Published, and not acknowledged yet. */
  readonly #publishing = new Set<Promise<unknown>>();
  #count = 0;

  private constructor(client: MqttClient, url: string, id: string, options: SubscriberOptions) {
    this.#client = client;
    this.#url = url;
    this.#id = id;
    this.#marker = `gms/${id}`;
    client.on("message", (topic, payload) => {
      if (topic === this.#marker) this.#barriers.get(payload.toString())?.();
      else options.onMessage(topic, payload, this);
    });
    let lost = false;
    client.on("close", () => {
      if (!lost) options.onLost?.();
      lost = true;
    });
    client.on("connect", () => {
      if (lost) options.onRestored?.();
      lost = false;
    });
    // Until the broker is back, each attempt is an error of its own; `onLost` has said it once.
    client.on("error", () => {});
  }

  /** @throws Failure when there is no broker, or it refuses. */
  static async connect(url: string, options: SubscriberOptions): Promise<Subscriber> {
    const id = `gridmote-${randomBytes(6).toString("hex")}`;
    const { host } = new URL(url);
    let client: MqttClient;
    try {
      const settings = {
        clientId: id,
        clean: false,
        connectTimeout: CONNECT_TIMEOUT_MS,
        reconnectPeriod: RECONNECT_MS,
      };
      client = await (options.stream
        ? connected(new mqtt.MqttClient(options.stream, settings))
        : mqtt.connectAsync(url, settings, false));
    } catch (error) {
      throw new Failure(explain(error, `mqtt://${host}`));
    }
    const subscriber = new Subscriber(client, url, id, options);
    try {
      await subscriber.#subscribe(options);
    } catch (error) {
      await subscriber.close();
      throw new Failure(`the broker at mqtt://${host} refuses "${options.filter}" (${reasonOf(error)})`);
    }
    return subscriber;
  }

  async #subscribe({ first, filter }: SubscriberOptions): Promise<void> {
    const filters = [...(first === undefined ? [] : [first]), filter, this.#marker];
    const granted = this.#client.subscribeAsync(
      Object.fromEntries(filters.map((name) => [name, { qos: 1 as const }])),
    );
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("no answer")), CONNECT_TIMEOUT_MS);
    });
    try {
      await Promise.race([granted, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Resolves when everything that the broker had for us before this call has been delivered. */
  async barrier(): Promise<void> {
    const number = String(++this.#count);
    let deadline: NodeJS.Timeout | undefined;
    const publish = () => void this.#client.publishAsync(this.#marker, number, { qos: 1 }).catch(() => {});
    // A broker that has come back without its sessions drops what comes before we have subscribed again.
    const again = setInterval(publish, BARRIER_RETRY_MS);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#barriers.set(number, resolve);
        const late = new Failure("the broker does not deliver any more");
        deadline = setTimeout(() => reject(late), BARRIER_TIMEOUT_MS);
        publish();
      });
    } finally {
      clearInterval(again);
      clearTimeout(deadline);
      this.#barriers.delete(number);
    }
  }

  /**
   * Publishes at QoS 1, retained. While the broker is away it waits for it.
   * @returns whether it was acknowledged: not when the connection was closed before.
   */
  publish(topic: string, payload: string | Uint8Array): Promise<boolean> {
    const message = typeof payload === "string" ? payload : Buffer.from(payload);
    const published = this.#client
      .publishAsync(topic, message, { qos: 1, retain: true })
      .then(
        () => true,
        () => false,
      )
      .finally(() => this.#publishing.delete(published));
    this.#publishing.add(published);
    return published;
  }

  /** Ends, and leaves nothing behind: a broker may keep a session, and messages for it, for ever. */
  async close(): Promise<void> {
    const { connected } = this.#client;
    this.#client.removeAllListeners("close");
    if (connected && this.#publishing.size) await this.#settled();
    await this.#client.endAsync(true);
    if (!connected) return;
    const forget = { clientId: this.#id, clean: true, reconnectPeriod: 0, connectTimeout: FORGET_TIMEOUT_MS };
    try {
      const client = await mqtt.connectAsync(this.#url, forget, false);
      client.on("error", () => {});
      await client.endAsync();
    } catch {
      // The broker has gone meanwhile.
    }
  }

  async #settled(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, PUBLISH_TIMEOUT_MS);
    });
    await Promise.race([Promise.all(this.#publishing), late]);
    clearTimeout(timer);
  }
}

async function connected(client: MqttClient): Promise<MqttClient> {
  await new Promise<void>((resolve, reject) => {
    client.once("connect", () => resolve());
    client.once("error", reject);
  });
  return client;
}

function explain(error: unknown, place: string): string {
  const { code, message } = error as { code?: unknown; message?: string };
  const reason = reasonOf(error);
  if (typeof code === "number") return `the broker at ${place} refuses the login (${reason})`;
  if (reason !== message) return `no broker at ${place} (${reason}): is one running there?`;
  return `what listens at ${place} does not answer as an MQTT broker does (${reason})`;
}

function reasonOf(error: unknown): string {
  const { code, message, errors } = error as {
    code?: unknown;
    message?: string;
    errors?: { code?: string }[];
  };
  const name = typeof code === "string" ? code : errors?.[0]?.code;
  if (name === "ECONNREFUSED") return "connection refused";
  if (name === "ENOTFOUND" || name === "EAI_AGAIN") return "no such host";
  return message || name || "no answer";
}
