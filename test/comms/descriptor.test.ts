import { crc32 as zlibCrc32 } from "node:zlib";
import { Encoder } from "cbor-x";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeDescriptor, profileNumber } from "../../src/comms/descriptor";
import { channelName, quantities, quantityOf } from "../../src/model/channels";
import { type Column, profileOf, profiles } from "../../src/model/profiles";
import { decodeDescriptor } from "../../tools/decode/descriptor";

const encoder = new Encoder({ useRecords: false });
const cbor = (value: unknown) => Uint8Array.from(encoder.encode(value));
const encode = (columns: readonly Column[]) =>
  encodeDescriptor({ number: 2000, columns }, new Uint8Array(8192));

const TIME: Column = { channel: 0, name: "t", exponent: 0 };
const column = fc
  .tuple(fc.constantFrom(...quantities().slice(1)), fc.nat(7), fc.nat(127), fc.integer({ min: -22, max: 22 }))
  .map(([{ number, index: letter }, phase, index, exponent]) => {
    const channel = number * 1024 + phase * 128 + (letter ? index : 0);
    return { channel, name: channelName(channel), exponent };
  });
const columns = fc
  .uniqueArray(column, { maxLength: 40, selector: ({ channel }) => channel })
  .map((others) => [TIME, ...others]);

describe("the number of a profile", () => {
  // Written out once more, with another CBOR and another CRC-32.
  const expected = (list: readonly Column[]) =>
    1024 +
    ((zlibCrc32 as (data: Uint8Array) => number)(
      cbor(list.map(({ channel, exponent }) => [channel, exponent])),
    ) %
      64_512);

  it("is that of the columns' CRC-32, never a built-in one, and of three bytes", () => {
    fc.assert(
      fc.property(columns, (list) => {
        const number = profileNumber(list);
        expect(number).toBe(expected(list));
        expect(number).toBeGreaterThanOrEqual(1024);
        expect(number).toBeLessThanOrEqual(65_535);
      }),
    );
  });

  it("stays what it is", () => {
    expect(profileNumber(profiles.meter1.columns)).toBe(expected(profiles.meter1.columns));
    expect(profileNumber([TIME])).toBe(36_268);
  });

  it("is the next free one where another profile has it, and after the last the first", () => {
    const number = profileNumber([TIME]);
    expect(profileNumber([TIME], [number, number + 1])).toBe(number + 2);
    const taken = Array.from({ length: 65_535 - number + 1 }, (_, index) => number + index);
    expect(profileNumber([TIME], taken)).toBe(1024);
  });

  it("differs by the resolution", () => {
    expect(profileNumber([TIME, { channel: 3072, name: "i", exponent: -3 }])).not.toBe(
      profileNumber([TIME, { channel: 3072, name: "i", exponent: -1 }]),
    );
  });
});

describe("a descriptor", () => {
  it("tells a reader all that the node's registry knows", () => {
    fc.assert(
      fc.property(columns, (list) => {
        const described = list.map((column) => {
          const { unit, kind } = quantityOf(column.channel)!;
          return { ...column, unit, kind };
        });
        expect(decodeDescriptor(2000, encode(list))).toEqual({
          ok: true,
          profile: { number: 2000, columns: described },
        });
      }),
    );
  });

  it.each([1, 2, 3, 4, 5, 6, 7])("of built-in profile %d is as long as a frame or two", (number) => {
    expect(encode(profileOf(number)!.columns).length).toBeLessThan(450);
  });

  it("is refused when it does not fit", () => {
    expect(() => encodeDescriptor(profiles.meter1, new Uint8Array(50))).toThrow(RangeError);
  });
});

describe("what is no descriptor", () => {
  const good = [0, 0, "t", "s", 0];
  const wrong = (...column: unknown[]) => [1, [good, column]];

  it.each([
    [{}, "not a descriptor"],
    [[1], "not a descriptor"],
    [[2, [good]], "a descriptor of version 2, expected 1"],
    [[1, []], "the columns are not an array of 1 to 255"],
    [[1, new Array(256).fill(good)], "the columns are not an array of 1 to 255"],
    [[1, [[4096, 0, "pi", "W", 0]]], "column 0 is not the time"],
    [[1, [good, good]], 'the name "t" is there twice, or has another meaning'],
    [wrong(4096, 0, "quality", "W", 0), 'the name "quality" is there twice, or has another meaning'],
    [wrong(4096, 0, "__proto__", "W", 0), "column 1: the name is none of a channel"],
    [wrong(4096, 0, "a b", "W", 0), "column 1: the name is none of a channel"],
    [wrong(4096, 0, "pi", "a\n", 0), "column 1: the unit is none of SenML"],
    [wrong(-1, 0, "pi", "W", 0), "column 1: channel: not an integer from 0 to 9007199254740991"],
    [wrong(4096, 23, "pi", "W", 0), "column 1: exponent: not an integer from -22 to 22"],
    [wrong(4096, 0, "pi", "W", 4), "column 1: kind: not an integer from 0 to 3"],
    [wrong(4096, 0, "pi", "W"), "column 1: not an array of 5 items or more"],
  ])("%j: %s", (item, error) => {
    expect(decodeDescriptor(2000, cbor(item))).toEqual({ ok: false, error });
  });

  it("may have more items, which mean nothing here", () => {
    expect(decodeDescriptor(2000, cbor([1, [[...good, "later"]], "later"]))).toMatchObject({ ok: true });
  });

  it("never throws, and gives one line", () => {
    const bytes = encode(profiles.meter3.columns).slice();
    const mutated = fc
      .array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 4 })
      .map((changes) => {
        const copy = bytes.slice();
        for (const [at, byte] of changes) copy[at] = byte;
        return copy;
      });
    const cut = fc.nat(bytes.length).map((length) => bytes.slice(0, length));
    fc.assert(
      fc.property(fc.oneof(mutated, cut, fc.uint8Array({ maxLength: 200 })), (payload) => {
        const result = decodeDescriptor(2000, payload);
        if (!result.ok) expect(result.error).toMatch(/^[^\n]+$/);
        else expect(result.profile.columns[0].channel).toBe(0);
      }),
      { numRuns: 2000 },
    );
  });
});
