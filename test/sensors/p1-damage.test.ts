import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type MeterValues, P1Meter, type P1MeterSettings } from "../../hal-mocks/chips/p1-meter";
import type { Timer } from "../../src/hal";
import { Quality } from "../../src/model/quality";
import type { Sample } from "../../src/model/reading";
import {
  bytesOf,
  concat,
  createReader,
  feedInChunks,
  naiveCrc16,
  samplesOf,
  telegram,
  textOf,
} from "../support/dsmr";

const START = Date.UTC(2026, 5, 1);

const values: MeterValues = {
  ...{ tariff: 1, importWh: [3_432_827, 3_224_632], exportWh: [12_345, 678], importW: 378, exportW: 0 },
  phases: [
    { v: 237.1, i: 0, importW: 45, exportW: 0 },
    { v: 235.1, i: 0, importW: 10, exportW: 0 },
    { v: 236.1, i: 2, importW: 322, exportW: 0 },
  ],
};

/** The telegram that a meter sends first after `time`. */
function meterTelegram(settings: Omit<P1MeterSettings, "clock">, time = START): Uint8Array {
  let now = time;
  let bytes = new Uint8Array(0);
  const clock = {
    get now() {
      return now;
    },
    set(callback: () => void, ms: number): Timer {
      if (bytes.length) return {} as Timer;
      now += ms;
      queue.push(callback);
      return {} as Timer;
    },
    clear(): void {},
  };
  const queue: (() => void)[] = [];
  const meter = new P1Meter({ ...settings, clock });
  meter.onOpen({
    baud: 115_200,
    send: (sent) => {
      bytes = sent.slice();
    },
  });
  queue[0]();
  return bytes;
}

const meters = {
  "three phases": meterTelegram({ values: () => values }),
  "one phase": meterTelegram({ values: () => ({ ...values, phases: [values.phases[0]] }) }),
  "version 42": meterTelegram({ values: () => values, version: 42 }),
  // One bit makes `/` of its `-`, and what follows looks like an identification.
  // Nothing but the checksum itself says that there is one.
  "no version": telegram([
    "0-0:1.0.0(230724150730S)",
    "1-0:1.8.0(000173.640*kWh)",
    "1-0:2.8.0(000627.177*kWh)",
    "1-0:32.7.0(240.4*V)",
    "1-0:1.7.0(00.000*kW)",
    "0-0:96.13.0()",
  ]),
  "a name with a hyphen": meterTelegram({ values: () => values, identification: "KFM5KAIFA-METER" }),
};

/** Bytes that a P1 line is made of come often, so that the grammar is reached. */
const noise = fc.oneof(
  { weight: 2, arbitrary: fc.uint8Array({ maxLength: 300 }) },
  {
    weight: 3,
    arbitrary: fc
      .array(
        fc.constantFrom(
          ...[
            "/",
            "!",
            "\r\n",
            "\n",
            "\r",
            "0",
            "F",
            "1-0:1.8.1(",
            "000001.234",
            "*kWh)",
            "*",
            ")",
            "(",
            "/TST5",
          ],
          ...[
            "\r\n\r\n",
            "1-3:0.2.8(50)\r\n",
            "0-0:1.0.0(260601120000S)\r\n",
            "!1234\r\n",
            "\0",
            "\xff",
            "/TST5\r\n\r\n",
          ],
        ),
        { maxLength: 60 },
      )
      .map((parts) => bytesOf(parts.join(""))),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(...Object.values(meters)), fc.nat(), fc.nat())
      .map(([bytes, from, to]) => bytes.slice(from % bytes.length, to % bytes.length)),
  },
);
const chunks = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 8 });

