import { type IPublishPacket, type Packet, parser, writeToStream } from "mqtt-packet";

// The cache of all two-byte numbers costs megabytes where a slot is what memory is counted in.
writeToStream.cacheNumbers = false;

/** One MQTT 3.1.1 packet as bytes. */
export function encode(packet: Packet): Uint8Array {
  const sink = new Sink();
  writeToStream(packet, sink as unknown as Parameters<typeof writeToStream>[1]);
  return sink.concat();
}

/** The returned function takes bytes as they come. `onError` is called at most once. */
export function createDecoder(onPacket: (packet: Packet) => void, onError: (error: unknown) => void) {
  const decoder = parser({ protocolVersion: 4 });
  let broken = false;
  decoder.on("packet", onPacket);
  decoder.on("error", (error) => {
    if (!broken) onError(error);
    broken = true;
  });
  return (bytes: Uint8Array): void => {
    if (!broken) decoder.parse(bytes as Parameters<typeof decoder.parse>[0]);
  };
}

/** The package's types want Node's Buffer; its code takes any Uint8Array. */
export function payloadOf(bytes: Uint8Array): IPublishPacket["payload"] {
  return bytes as unknown as IPublishPacket["payload"];
}

/** How many bytes a string takes in UTF-8. */
export function utf8Length(text: string): number {
  let length = 0;
  for (const character of text) length += unitsOf(character.codePointAt(0)!);
  return length;
}

/** What writeToStream needs of a stream. */
class Sink {
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  write(chunk: Uint8Array | string): boolean {
    const bytes = typeof chunk === "string" ? utf8(chunk) : chunk;
    this.#chunks.push(bytes);
    this.#length += bytes.length;
    return true;
  }

  /** Its way to say that a packet is wrong. */
  destroy(error: Error): void {
    throw error;
  }

  concat(): Uint8Array {
    const bytes = new Uint8Array(this.#length);
    let offset = 0;
    for (const chunk of this.#chunks) {
      bytes.set(chunk, offset);
      offset += chunk.length;
    }
    return bytes;
  }
}

function unitsOf(code: number): number {
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  return code < 0x1_0000 ? 3 : 4;
}

function utf8(text: string): Uint8Array {
  const bytes = new Uint8Array(utf8Length(text));
  let offset = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    const units = unitsOf(code);
    if (units === 1) bytes[offset] = code;
    else {
      for (let index = units - 1; index > 0; index--) {
        bytes[offset + index] = 0x80 | ((code >> (6 * (units - 1 - index))) & 0x3f);
      }
      bytes[offset] = ((0xf00 >> units) & 0xff) | (code >> (6 * (units - 1)));
    }
    offset += units;
  }
  return bytes;
}
