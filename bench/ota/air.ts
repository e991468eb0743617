import type { Packet } from "mqtt-packet";
import { createDecoder } from "../../hal-mocks/mqtt-packets";
import type { StreamConstructor, StreamOptions } from "../../hal-mocks/stream";
import type { ByteBuffer } from "../../src/hal";

/** IPv4 and TCP without options. */
const HEADER_BYTES = 40;
/** A message comes in segments of at most so much (hal-mocks/mqtt.ts has it from the SDK's lwIP). */
const SEGMENT_BYTES = 1436;
/** SYN, SYN-ACK and ACK; FIN and ACK from each side. */
const CONNECTION_SEGMENTS = 7;

/** What a connection was used for, in messages that came in. */
export interface Connection {
  offers: number;
  blocks: number;
}

/** All that goes over a terminal's connections to its broker, in both directions, as MQTT has it. */
export class AirCount {
  readonly connections: Connection[] = [];
  mqttBytes = 0;
  /** Of these and of the segments below them, what came in. */
  inBytes = 0;
  inSegments = 0;
  /** Of messages that came in: with their headers and topics. */
  offerBytes = 0;
  tableBytes = 0;
  blockBytes = 0;
  #segments = 0;

  /** Of IPv4 and TCP, modelled: each segment has a header, and is acknowledged by a segment of its own. */
  get headerBytes(): number {
    return HEADER_BYTES * (2 * this.#segments + CONNECTION_SEGMENTS * this.connections.length);
  }

  get bytes(): number {
    return this.mqttBytes + this.headerBytes;
  }

  /** A class of streams that are counted. */
  of(Stream: StreamConstructor): StreamConstructor {
    const open = (connection: Connection) => this.#decoder(connection);
    const wrote = (bytes: number) => this.#count(bytes);
    const connections = this.connections;
    return class extends Stream {
      readonly #decode: (bytes: Uint8Array) => void;

      constructor(options: StreamOptions) {
        super(options);
        const connection = { offers: 0, blocks: 0 };
        connections.push(connection);
        this.#decode = open(connection);
      }

      override read(byteLength?: number): ArrayBuffer | undefined;
      override read(buffer: ByteBuffer): number | undefined;
      override read(target?: number | ByteBuffer): ArrayBuffer | number | undefined {
        if (typeof target === "object") throw new TypeError("air: this counts what is read by itself");
        const bytes = super.read(target);
        if (bytes) this.#decode(new Uint8Array(bytes));
        return bytes;
      }

      override write(bytes: ByteBuffer): number {
        wrote(bytes.byteLength);
        return super.write(bytes);
      }
    };
  }

  #count(bytes: number): void {
    this.mqttBytes += bytes;
    this.#segments += Math.ceil(bytes / SEGMENT_BYTES);
  }

  #decoder(connection: Connection): (bytes: Uint8Array) => void {
    const onPacket = (packet: Packet) => {
      const bytes = lengthOf(packet);
      this.#count(bytes);
      this.inBytes += bytes;
      this.inSegments += Math.ceil(bytes / SEGMENT_BYTES);
      if (packet.cmd !== "publish" || !packet.topic.startsWith("gmu/")) return;
      const name = packet.topic.slice(packet.topic.lastIndexOf("/") + 1);
      if (name === "offer") {
        connection.offers++;
        this.offerBytes += bytes;
      } else if (name[0] === "t") this.tableBytes += bytes;
      else {
        connection.blocks++;
        this.blockBytes += bytes;
      }
    };
    return createDecoder(onPacket, (error) => {
      throw error;
    });
  }
}

/** With the fixed header: a byte, and seven bits of the length in each of the next ones (MQTT 3.1.1 §2.2). */
function lengthOf({ length = 0 }: Packet): number {
  let bytes = 2 + length;
  for (let rest = length >> 7; rest; rest >>= 7) bytes++;
  return bytes;
}
