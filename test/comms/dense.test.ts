import { Decoder } from "cbor-x";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom } from "../../hal-mocks/random";
import { encodeFrameAs } from "../../src/comms/frame/choice";
import { encodeDenseFrame } from "../../src/comms/frame/dense";
import { encodeFrame, type FrameContent } from "../../src/comms/frame/encode";
import { type DenseResult, decodeDense } from "../../src/comms/frame/read-dense";
import type { Column } from "../../src/model/profiles";
import { anyCase, column, contentOf, MAX, METER } from "../support/dense";

const target = new Uint8Array(1 << 19);
const cbor = new Decoder({ useRecords: false });

function envelope(frame: Uint8Array): unknown[] {
  return cbor.decode(frame.slice()) as unknown[];
}

/** The body, which is dense but for some single readings. */
function bodyOf(content: FrameContent, columns: readonly Column[]): Uint8Array | undefined {
  const body = envelope(encodeDenseFrame(content, columns, target))[5];
  return body instanceof Uint8Array ? body : undefined;
}

function decode(body: Uint8Array, content: FrameContent, columns: readonly Column[]): DenseResult {
  return decodeDense(body, columns, content.dated ? content.times[0] : 0, content.count);
}

function expectSame(result: DenseResult, content: FrameContent): void {
  expect(result).toEqual({
    ok: true,
    rows: {
      times: Float64Array.from(content.times),
      qualities: Float64Array.from(content.qualities),
      values: Float64Array.from(content.values),
    },
  });
}

/** True when the body was dense. */
function expectExact(content: FrameContent, columns: readonly Column[]): boolean {
  const body = bodyOf(content, columns);
  if (body) expectSame(decode(body, content, columns), content);
  return body !== undefined;
}

/** A house of some kind: power wanders, and everything follows from it. */
function house(count: number, seed: string): number[][] {
  const random = createRandom(seed);
  let power = 900;
  let imported = 12_345_680 * 3600;
  let exported = 2_345_678 * 3600;
  return Array.from({ length: count }, (_, row) => {
    power += random.below(21) - 10 - (row % 50 === 49 ? 1500 : 0);
    imported += Math.max(power, 0) * 10;
    exported += Math.max(-power, 0) * 10;
    const voltage = 2300 + random.below(9);
    const current = Math.floor(Math.sqrt(((power * 10_000) / voltage) ** 2 + 400 ** 2));
    const registers = [Math.floor(imported / 3600), Math.floor(exported / 3600)];
    return [1_717_200_010 + row * 10, voltage, current, power, 50, 5000, ...registers, 215, 1];
  });
}

describe("a dense body", () => {
  it("is the sixth item of a frame, a byte string", () => {
    const content = contentOf(house(30, "a"));
    const items = envelope(encodeDenseFrame(content, METER, target));
    expect(items.slice(0, 5)).toEqual([200, 3_575_348_104, 300, 1_717_200_010, 30]);
    expect(items[5]).toBeInstanceOf(Uint8Array);
    expect(items.length).toBe(6);
  });

  it("gives back what was written, whatever it was", () => {
    fc.assert(
      fc.property(anyCase, ({ content, columns }) => {
        expectExact(content, columns);
      }),
      { numRuns: 1500 },
    );
  });

  it("holds 1 to 1,024 readings, and one column or none", () => {
    for (const count of [1, 2, 3, 30, 1023, 1024]) {
      expectExact(contentOf(house(count, `of ${count}`)), METER);
      expectExact(contentOf(house(count, "times").map(([time]) => [time])), METER.slice(0, 1));
    }
  });

  it("holds extremes side by side", () => {
    const rows = [MAX, -MAX, 0, -MAX, MAX, Number.NaN, MAX, 1].map((value, row) => [
      row % 2 ? -MAX : MAX,
      ...METER.slice(1).map((_, index) => (index % 2 ? value : -value + 0)),
    ]);
    expect(expectExact(contentOf(rows), METER)).toBe(true);
  });

  it("holds a register that was reset, and one that was replaced", () => {
    const rows = house(90, "replaced");
    rows.forEach((row, index) => {
      if (index >= 30) row[6] -= 12_345_000;
      if (index >= 60) row[7] = 999_999_999_999 + index;
    });
    expect(expectExact(contentOf(rows), METER)).toBe(true);
  });

  it("holds gaps in time, clocks set back, undated readings and qualities", () => {
    const rows = house(60, "gaps");
    rows.forEach((row, index) => {
      if (index >= 20) row[0] += 86_400;
      if (index >= 40) row[0] -= 90_000;
    });
    const qualities = rows.map((_, index) => (index % 7 === 3 ? index % 8 : 0));
    expect(expectExact(contentOf(rows, { qualities }), METER)).toBe(true);
    const undated = rows.map(([time, ...values]) => [time - rows[0][0], ...values]);
    expect(expectExact(contentOf(undated, { qualities, dated: false }), METER)).toBe(true);
    expect(envelope(encodeDenseFrame(contentOf(undated, { dated: false }), METER, target))[3]).toBeNull();
  });

  it("is the same each time", () => {
    fc.assert(
      fc.property(anyCase, ({ content, columns }) => {
        const once = encodeDenseFrame(content, columns, target).slice();
        target.fill(0xa5, 0, once.length + 100);
        expect(encodeDenseFrame(content, columns, target)).toEqual(once);
      }),
      { numRuns: 200 },
    );
  });
});