describe("any bytes", () => {
  it("in any chunks give the same samples and counters, and never throw", () => {
    fc.assert(
      fc.property(fc.array(noise, { maxLength: 6 }), chunks, (parts, sizes) => {
        const bytes = concat(...parts);
        const whole = createReader();
        whole.feed(bytes);
        const cut = createReader();
        feedInChunks(cut, bytes, sizes);
        expect(cut.samples).toEqual(whole.samples);
        expect(cut.p1.counters).toEqual(whole.p1.counters);
        for (const sample of whole.samples) {
          for (const value of Object.values(sample)) if (!Number.isFinite(value)) return false;
        }
        return true;
      }),
      { numRuns: 1000 },
    );
  });

  it("before a good telegram do not hide it", () => {
    fc.assert(
      fc.property(
        fc.array(noise, { maxLength: 6 }),
        chunks,
        fc.constantFrom(...Object.values(meters)),
        (parts, sizes, good) => {
          const reader = createReader();
          feedInChunks(reader, concat(...parts, good), sizes);
          expect(reader.samples.at(-1)).toEqual(samplesOf(good)[0]);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

/** What the checksum covers: up to and with the `!`. */
function coveredLength(bytes: Uint8Array): number {
  return bytes.lastIndexOf(0x21) + 1;
}

function isGoodOther(samples: readonly Sample[], right: Sample): boolean {
  return samples.some(
    (sample) => sample.quality === Quality.good && JSON.stringify(sample) !== JSON.stringify(right),
  );
}

/** Whether from any `/` to any `!` the checksum matches. */
function hasMatchingChecksum(bytes: Uint8Array): boolean {
  const text = textOf(bytes);
  const starts = [...text.matchAll(/\//g)].map(({ index }) => index);
  const ends = [...text.matchAll(/!([0-9A-F]{1,4})/g)];
  return starts.some((start) =>
    ends.some(
      ({ index, 1: digits }) =>
        index > start && naiveCrc16(bytes.subarray(start, index + 1)) === Number.parseInt(digits, 16),
    ),
  );
}

describe.each(Object.entries(meters))("damage to a telegram of %s", (_name, bytes) => {
  const [right] = samplesOf(bytes);
  const length = coveredLength(bytes);
  const next = telegram(["1-0:1.8.1(1*Wh)"]);

  it("of any one bit gives no good sample, and the next telegram is read", () => {
    expect(right.quality).toBe(Quality.good);
    for (let bit = 0; bit < 8 * length; bit++) {
      const damaged = bytes.slice();
      damaged[bit >> 3] ^= 1 << (bit & 7);
      const samples = samplesOf(concat(damaged, next)).filter(({ quality }) => quality === Quality.good);
      if (samples.length !== 1 || samples[0].ei_t1 !== 1) expect.fail(`bit ${bit}`);
    }
  });

  it("of any two bits gives no good sample", () => {
    fc.assert(
      fc.property(fc.nat(8 * length - 1), fc.nat(8 * length - 1), (first, second) => {
        fc.pre(first !== second);
        const damaged = flip(bytes, first, second);
        return samplesOf(damaged).every(({ quality }) => quality !== Quality.good);
      }),
      { numRuns: 3000 },
    );
  });

  it("of two bits that moves its beginning or its end gives no good sample", () => {
    // Any pair may hit where a byte has become one that frames; of those that could, each fourth is tried.
    let pairs = 0;
    for (const [first, second] of framingPairs(bytes, length)) {
      if (pairs++ % 4) continue;
      if (samplesOf(flip(bytes, first, second)).some(({ quality }) => quality === Quality.good)) {
        expect.fail(`bits ${first} and ${second}: ${JSON.stringify(textOf(flip(bytes, first, second)))}`);
      }
    }
    expect(pairs).toBeGreaterThan(0);
  });

  it("of its checksum too never gives a good sample with other values", () => {
    for (let bit = 8 * length; bit < 8 * bytes.length; bit++) {
      for (let other = 8 * length; other < 8 * bytes.length; other++) {
        const damaged = flip(bytes, bit, other);
        if (isGoodOther(samplesOf(damaged), right)) expect.fail(`bits ${bit} and ${other}`);
      }
    }
  });

  it("by lost and doubled runs of bytes gives other values only where the checksum matches by chance", () => {
    // One run of 65,536 does: 16 bits find no more.
    fc.assert(
      fc.property(fc.nat(length - 1), fc.nat(200), fc.boolean(), (from, count, lost) => {
        const damaged = lost
          ? concat(bytes.subarray(0, from), bytes.subarray(from + count))
          : concat(bytes.subarray(0, from + count), bytes.subarray(from));
        return !isGoodOther(samplesOf(damaged), right) || hasMatchingChecksum(damaged);
      }),
      { numRuns: 1000 },
    );
  });
});

function flip(bytes: Uint8Array, first: number, second: number): Uint8Array {
  const damaged = bytes.slice();
  damaged[first >> 3] ^= 1 << (first & 7);
  if (first !== second) damaged[second >> 3] ^= 1 << (second & 7);
  return damaged;
}

/**
 * Pairs of bits after which a `/` stands where none was, and the checksum over the rest happens to match: a driver
 * that begins anew at any `/` would take the rest for a telegram. A CRC is linear, so they are found without
 * trying all 30 million. And all pairs within two neighbouring bytes and with a new line end.
 */
function* framingPairs(bytes: Uint8Array, length: number): Generator<[number, number]> {
  const at = bytes.lastIndexOf(0x21) + 1;
  const checksum = Number.parseInt(textOf(bytes.subarray(at, at + 4)), 16);
  const syndromes = bitSyndromes(length);
  for (let byte = 1; byte < length; byte++) {
    const difference = bytes[byte] ^ 0x2f;
    const bits = [0, 1, 2, 3, 4, 5, 6, 7]
      .filter((bit) => difference & (1 << bit))
      .map((bit) => 8 * byte + bit);
    if (bits.length === 2) yield [bits[0], bits[1]];
    if (bits.length !== 1) continue;
    const rest = bytes.slice(byte, length);
    rest[0] = 0x2f;
    const wanted = naiveCrc16(rest) ^ checksum;
    for (let bit = 0; bit < 8 * length; bit++) {
      if (bit >> 3 > byte ? syndromes[bit] === wanted : wanted === 0) yield [bits[0], bit];
    }
  }
  for (let bit = 0; bit < 8 * length; bit++) {
    for (let other = bit; other < Math.min(8 * length, (bit & ~7) + 16); other++) yield [bit, other];
  }
}

/** What one flipped bit does to the checksum, by its place. */
function bitSyndromes(length: number): Uint16Array {
  const syndromes = new Uint16Array(8 * length);
  for (let bit = 0; bit < 8; bit++) {
    let crc = naiveCrc16(Uint8Array.of(1 << bit));
    for (let byte = length - 1; byte >= 0; byte--) {
      syndromes[8 * byte + bit] = crc;
      for (let step = 0; step < 8; step++) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
    }
  }
  return syndromes;
}

describe("a meter's values come out of the driver", () => {
  const energy = fc.double({ min: 0, max: 99_999_999, noNaN: true });
  const power = fc.double({ min: 0, max: 99_000, noNaN: true });
  const phase = fc.record({
    v: fc.double({ min: 0, max: 999, noNaN: true }),
    i: fc.double({ min: 0, max: 999, noNaN: true }),
    importW: power,
    exportW: power,
  });
  const anyValues = fc.record({
    tariff: fc.nat(9999),
    importWh: fc.tuple(energy, energy),
    exportWh: fc.tuple(energy, energy),
    importW: power,
    exportW: power,
    phases: fc.oneof(fc.tuple(phase), fc.tuple(phase, phase, phase)),
  });
  const time = fc.integer({ min: Date.UTC(2000, 0, 2), max: Date.UTC(2099, 11, 30) });

  it.each([50, 42, 22] as const)("as they went in, version %i", (version) => {
    fc.assert(
      fc.property(anyValues, time, fc.integer({ min: -48, max: 56 }), (given, now, quarters) => {
        const utcOffset = 15 * quarters;
        const bytes = meterTelegram({ values: () => given, version, utcOffset }, now);
        expect(samplesOf(bytes, { utcOffset })).toEqual([expectedSample(given, now, version)]);
      }),
      { numRuns: 400 },
    );
  });
});

function expectedSample(given: MeterValues, now: number, version: 22 | 42 | 50): Sample {
  const sample: Sample = {
    ...{ quality: Quality.good, ticks: 0, tariff: given.tariff },
    ...{ ei_t1: Math.floor(given.importWh[0]), ei_t2: Math.floor(given.importWh[1]) },
    ...{ ee_t1: Math.floor(given.exportWh[0]), ee_t2: Math.floor(given.exportWh[1]) },
    ...{ pi: Math.round(given.importW), pe: Math.round(given.exportW) },
  };
  if (version === 22) return sample;
  const period = version === 50 ? 1000 : 10_000;
  sample.clock = ((Math.floor(now / period) + 1) * period) / 1000;
  for (const [index, { v, i, importW, exportW }] of given.phases.entries()) {
    if (version === 50) sample[`v_l${index + 1}`] = Math.round(v * 10) / 10;
    sample[`i_l${index + 1}`] = Math.round(i);
    sample[`pi_l${index + 1}`] = Math.round(importW);
    sample[`pe_l${index + 1}`] = Math.round(exportW);
  }
  return sample;
}

describe("a line that has gone mad", () => {
  const MEGABYTE = 1 << 20;
  const good = meters["three phases"];
  const [right] = samplesOf(good);
  const stuck = [
    "\0",
    "\xff",
    "/",
    "!",
    "\n",
    "\r",
    "/\n",
    "!\n",
    "0",
    "/TST5\r\n\r\n",
    "!0",
    "/TST5\r\n\r\n!0000\r\n",
  ];

  it.each(stuck)(
    "for a megabyte of %j costs a counter and no more, and a good telegram behind it is read",
    (text) => {
      const reader = createReader();
      const bytes = bytesOf(text.repeat(MEGABYTE / text.length));
      const start = performance.now();
      feedInChunks(reader, bytes, [1024]);
      expect(performance.now() - start).toBeLessThan(5000);
      expect(reader.samples.length).toBeLessThanOrEqual(1);
      reader.feed(concat(bytesOf("\r\n"), good));
      expect(reader.samples.at(-1)).toEqual(right);
      expect(reader.p1.counters.good).toBe(1);
    },
  );

  it("for a megabyte of random bytes likewise", () => {
    const reader = createReader();
    let state = 1;
    const bytes = Uint8Array.from({ length: MEGABYTE }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return state >>> 16;
    });
    feedInChunks(reader, bytes, [1, 100, 1000]);
    expect(reader.samples.length).toBeLessThanOrEqual(1);
    reader.feed(good);
    expect(reader.samples.at(-1)).toEqual(right);
  });

  it("keeps no memory of it", () => {
    const bytes = bytesOf(`/TST5\r\n\r\n${"1-0:1.8.1(000001.234*kWh)\r\n".repeat(40_000)}`);
    const reader = createReader();
    feedInChunks(reader, bytes, [1024]);
    const before = process.memoryUsage().arrayBuffers;
    for (let count = 0; count < 20; count++) feedInChunks(reader, bytes, [1024]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MEGABYTE);
  });

  it.each([[[1]], [[100]], [[5000]]])(
    "with a telegram of 5 KB, in chunks of %j, is overlong once",
    (sizes) => {
      const reader = createReader();
      const long = `/TST5\r\n\r\n1-3:0.2.8(50)\r\n${"0-0:96.13.0(3031)\r\n".repeat(260)}!0000\r\n`;
      feedInChunks(reader, concat(bytesOf(long), good), sizes);
      expect(reader.p1.counters).toMatchObject({
        telegrams: 2,
        overlong: 1,
        good: 1,
        partial: 0,
        checksum: 0,
      });
      expect(reader.samples).toEqual([{ quality: Quality.overlong, ticks: 0 }, right]);
    },
  );

  it("reads a telegram of 4,000 bytes", () => {
    const long = telegram([`0-0:96.13.0(${"30".repeat(1950)})`, "1-0:1.8.1(1*Wh)"]);
    expect(long.length).toBeGreaterThan(3900);
    expect(samplesOf(long)).toEqual([{ quality: Quality.good, ticks: 0, ei_t1: 1 }]);
  });
});
