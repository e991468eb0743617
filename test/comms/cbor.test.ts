import { Decoder } from "cbor-x";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CborWriter } from "../../src/comms/frame/cbor";

const TWO_32 = 2 ** 32;
/** The first argument that needs a longer head, and the bytes of the head then (RFC 8949 §3). */
const HEADS: [number, number][] = [
  [0, 1],
  [24, 2],
  [256, 3],
  [65_536, 5],
  [TWO_32, 9],
];

const decoder = new Decoder({ useRecords: false, int64AsNumber: true } as object);

function encode(write: (cbor: CborWriter) => void): Uint8Array {
  const cbor = new CborWriter(new Uint8Array(9));
  write(cbor);
  return cbor.written;
}

function headBytes(argument: number): number {
  return Math.max(...HEADS.filter(([from]) => argument >= from).map(([, bytes]) => bytes));
}

function expectInteger(value: number): void {
  const bytes = encode((cbor) => cbor.integer(value));
  expect(Number(decoder.decode(bytes)), `${value}`).toBe(value);
  expect(bytes.length, `bytes of ${value}`).toBe(headBytes(value < 0 ? -1 - value : value));
}

describe("an integer in CBOR", () => {
  const edges = HEADS.flatMap(([from]) => [from - 1, from, from + 1]).filter((edge) => edge >= 0);
  it.each([...edges, 2 ** 53 - 2, 2 ** 53 - 1])("of %d, and its negative, is read by any library", (edge) => {
    expectInteger(edge);
    expectInteger(-1 - Math.min(edge, 2 ** 53 - 2));
  });

  it("is read as it was written, from its shortest form, wherever it lies within ±(2^53−1)", () => {
    fc.assert(fc.property(fc.maxSafeInteger(), expectInteger));
  });

  it("beyond ±(2^53−1), or that is none, is refused", () => {
    for (const value of [2 ** 53, -(2 ** 53), 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => encode((cbor) => cbor.integer(value)), `${value}`).toThrow(RangeError);
    }
  });
});

describe("an array in CBOR", () => {
  it.each([0, 1, 23, 24, 255, 256, 65_535])("of %d items has as many for any library", (count) => {
    const cbor = new CborWriter(new Uint8Array(3 + count));
    cbor.array(count);
    for (let index = 0; index < count; index++) cbor.null();
    expect(decoder.decode(cbor.written)).toEqual(new Array(count).fill(null));
  });
});

describe("a buffer that is too small", () => {
  it("is refused at the byte that does not fit, and keeps what did", () => {
    const cbor = new CborWriter(new Uint8Array(2));
    cbor.integer(24);
    expect(() => cbor.null()).toThrow(RangeError);
    expect(cbor.written).toEqual(Uint8Array.of(0x18, 24));
  });
});