describe("its size", () => {
  const size = (rows: number[][], columns = METER) =>
    encodeDenseFrame(contentOf(rows), columns, target).length;

  it("is that of the numbers which no one can foresee", () => {
    const rows = house(30, "golden");
    expect(size(rows)).toBe(79);
    expect(size(rows.slice(0, 1))).toBe(31);
    expect(encodeFrame(contentOf(rows), target).length).toBe(187);
  });

  it("hardly grows with what stands still", () => {
    const [row] = house(1, "still");
    const still = (count: number) =>
      Array.from({ length: count }, (_, at) => [row[0] + 10 * at, ...row.slice(1)]);
    const idle = (count: number) =>
      still(count).map(([time, voltage, , , , ...rest]) => [time, voltage, 0, 0, 0, ...rest]);
    expect(size(idle(1000)) - size(idle(100))).toBeLessThan(60);
  });

  it("is next to nothing for a register whose power is known", () => {
    const rows = house(300, "register");
    const without = METER.filter((_, index) => index !== 6 && index !== 7);
    const less = rows.map((row) => row.filter((_, index) => index !== 6 && index !== 7));
    expect((8 * (size(rows) - size(less, without))) / 300).toBeLessThan(0.6);
  });

  it("is for a single reading never more than that of the plain body", () => {
    fc.assert(
      fc.property(anyCase, ({ content, columns }) => {
        const rows = columns.slice(1).map((_, index) => content.values[index * content.count]);
        const single = contentOf([[content.times[0], ...rows]], { dated: content.dated });
        const plain = encodeFrame(single, target).length;
        expect(encodeDenseFrame(single, columns, target).length).toBeLessThanOrEqual(plain);
      }),
      { numRuns: 500 },
    );
  });
});

describe("the encoder refuses", () => {
  const good = contentOf(house(3, "refused"));
  const changed = (value: number) => Float64Array.from(good.values, (each, at) => (at === 5 ? value : each));

  it.each<[string, Partial<FrameContent>, RegExp]>([
    ["no readings", { count: 0 }, /^frame: 0 readings, expected 1 to 1024$/],
    ["too many", { count: 1025 }, /1025 readings/],
    ["other columns than the profile's", { columns: 8 }, /^frame: 8 columns, expected 9 and the time$/],
    ["a time that is none", { times: [1, Number.NaN, 3] }, /^frame: times: NaN$/],
    ["times that are too few", { times: [1] }, /^frame: times: undefined$/],
    ["half a quality", { qualities: [0, 0.5, 0] }, /^frame: quality: 0.5$/],
    ["a quality below 0", { qualities: [0, -1, 0] }, /^frame: quality: -1$/],
    ["a value that is no integer", { values: changed(0.5) }, /^frame: values: 0.5$/],
    ["a value beyond 2^53", { values: changed(2 ** 53) }, /^frame: values: 9007199254740992$/],
    ["an infinite value", { values: changed(Number.NEGATIVE_INFINITY) }, /^frame: values: -Infinity$/],
    ["undated times that begin somewhere", { dated: false }, /^frame: undated times/],
    ["a sequence number below 0 or beyond 2^53", { seq: 2 ** 53 }, /^cbor: /],
  ])("%s", (_, change, message) => {
    expect(() => encodeDenseFrame({ ...good, ...change }, METER, target)).toThrow(
      expect.objectContaining({ name: "RangeError", message: expect.stringMatching(message) }),
    );
  });

  it("a buffer that is too small, of whatever size", () => {
    const content = contentOf(house(30, "small"));
    const { length } = encodeDenseFrame(content, METER, target);
    const around = new Uint8Array(length + 40).fill(0xa5);
    for (let size = 0; size < length; size++) {
      const buffer = around.subarray(10, 10 + size);
      expect(() => encodeDenseFrame(content, METER, buffer)).toThrow(RangeError);
    }
    expect(around.subarray(0, 10).every((byte) => byte === 0xa5)).toBe(true);
    expect(around.subarray(10 + length).every((byte) => byte === 0xa5)).toBe(true);
    expect(encodeDenseFrame(content, METER, new Uint8Array(length + 3)).length).toBe(length);
  });
});

