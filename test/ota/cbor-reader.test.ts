import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CborReader } from "../../src/ota/cbor-reader";
import { RefusedUpdate } from "../../src/ota/refusal";
import { encodeCbor } from "../../tools/ota/cbor";
import { refusal } from "../support/updates";

/** An item that a reader may be asked for, and its value. */
type Item =
  | { type: "unsigned" | "integer"; value: number }
  | { type: "bytes"; value: Uint8Array }
  | { type: "ascii"; value: string }
  | { type: "array" | "map"; value: number };

const readers: { [Type in Item["type"]]: (reader: CborReader) => unknown } = {
  unsigned: (reader) => reader.unsigned(0, 0xffff_ffff),
  integer: (reader) => reader.integer(),
  bytes: (reader) => reader.bytes(0, 4096),
  ascii: (reader) => reader.ascii(0, 4096),
  array: (reader) => reader.array(0, 4096),
  map: (reader) => reader.map(0, 4096),
};

function hex(text: string): CborReader {
  return new CborReader(Buffer.from(text.replaceAll(" ", ""), "hex"), "manifest");
}

const uint32 = fc.nat(0xffff_ffff);
const item: fc.Arbitrary<Item> = fc.oneof(
  uint32.map((value) => ({ type: "unsigned" as const, value })),
  fc.oneof(uint32, fc.nat(0xffff)).map((value) => ({ type: "integer" as const, value: -1 - value })),
  fc.uint8Array({ maxLength: 300 }).map((value) => ({ type: "bytes" as const, value })),
  fc.string({ unit: "grapheme-ascii", maxLength: 300 }).map((value) => ({ type: "ascii" as const, value })),
);

describe("a strict reader of CBOR", () => {
  it("reads what cbor-x writes of the same values", () => {
    fc.assert(
      fc.property(fc.array(item, { maxLength: 20 }), (items) => {
        const reader = new CborReader(Buffer.concat(items.map(({ value }) => encodeCbor(value))), "manifest");
        for (const { type, value } of items) {
          const read = readers[type](reader);
          expect(read instanceof Uint8Array ? Buffer.from(read) : read).toEqual(
            value instanceof Uint8Array ? Buffer.from(value) : value,
          );
        }
        reader.end();
      }),
      { numRuns: 1000 },
    );
  });

  it("returns or refuses whatever the bytes are, and never reads past their end", () => {
    const calls = fc.array(fc.constantFrom(...(Object.keys(readers) as Item["type"][])), { maxLength: 12 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), calls, (bytes, types) => {
        const reader = new CborReader(bytes, "manifest");
        for (const type of types) {
          try {
            const read = readers[type](reader);
            if (read instanceof Uint8Array) expect(read.byteOffset + read.length).toBeLessThanOrEqual(64);
          } catch (error) {
            expect(error).toBeInstanceOf(RefusedUpdate);
            return;
          }
        }
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    ["truncated", "", "unsigned"],
    ["truncated", "19 01", "unsigned"],
    ["truncated", "43 0102", "bytes"],
    ["truncated", "59 0fff 01", "bytes"],
    ["encoding", "18 17", "unsigned"],
    ["encoding", "19 00ff", "unsigned"],
    ["encoding", "1a 0000ffff", "unsigned"],
    ["encoding", "1b 00000000ffffffff", "unsigned"],
    ["encoding", "38 00", "integer"],
    ["encoding", "58 01 00", "bytes"],
    ["encoding", "5f 4100 ff", "bytes"],
    ["encoding", "7f 6161 ff", "ascii"],
    ["encoding", "9f ff", "array"],
    ["encoding", "bf ff", "map"],
    ["encoding", "1c", "unsigned"],
    ["oversize", "1b 0000000100000000", "unsigned"],
    ["oversize", "3b ffffffffffffffff", "integer"],
    ["oversize", "5a ffffffff", "bytes"],
    ["oversize", "9a 00010000", "array"],
    ["oversize", "bb ffffffffffffffff", "map"],
    ["manifest", "f4", "unsigned"],
    ["manifest", "f9 3c00", "unsigned"],
    ["manifest", "fb 3ff0000000000000", "integer"],
    ["manifest", "20", "unsigned"],
    ["manifest", "62 c3a4", "ascii"],
    ["manifest", "61 0a", "ascii"],
    ["manifest", "c2 41 01", "unsigned"],
    ["manifest", "81818181818181818181", "bytes"],
  ] as const)("refuses as %s: %s", (reason, bytes, type) => {
    expect(refusal(() => readers[type](hex(bytes)))).toBe(reason);
  });

  it("refuses a tag that is another one, bytes after the end, and keys out of order or twice", () => {
    expect(refusal(() => hex("d1").tag(18))).toBe("manifest");
    expect(refusal(() => hex("d8 12").tag(18))).toBe("encoding");
    expect(refusal(() => hex("00").end())).toBe("encoding");
    expect(refusal(() => hex("05").key(5))).toBe("duplicate");
    expect(refusal(() => hex("04").key(5))).toBe("encoding");
  });
});
