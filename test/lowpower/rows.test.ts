import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NUMBER_BYTES, NumberReader, writeNumber } from "../../src/lowpower/rows";

const integer = fc.oneof(fc.maxSafeInteger(), fc.integer(), fc.integer({ min: -130, max: 130 }));

describe("rows", () => {
  it("give back any integer within ±(2^53−1), and a missing one, in at most 8 bytes", () => {
    fc.assert(
      fc.property(fc.array(fc.option(integer, { nil: Number.NaN }), { maxLength: 20 }), (numbers) => {
        const bytes = new Uint8Array(numbers.length * NUMBER_BYTES);
        let at = 0;
        for (const number of numbers) {
          const next = writeNumber(bytes, at, number);
          expect(next - at).toBeLessThanOrEqual(NUMBER_BYTES);
          at = next;
        }
        const reader = new NumberReader(bytes);
        expect(numbers.map(() => reader.next())).toEqual(numbers.map((number) => number + 0));
      }),
    );
  });

  it("take one byte for what changes little", () => {
    const bytes = new Uint8Array(NUMBER_BYTES);
    for (const small of [0, 1, -1, 63, -63, Number.NaN]) expect(writeNumber(bytes, 0, small)).toBe(1);
    expect(writeNumber(bytes, 0, 64)).toBe(2);
  });
});