describe("the body that a configuration wants", () => {
  const content = contentOf(house(30, "choice"));

  it("is the one that is written", () => {
    const plain = encodeFrame(content, target).slice();
    expect(encodeFrameAs("plain", content, METER, target)).toEqual(plain);
    const dense = encodeDenseFrame(content, METER, target).slice();
    expect(encodeFrameAs("dense", content, METER, target)).toEqual(dense);
  });

  it("is a plain one where the dense encoder refuses it", () => {
    const refused = { ...content, dated: false };
    const plain = encodeFrame(refused, target).slice();
    expect(() => encodeDenseFrame(refused, METER, target)).toThrow(RangeError);
    expect(encodeFrameAs("dense", refused, METER, target)).toEqual(plain);
  });

  it("is none where both refuse it", () => {
    const both = { ...content, profile: 2.5 };
    for (const body of ["plain", "dense"] as const)
      expect(() => encodeFrameAs(body, both, METER, target)).toThrow("cbor: 2.5 is no integer");
  });
});

const PLACE = /^(times|quality|column \d+ \(q\d+_\d\)|the end of the body)(: entry \d+)?: \S/;

describe("the decoder says what is wrong, and where", () => {
  const content = contentOf(house(30, "damaged"));
  const body = bodyOf(content, METER)!;
  const errorOf = (bytes: Uint8Array) => {
    const result = decode(bytes, content, METER);
    return result.ok ? undefined : result.error;
  };

  it("with bytes behind the last reading, or too few", () => {
    const { length } = body;
    expect(errorOf(Uint8Array.of(...body, 0))).toBe(
      `the end of the body: it is of ${length + 1} bytes, not of ${length}`,
    );
    expect(errorOf(body.subarray(0, length >> 1))).toMatch(PLACE);
    expect(errorOf(new Uint8Array(0))).toBe("times: an entry is missing");
    const unseen = Array.from(body, (_, at) => errorOf(body.subarray(0, at))).filter((error) => !error);
    expect(unseen.length).toBeLessThan(3);
  });

  it("of most bits that are turned, at the latest at the end", () => {
    let unseen = 0;
    for (let bit = 0; bit < 8 * body.length; bit++) {
      const bytes = body.slice();
      bytes[bit >> 3] ^= 0x80 >> (bit & 7);
      const error = errorOf(bytes);
      if (error) expect(error).toMatch(PLACE);
      else unseen++;
    }
    expect(unseen / body.length / 8).toBeLessThan(0.1);
  });

  it("and never throws, nor takes what no encoder writes", () => {
    const bytes = fc.uint8Array({ maxLength: 300 });
    fc.assert(
      fc.property(anyCase, bytes, ({ content, columns }, body) => {
        const result = decode(body, content, columns);
        if (!result.ok) {
          expect(result.error).toMatch(PLACE);
          return;
        }
        const again = bodyOf({ ...content, ...result.rows }, columns);
        if (again) expect(again).toEqual(body);
      }),
      { numRuns: 3000 },
    );
  });

  it("also when a good body is changed somewhere", () => {
    fc.assert(
      fc.property(anyCase, fc.nat(), fc.nat(255), ({ content, columns }, at, byte) => {
        const body = bodyOf(content, columns);
        if (!body) return;
        const changed = body.slice();
        if (changed.length) changed[at % changed.length] = byte;
        const result = decode(changed, content, columns);
        if (!result.ok) return;
        expect(bodyOf({ ...content, ...result.rows }, columns) ?? changed).toEqual(changed);
      }),
      { numRuns: 1500 },
    );
  });
});

describe("what a column is expected to be", () => {
  const bits = (columns: Column[], rows: number[][]) =>
    (8 * encodeDenseFrame(contentOf(rows), columns, target).length) / rows.length;

  it("is the sum of the phases, for the power of the whole connection", () => {
    const random = createRandom("phases");
    const phases = [1, 2, 3].flatMap((phase) => [column(4, phase, 0), column(5, phase, 0)]);
    const rows = Array.from({ length: 200 }, (_, row) => {
      const powers = [1, 2, 3].map(() => random.below(4000) - 1000);
      const sum = powers.reduce((total, power) => total + power);
      const split = powers.flatMap((power) => [Math.max(power, 0), Math.max(-power, 0)]);
      return [row * 10, Math.max(sum, 0), Math.max(-sum, 0), ...split];
    });
    const time = column(0, 0, 0);
    const both = bits([time, column(4, 0, 0), column(5, 0, 0), ...phases], rows);
    const alone = bits(
      [time, ...phases],
      rows.map(([time, , , ...split]) => [time, ...split]),
    );
    expect(both - alone).toBeLessThan(0.5);
  });

  it("is the time's distance, for a meter's clock", () => {
    const random = createRandom("clock");
    let time = 1_780_000_000;
    const rows = Array.from({ length: 200 }, () => {
      time += random.below(1000);
      return [time, time - 3];
    });
    const alone = bits(
      [column(0, 0, 0)],
      rows.map(([each]) => [each]),
    );
    expect(bits([column(0, 0, 0), column(1, 0, 0)], rows) - alone).toBeLessThan(0.3);
  });
});
