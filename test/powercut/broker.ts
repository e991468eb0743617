import { BufferedStream, type StreamConstructor } from "../../hal-mocks/stream";

/** `drops`: of each connection it takes two messages, acknowledges one, and closes. */
export type BrokerMode = "good" | "drops";

const CONNACK = [0x20, 2, 0, 0];
/** Packet types in the first byte (MQTT 3.1.1 §2.2.1). */
const CONNECT = 1;
const PUBLISH = 3;
const SUBSCRIBE = 8;
const PINGREQ = 12;
const DISCONNECT = 14;

export interface BrokerOptions {
  mode: () => BrokerMode;
  onPublish: (topic: string, payload: Uint8Array) => void;
  /** A terminal has said goodbye. */
  onGoodbye: () => void;
}

/** Just enough of an MQTT 3.1.1 broker for one terminal, in the microtasks of this process: real ones cost turns. */
export function createBroker({ mode, onPublish, onGoodbye }: BrokerOptions): StreamConstructor {
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
      else if (type === SUBSCRIBE) this.received(Uint8Array.of(0x90, 3, body[0], body[1], 1));
      else if (type === PINGREQ) this.received(Uint8Array.of(0xd0, 0));
      else if (type === DISCONNECT) {
        onGoodbye();
        this.failed(new Error("the peer closed the connection"));
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
