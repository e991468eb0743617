import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeDenseFrame } from "../../src/comms/frame/dense";
import { encodeFrame } from "../../src/comms/frame/encode";
import { emptyBatch, quantise, Recorder } from "../../src/lowpower/recorder";
import { profiles } from "../../src/model/profiles";
import type { Sample } from "../../src/model/reading";
import { decodeFrame, type FrameResult } from "../../tools/decode/frame";
import { COLUMNS, cbor, frame } from "./harness";

const MAX = Number.MAX_SAFE_INTEGER;

function decode(item: unknown): FrameResult {
  return decodeFrame(cbor(item));
}

function errorOf(item: unknown): string | undefined {
  const result = decode(item);
  return result.ok ? undefined : result.error;
}

/** A body of profile 1 with its first columns given. */
function body(times: unknown, quality: unknown, ...columns: unknown[]): unknown[] {
  return [times, quality, ...columns, ...new Array(COLUMNS - columns.length).fill(null)];
}

function readings(item: unknown) {
  const result = decode(item);
  if (!result.ok) throw new Error(result.error);
  return result.frame.readings;
}

/** What a recorder makes of a quiet house. */
function recorded(count: number, epoch = 1_780_000_000_000, dated = true) {
  const recorder = new Recorder(profiles.meter1, emptyBatch(profiles.meter1, 4096), count);
  for (let row = 0; row < count; row++) {
    const sample: Sample = {
      quality: row === 7 ? 2 : 0,
      ei_t1: 1_000_000 + row,
      pi: 360 + (row % 5),
      v_l1: 230.1,
    };
    recorder.append(row * 10_000, sample);
  }
  return recorder.content(7, 300, (ticks) => (dated ? epoch + ticks : undefined));
}

describe("a good frame", () => {
  it.each<[unknown, number | undefined]>([
    [[1050], 1050],
    [[0, "more"], 0],
    [null, undefined],
    [[-1], undefined],
    ["else", undefined],
  ])("says by its ext how far off its times may be: %j", (ext, errorMs) => {
    const result = decode([...frame(), ext]);
    expect(result.ok && result.frame.errorMs).toBe(errorMs);
  });

  it("gives its readings in the registry's units", () => {
    expect(decode(frame())).toEqual({
      ok: true,
      frame: {
        profile: 1,
        boot: 7,
        seq: 0,
        readings: [
          { time: 1_780_000_000_000, quality: 0, values: { clock: 100 } },
          { time: 1_780_000_060_000, quality: 0, values: { clock: 160 } },
        ],
      },
    });
  });

  it("may have more items in its envelope, which mean nothing here", () => {
    expect(decode([...frame(), { ext: 1 }, "more", [1, 2]])).toEqual(decode(frame()));
  });

  it("has no times when the terminal had none", () => {
    const times = readings(frame({ 3: null }, body([5], 0))).map(({ time }) => time);
    expect(times).toEqual([undefined, undefined]);
  });

  it("has missing values, changing qualities and uneven times", () => {
    const item = frame({ 4: 3 }, body([1, 5], [0, 3, 0], [10, null, 5], 7));
    expect(readings(item)).toEqual([
      { time: 1_780_000_000_000, quality: 0, values: { clock: 10, ei: 7 } },
      { time: 1_780_000_001_000, quality: 3, values: { ei: 7 } },
      { time: 1_780_000_006_000, quality: 0, values: { clock: 15, ei: 7 } },
    ]);
  });

  it("holds integers up to ±(2^53−1), also where cbor-x gives a bigint", () => {
    const item = frame({ 2: BigInt(MAX) }, body(0, 0, [MAX, -MAX], -MAX, BigInt(-MAX)));
    const [first, second] = readings(item);
    expect(first.values).toEqual({ clock: MAX, ei: -MAX, ei_t1: -MAX });
    expect(second.values.clock).toBe(0);
  });

  it("may have a dense body, and gives the same as with a plain one", () => {
    const content = recorded(30);
    const dense = encodeDenseFrame(content, profiles.meter1.columns, new Uint8Array(4096));
    const plain = encodeFrame(content, new Uint8Array(4096));
    expect(dense.length).toBeLessThan(plain.length / 2);
    expect(decodeFrame(dense)).toEqual(decodeFrame(plain));
    const undated = encodeDenseFrame(recorded(30, 0, false), profiles.meter1.columns, new Uint8Array(4096));
    expect(decodeFrame(undated)).toMatchObject({
      ok: true,
      frame: { readings: { 29: { time: undefined } } },
    });
  });

  it("may have anything behind its body", () => {
    for (const more of [1.5, "text", { a: [1] }, 2n ** 60n, true, undefined, null, Buffer.of(1)])
      expect(decode([...frame(), more])).toEqual(decode(frame()));
  });

  it("may have a moment that no calendar has", () => {
    expect(readings(frame({ 3: MAX }, body(0, 0)))[0].time).toBeGreaterThan(8.64e15);
  });
});

