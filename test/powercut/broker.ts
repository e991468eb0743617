import { BufferedStream, type StreamConstructor } from "../../hal-mocks/stream";

/** `drops`: of each connection it takes two messages, acknowledges one, and closes. */
export type BrokerMode = "good" | "drops";

const CONNACK = [0x20, 2, 0, 0];
/** Packet types in the first byte (MQTT 3.1.1 §2.2.1). */
const CONNECT = 1;
const PUBLISH = 3;
const SUBSCRIBE = 8;
const UNSUBSCRIBE = 10;
const PINGREQ = 12;
const DISCONNECT = 14;

export interface BrokerOptions {
  mode: () => BrokerMode;
  onPublish: (topic: string, payload: Uint8Array) => void;
  /** A terminal has said goodbye. */
  onGoodbye: () => void;
  /** What it keeps; nothing by default. */
  retained?: () => ReadonlyMap<string, Uint8Array>;
}

/** Just enough of an MQTT 3.1.1 broker for one terminal, in the microtasks of this process: real ones cost turns. */
export function createBroker({ mode, onPublish, onGoodbye, retained }: BrokerOptions): StreamConstructor {
  return class extends BufferedStream {
    #bytes = new Uint8Array(0);
    #published = 0;
    /** Of what waits to be answered. */
    #isAsked = false;

    constructor(options: ConstructorParameters<StreamConstructor>[0]) {
      super(options);
      queueMicrotask(() => this.connected());
    }

    expect(): void {}

    protected end(): void {
      this.#take();
    }

    protected send(bytes: Uint8Array): void {
      const joined = new Uint8Array(this.#bytes.length + bytes.length);
      joined.set(this.#bytes);
      joined.set(bytes, this.#bytes.length);
      this.#bytes = joined;
      if (this.#isAsked) return;
      this.#isAsked = true;
      queueMicrotask(() => {
        this.#isAsked = false;
        this.#take();
      });
    }

    #take(): void {
      for (;;) {
        const bytes = this.#bytes;
        let length = 0;
        let at = 1;
        for (let shift = 0; ; shift += 7) {
          if (at >= bytes.length) return;
          length |= (bytes[at] & 0x7f) << shift;
          if (bytes[at++] < 0x80) break;
        }
        if (at + length > bytes.length) return;
        this.#bytes = bytes.slice(at + length);
        this.#answer(bytes[0], bytes.subarray(at, at + length));
      }
    }

    #answer(first: number, body: Uint8Array): void {
      const type = first >> 4;
      if (type === CONNECT) this.received(Uint8Array.from(CONNACK));
      else if (type === PUBLISH) this.#publish(body);
      else if (type === SUBSCRIBE) this.#subscribe(body);
      else if (type === UNSUBSCRIBE) this.received(Uint8Array.of(0xb0, 2, body[0], body[1]));
      else if (type === PINGREQ) this.received(Uint8Array.of(0xd0, 0));
      else if (type === DISCONNECT) {
        onGoodbye();
        this.failed(new Error("the peer closed the connection"));
      }
    }

    /** Acknowledges, and sends what is kept on these topics, at QoS 0. */
    #subscribe(body: Uint8Array): void {
      const topics: string[] = [];
      for (let at = 2; at < body.length; at++) {
        const end = at + 2 + body[at] * 256 + body[at + 1];
        topics.push(new TextDecoder().decode(body.subarray(at + 2, end)));
        at = end;
      }
      this.received(Uint8Array.of(0x90, 2 + topics.length, body[0], body[1], ...topics.map(() => 1)));
      for (const topic of topics) {
        const payload = retained?.().get(topic);
        if (payload) this.received(publishPacket(topic, payload));
      }
    }

    /** All that the firmware publishes is at QoS 1. */
    #publish(body: Uint8Array): void {
      const end = 2 + body[0] * 256 + body[1];
      onPublish(new TextDecoder().decode(body.subarray(2, end)), body.slice(end + 2));
      this.#published++;
      if (mode() === "good" || this.#published === 1)
        this.received(Uint8Array.of(0x40, 2, body[end], body[end + 1]));
      else this.failed(new Error("the peer closed the connection"));
    }
  };
}

function publishPacket(topic: string, payload: Uint8Array): Uint8Array {
  const name = new TextEncoder().encode(topic);
  const length: number[] = [];
  for (let rest = 2 + name.length + payload.length; ; rest >>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  return Uint8Array.of(
    (PUBLISH << 4) | 1,
    ...length,
    name.length >> 8,
    name.length & 255,
    ...name,
    ...payload,
  );
}
