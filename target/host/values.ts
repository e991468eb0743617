import { Decoder } from "cbor-x";

// Values as CBOR (RFC 8949), as target/engine/value.h has them. cbor-x decodes them. It does not encode them: it takes
// -0 for 0, and a Map or a Date for something that scripts on XS would not get as such.

const UNSIGNED = 0;
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const FALSE = 0xf4;
const TRUE = 0xf5;
const NULL = 0xf6;
const UNDEFINED = 0xf7;
const FLOAT64 = 0xfb;

/** How deeply arrays and objects may lie in each other; an endless one is found by that. */
const MAX_DEPTH = 64;
const INT32 = 0x8000_0000;
const START_BYTES = 256;
const HALF_OF_A_PAIR = /\p{Surrogate}/u;

const decoder = new Decoder({ useRecords: false, tagUint8Array: false });

/** @throws TypeError for what is no data: functions, symbols, instances of classes other than those of bytes. */
export function encodeValue(value: unknown): Uint8Array {
  const writer = new Writer();
  writer.value(value, 0);
  return writer.bytes();
}

/** Bytes become a Buffer. */
export function decodeValue(bytes: Uint8Array): unknown {
  return decoder.decode(bytes);
}

class Writer {
  #buffer = Buffer.allocUnsafe(START_BYTES);
  #length = 0;

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  value(value: unknown, depth: number): void {
    switch (typeof value) {
      case "undefined":
        this.#byte(UNDEFINED);
        return;
      case "boolean":
        this.#byte(value ? TRUE : FALSE);
        return;
      case "number":
        this.#number(value);
        return;
      case "string":
        this.#text(value);
        return;
      case "object":
        if (value === null) this.#byte(NULL);
        else this.#object(value, depth);
        return;
      default:
        throw new TypeError(`a ${typeof value} cannot pass`);
    }
  }

  #object(value: object, depth: number): void {
    if (depth === MAX_DEPTH) throw new TypeError("what is nested so deeply cannot pass");
    if (value instanceof Uint8Array) this.#sized(BYTES, value);
    else if (value instanceof ArrayBuffer) this.#sized(BYTES, new Uint8Array(value));
    else if (Array.isArray(value)) {
      this.#head(ARRAY, value.length);
      for (let index = 0; index < value.length; index++) this.value(value[index], depth + 1);
    } else this.#map(value, depth);
  }

  #map(value: object, depth: number): void {
    const prototype = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null)
      throw new TypeError("an object that is not plain cannot pass");
    const entries = Object.entries(value);
    this.#head(MAP, entries.length);
    for (const [name, property] of entries) {
      // cbor-x would rename it.
      if (name === "__proto__") throw new TypeError("a property __proto__ cannot pass");
      this.#text(name);
      this.value(property, depth + 1);
    }
  }

  #number(value: number): void {
    const isInteger = Number.isInteger(value) && value >= -INT32 && value < INT32 && !Object.is(value, -0);
    if (!isInteger) {
      this.#byte(FLOAT64);
      this.#reserve(8);
      this.#length = this.#buffer.writeDoubleBE(value, this.#length);
    } else if (value < 0) this.#head(NEGATIVE, -1 - value);
    else this.#head(UNSIGNED, value);
  }

  #text(text: string): void {
    if (HALF_OF_A_PAIR.test(text)) throw new TypeError("a text with half of a surrogate pair cannot pass");
    const length = Buffer.byteLength(text);
    this.#head(TEXT, length);
    this.#reserve(length);
    this.#length += this.#buffer.write(text, this.#length);
  }

  #sized(major: number, bytes: Uint8Array): void {
    this.#head(major, bytes.length);
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #head(major: number, argument: number): void {
    this.#reserve(5);
    const type = major << 5;
    if (argument < 24) this.#byte(type | argument);
    else if (argument < 0x1_00) this.#byte(type | 24, argument);
    else if (argument < 0x1_00_00) this.#byte(type | 25, argument >> 8, argument & 0xff);
    else {
      this.#byte(type | 26);
      this.#length = this.#buffer.writeUInt32BE(argument, this.#length);
    }
  }

  #byte(...bytes: number[]): void {
    this.#reserve(bytes.length);
    for (const byte of bytes) this.#buffer[this.#length++] = byte;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(2 * this.#buffer.length + count);
    larger.set(this.bytes());
    this.#buffer = larger;
  }
}