describe("what is wrong is one line that names its place", () => {
  const cases: [item: unknown, line: string][] = [
    [null, "not a frame: expected an array"],
    [{}, "not a frame: expected an array"],
    [[1, 2, 3], "the envelope has 3 items, expected at least 6"],
    [frame({ 0: -1 }), "profile: not an integer within its range"],
    [frame({ 0: 999 }), "profile 999 is not known"],
    [frame({ 1: 2 ** 32 }), "boot: not an integer within its range"],
    [frame({ 2: 1.5 }), "seq: not an integer within its range"],
    [frame({ 2: 2n ** 53n }), "seq: not an integer within its range"],
    [frame({ 2: 2n ** 63n }), "seq: not an integer within its range"],
    [frame({ 3: "now" }), "t0: not an integer within its range"],
    [frame({ 3: undefined }), "t0: not an integer within its range"],
    [frame({ 4: 0 }), "count: not an integer within its range"],
    [frame({ 4: 1025 }), "count: not an integer within its range"],
    [frame({}, Buffer.alloc(9)), "times: an entry is missing"],
    [frame({}, [0, 0]), "the body is not an array of 16 items, as profile 1 has them"],
    [frame({}, body([1, 2], 0)), "times: 2 steps, expected 1"],
    [frame({}, body([0.5], 0)), "times: step 1: not an integer within its range"],
    [frame({}, body(null, 0)), "times: step 1: not an integer within its range"],
    [frame({ 4: 1 }, body(null, 0)), "times: not an integer within its range"],
    [frame({ 3: MAX }, body(1, 0)), "times: step 1: the sum is outside ±(2^53−1)"],
    [frame({}, body(0, -1)), "quality: not an integer within its range"],
    [frame({}, body(0, [0])), "quality: 1 codes, expected 2"],
    [frame({}, body(0, [0, null])), "quality: entry 2: not an integer within its range"],
    [frame({}, body(0, 0, "x")), "column 1 (clock): not an integer within its range"],
    [frame({}, body(0, 0, null, [1])), "column 2 (ei): 1 entries, expected 2"],
    [frame({}, body(0, 0, null, [1, Number.NaN])), "column 2 (ei): entry 2: not an integer within its range"],
    [frame({}, body(0, 0, [MAX, 1])), "column 1 (clock): entry 2: the sum is outside ±(2^53−1)"],
  ];
  it.each(cases.map(([item, line]) => ({ item, line })))("$line", ({ item, line }) => {
    expect(errorOf(item)).toBe(line);
  });

  it.each<[string, Uint8Array]>([
    ["nothing", new Uint8Array(0)],
    ["a byte behind the item", Uint8Array.of(...cbor(frame()), 0)],
    ["a second frame behind it", Uint8Array.of(...cbor(frame()), ...cbor(frame()))],
    ["10,000 nested arrays", new Uint8Array(10_000).fill(0x81)],
    ["10,000 nested arrays of indefinite length", new Uint8Array(10_000).fill(0x9f)],
    ["10,000 nested tags", new Uint8Array(10_000).fill(0xc1)],
    ["an array that claims 2^64−1 items", new Uint8Array(64).fill(0xff, 1).fill(0x9b, 0, 1)],
    ["an array that claims 2^32−1 items", Uint8Array.of(0x9a, 0xff, 0xff, 0xff, 0xff)],
    ["a byte string that claims 4 GB", Uint8Array.of(0x5a, 0xff, 0xff, 0xff, 0xff, 1)],
    ["a map that claims 2^32−1 pairs", Uint8Array.of(0xba, 0xff, 0xff, 0xff, 0xff, 1)],
    ["a frame of indefinite length", Uint8Array.of(0x9f, ...cbor(frame()).subarray(1), 0xff)],
    [
      "a frame with a number that is longer than need be",
      Uint8Array.of(0x86, 0x18, ...cbor(frame()).subarray(1)),
    ],
    ["a simple value in two bytes that has one", Uint8Array.of(0xf8, 0x16)],
    ["a break", Uint8Array.of(0xff)],
    ["a reserved length", Uint8Array.of(0x1c)],
  ])("%s is not CBOR", (_, bytes) => {
    const begun = performance.now();
    const result = decodeFrame(bytes);
    expect(performance.now() - begun).toBeLessThan(500);
    expect(result).toMatchObject({ ok: false, error: expect.stringMatching(/^not CBOR: [^\n]+$/) });
  });
});

