import { Decoder } from "cbor-x";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeFrame } from "../../src/comms/frame/encode";
import { emptyBatch, quantise, Recorder } from "../../src/lowpower/recorder";
import type { Profile } from "../../src/model/profiles";
import type { Sample } from "../../src/model/reading";

const profile: Profile = {
  number: 900,
  columns: [
    { channel: 0, name: "t", exponent: 0 },
    { channel: 2049, name: "v", exponent: -1 },
    { channel: 9216, name: "ei", exponent: 0 },
  ],
};

function recorder(bytes = 4096, limit = 1000): Recorder {
  return new Recorder(profile, emptyBatch(profile, bytes), limit);
}

function decode(recorded: Recorder, epoch = 0): unknown {
  return new Decoder({ useRecords: false, mapsAsObjects: false }).decode(
    encodeFrame(
      recorded.content(1, 2, (ticks) => ticks + epoch),
      new Uint8Array(65_536),
    ),
  );
}

describe("quantise", () => {
  it("rounds half away from zero, once", () => {
    expect([0.25, -0.25, 0.35, 230.04, 230.06, -0.04].map((value) => quantise(value, -1))).toEqual([
      3, -3, 4, 2300, 2301, -0,
    ]);
    expect(quantise(149, 2)).toBe(1);
    expect(quantise(150, 2)).toBe(2);
  });

  it("gives no number for what has no value or is out of range", () => {
    expect(quantise(undefined, 0)).toBeNaN();
    expect(quantise(Number.NaN, 0)).toBeNaN();
    expect(quantise(2 ** 53, 0)).toBeNaN();
    expect(quantise(Number.POSITIVE_INFINITY, 0)).toBeNaN();
    expect(quantise(2 ** 53 - 1, 0)).toBe(2 ** 53 - 1);
  });
});

describe("a recorder", () => {
  it("makes a frame whose columns are differences, read by any CBOR library", () => {
    const recorded = recorder();
    recorded.append(60_070, { quality: 0, v: 230.1, ei: 1000 });
    recorded.append(120_070, { quality: 0, v: 229.9, ei: 1010 });
    recorded.append(180_070, { quality: 0, v: 230.4, ei: 1011 });
    expect(decode(recorded, 1_700_000_000_000)).toEqual([
      900,
      1,
      2,
      1_700_000_060,
      3,
      [60, 0, [2301, -2, 5], [1000, 10, 1]],
    ]);
  });

  it("says what is the same throughout only once, and what is missing throughout not at all", () => {
    const recorded = recorder();
    for (const ticks of [0, 1000, 2000]) recorded.append(ticks, { quality: 0, ei: 7 });
    expect(decode(recorded)).toEqual([900, 1, 2, 0, 3, [1, 0, null, 7]]);
  });

  it("keeps missing values, bad readings and uneven times", () => {
    const recorded = recorder();
    recorded.append(0, { quality: 3 });
    recorded.append(1000, { quality: 0, v: 1, ei: 5 });
    recorded.append(5000, { quality: 1 });
    recorded.append(6000, { quality: 0, v: 2, ei: 6 });
    expect(decode(recorded)).toEqual([
      900,
      1,
      2,
      0,
      4,
      [
        [1, 4, 1],
        [3, 0, 1, 0],
        [null, 10, null, 10],
        [null, 5, null, 1],
      ],
    ]);
  });

  it("counts times from its first reading, and has no t0, while the clock was never set", () => {
    const recorded = recorder();
    // 3.2 s apart: as moments of the terminal's own ticks they would be 5 s and 9 s.
    recorded.append(5_400, { quality: 0, v: 1 });
    recorded.append(8_600, { quality: 0, v: 1 });
    const content = recorded.content(1, 2, () => undefined);
    expect(content.dated).toBe(false);
    const frame = encodeFrame(content, new Uint8Array(64));
    expect(new Decoder({ useRecords: false }).decode(frame)).toEqual([900, 1, 2, null, 2, [3, 0, 10, null]]);
  });

  it("refuses what does not fit, unchanged, and takes it once it is empty", () => {
    const recorded = recorder(200, 1000);
    let count = 0;
    while (recorded.append(count * 1000, { quality: 0, v: count, ei: 2 ** 50 + count })) count++;
    expect(count).toBeGreaterThan(10);
    expect(recorded.isFull).toBe(true);
    expect(recorded.batch.count).toBe(count);
    recorded.clear();
    expect(recorded.append(0, { quality: 0, v: 1 })).toBe(true);
  });

  it("keeps within its room, and whole, all that it takes, however little room there is", () => {
    // Four numbers of 8 bytes are the largest row; most are smaller.
    for (let room = 32; room < 160; room++) {
      const recorded = recorder(room);
      const taken: number[] = [];
      const ei = () => 10 ** (taken.length % 16);
      while (recorded.append(taken.length, { quality: 0, v: 0, ei: ei() })) taken.push(ei());
      expect(recorded.batch.length).toBeLessThanOrEqual(room);
      const { values, count } = recorded.content(0, 0, (ticks) => ticks);
      expect(Array.from(values).slice(count), `room for ${room}`).toEqual(taken);
    }
  });

  it("refuses a difference beyond 2^53 and time that goes back: both need a new frame", () => {
    const recorded = recorder();
    recorded.append(1000, { quality: 0, ei: 2 ** 53 - 1 });
    expect(recorded.append(2000, { quality: 0, ei: -1 })).toBe(false);
    expect(recorded.append(999, { quality: 0, ei: 1 })).toBe(false);
    expect(recorded.batch.count).toBe(1);
  });

  it("gives back every value of any readings, quantised", () => {
    const value = fc.option(fc.oneof(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.maxSafeInteger()), {
      nil: undefined,
    });
    const reading = fc.record({ step: fc.nat(100_000), quality: fc.nat(7), v: value, ei: value });
    fc.assert(
      fc.property(fc.array(reading, { minLength: 1, maxLength: 40 }), (readings) => {
        const recorded = recorder();
        let ticks = 0;
        const kept: typeof readings = [];
        for (const { step, quality, v, ei } of readings) {
          ticks += step;
          const sample: Sample = { quality: quality as Sample["quality"], v, ei };
          if (recorded.append(ticks, sample)) kept.push({ step: ticks, quality, v, ei });
          else break;
        }
        const { values, times, qualities, count } = recorded.content(0, 0, (ticks) => ticks);
        expect(count).toBe(kept.length);
        kept.forEach(({ step, quality, v, ei }, row) => {
          expect(times[row]).toBe(quantise(step / 1000, 0));
          expect(qualities[row]).toBe(quality);
          expect(values[row] + 0).toBe(quantise(v, -1) + 0);
          expect(values[count + row] + 0).toBe(quantise(ei, 0) + 0);
        });
      }),
    );
  });
});