describe("any bytes", () => {
  const good = cbor(frame({ 4: 3 }, body([1, 5], [0, 3, 0], [10, null, 5], 7)));

  /** Bytes of good frames with some replaced. */
  const mutated = fc
    .array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 })
    .map((changes) => {
      const bytes = good.slice();
      for (const [at, byte] of changes) bytes[at] = byte;
      return bytes;
    });
  const truncated = fc.nat(good.length - 1).map((length) => good.slice(0, length));

  it("never throw, and give one line or a frame whose parts are numbers", () => {
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated, truncated);
    fc.assert(
      fc.property(bytes, (payload) => {
        const result = decodeFrame(payload);
        if (!result.ok) expect(result.error).toMatch(/^[^\n]+$/);
        else
          for (const { quality } of result.frame.readings) expect(Number.isSafeInteger(quality)).toBe(true);
        // Nothing of it is left behind in the decoder.
        expect(decodeFrame(good).ok).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });
});

it("decodes what the recorder has kept, quantised", () => {
  const profile = profiles.meter3;
  const columns = profile.columns.slice(1);
  const value = fc.option(fc.double({ min: 0, max: 1e9, noNaN: true }), { nil: undefined, freq: 4 });
  const reading = fc.record({
    step: fc.nat(90_000),
    quality: fc.nat(7),
    values: fc.array(value, { minLength: columns.length, maxLength: columns.length }),
  });
  const epoch = fc.option(fc.integer({ min: 0, max: 4e12 }), { nil: undefined });
  const boot = fc.nat(0xffff_ffff);
  fc.assert(
    fc.property(fc.array(reading, { minLength: 1, maxLength: 12 }), epoch, boot, (all, zero, epochNumber) => {
      const recorder = new Recorder(profile, emptyBatch(profile, 8192), 1000);
      let ticks = 0;
      const expected = all.map(({ step, quality, values }) => {
        ticks += step;
        const sample: Sample = { quality: quality as Sample["quality"] };
        columns.forEach(({ name }, index) => {
          sample[name] = values[index];
        });
        expect(recorder.append(ticks, sample)).toBe(true);
        const time = zero === undefined ? undefined : quantise((ticks + zero) / 1000, 0) * 1000;
        return { time, quality, values: quantised(sample) };
      });
      const timeAt = (ticks: number) => (zero === undefined ? undefined : ticks + zero);
      const bytes = encodeFrame(recorder.content(epochNumber, 5, timeAt), new Uint8Array(65_536));
      const result = decodeFrame(bytes);
      expect(result).toEqual({
        ok: true,
        frame: { profile: profile.number, boot: epochNumber, seq: 5, readings: expected },
      });
    }),
  );

  function quantised(sample: Sample): Record<string, number> {
    const present = columns.filter(({ name }) => sample[name] !== undefined);
    return Object.fromEntries(
      present.map(({ name, exponent }) => [name, quantise(sample[name], exponent) / 10 ** -exponent + 0]),
    );
  }
});
