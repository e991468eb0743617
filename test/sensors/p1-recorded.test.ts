import { describe, expect, it } from "vitest";
import { P1Replay, parseRecording } from "../../hal-mocks/chips/p1-replay";
import { TerminalClock, VirtualClock } from "../../hal-mocks/clock";
import { settle } from "../../hal-mocks/node/settle";
import { createSerial } from "../../hal-mocks/serial";
import { Quality } from "../../src/model/quality";
import type { Sample } from "../../src/model/reading";
import { P1, type P1Configuration } from "../../src/sensors/p1";
import {
  createReader,
  recordedStream,
  recordedTelegram,
  samplesOf,
  textOf,
  warnWithoutRecordedTelegrams,
} from "../support/dsmr";

function utc(iso: string): number {
  return Date.parse(iso) / 1000;
}

interface Expected {
  configuration?: P1Configuration;
  values: Record<string, number>;
}

/** Every channel of every telegram, read by a person. */
const expected: Record<string, Expected> = {
  "esy5q3da1004_v304.txt": {
    values: { ei: 32_549_506.1662, pi: 1688.21, pi_l1: 557.29, pi_l2: 521.62, pi_l3: 609.3 },
  },
  "esy5q3db1024_v304.txt": {
    values: {
      ei: 52_185_782.5309,
      ee: 19_949_322.1493,
      pi: 2124.86,
      pi_l1: 747.85,
      pi_l2: 737.28,
      pi_l3: 639.73,
    },
  },
  "fluvius_v171.txt": {
    values: {
      clock: utc("2020-05-12T11:54:09Z"),
      tariff: 1,
      ...{ ei_t1: 34, ei_t2: 15_758, ee_t1: 0, ee_t2: 11, pi: 0, pe: 0 },
      ...{ pi_l1: 0, pi_l2: 0, pi_l3: 0, pe_l1: 0, pe_l2: 0, pe_l3: 0 },
      ...{ v_l1: 234.7, v_l2: 234.7, v_l3: 234.7, i_l1: 0, i_l2: 0, i_l3: 0 },
    },
  },
  "fluvius_v171_alt.txt": {
    values: {
      clock: utc("2023-11-02T11:15:48Z"),
      tariff: 1,
      ...{ ei_t1: 301_548, ei_t2: 270_014, ee_t1: 5, ee_t2: 0, pi: 338, pe: 0 },
      ...{ pi_l1: 47, pi_l2: 179, pi_l3: 111, pe_l1: 0, pe_l2: 0, pe_l3: 0 },
      ...{ v_l1: 232.9, v_l2: 228.1, v_l3: 228.1, i_l1: 0.27, i_l2: 0.88, i_l3: 0.52 },
    },
  },
  "iskra_ie.txt": {
    configuration: { utcOffset: 0 },
    values: {
      clock: utc("2023-02-02T12:27:47Z"),
      tariff: 1,
      ...{ ei_t1: 10_181, ei_t2: 10_182, ee_t1: 10_281, ee_t2: 10_282, pi: 170, pe: 270 },
      ...{ pi_l1: 217, pi_l2: 417, pi_l3: 617, pe_l1: 227, pe_l2: 427, pe_l3: 627 },
      ...{ v_l1: 242.5, v_l2: 241.7, v_l3: 243.3, i_l1: 0, i_l2: 0, i_l3: 0 },
    },
  },
  "sagemcom_t210_d_r.txt": {
    values: {
      clock: utc("2022-10-06T13:50:14Z"),
      ...{ ei: 6_545_766, ei_t1: 5_017_120, ei_t2: 1_528_646, ee: 58, ee_t1: 0, ee_t2: 58 },
      ...{ eqi: 747, eqi_t1: 0, eqi_t2: 747, eqe: 3_897_726, eqe_t1: 2_692_848, eqe_t2: 1_204_878 },
      ...{ pi: 286, pe: 0, qi: 0, qe: 166 },
    },
  },
  "unpadded_crc.txt": { values: { clock: utc("2026-02-15T19:05:23Z") } },
  "v2_2.txt": {
    values: { tariff: 1, ei_t1: 1001, ei_t2: 1001, ee_t1: 1001, ee_t2: 1001, pi: 1010, pe: 0 },
  },
  "v3.txt": {
    values: {
      tariff: 2,
      ...{ ei_t1: 12_345_678, ei_t2: 12_345_678, ee_t1: 12_345_678, ee_t2: 12_345_678, pi: 1190, pe: 0 },
    },
  },
  "v4_2.txt": {
    values: {
      clock: utc("2016-11-13T19:57:57Z"),
      tariff: 2,
      ...{ ei_t1: 1_581_123, ei_t2: 1_435_706, ee_t1: 0, ee_t2: 0, pi: 2027, pe: 0 },
      ...{ i_l1: 0, i_l2: 6, i_l3: 2 },
      ...{ pi_l1: 170, pi_l2: 1247, pi_l3: 209, pe_l1: 0, pe_l2: 0, pe_l3: 0 },
    },
  },
  "v5.txt": {
    values: {
      clock: utc("2017-01-02T18:20:02Z"),
      tariff: 2,
      ...{ ei_t1: 4426, ei_t2: 2399, ee_t1: 2444, ee_t2: 0, pi: 244, pe: 0 },
      ...{ v_l1: 230, v_l2: 230, v_l3: 229, i_l1: 0.48, i_l2: 0.44, i_l3: 0.86 },
      ...{ pi_l1: 70, pi_l2: 32, pi_l3: 142, pe_l1: 0, pe_l2: 0, pe_l3: 0 },
    },
  },
  "v5_eon_hu.txt": {
    values: {
      clock: utc("2023-07-24T13:07:30Z"),
      tariff: 1,
      ...{ ei: 173_640, ei_t1: 47_719, ei_t2: 125_921, ei_t3: 0, ei_t4: 0 },
      ...{ ee: 627_177, ee_t1: 401_829, ee_t2: 225_348, ee_t3: 0, ee_t4: 0 },
      ...{ eqi: 123, eqe: 303_131, pi: 0, pe: 2601, f: 50 },
      ...{ v_l1: 240.4, v_l2: 239.1, v_l3: 241.2, i_l1: 3, i_l2: 4, i_l3: 3 },
    },
  },
  "v5_two_mbus.txt": {
    values: {
      clock: utc("2020-04-26T20:33:25Z"),
      tariff: 1,
      ...{ ei_t1: 2_130_115, ei_t2: 245_467, ee_t1: 0, ee_t2: 0, pi: 111, pe: 0 },
      ...{ v_l1: 229.9, v_l2: 229.2, v_l3: 222.9, i_l1: 0, i_l2: 0, i_l3: 1 },
      ...{ pi_l1: 56, pi_l2: 0, pi_l3: 55, pe_l1: 0, pe_l2: 0, pe_l3: 0 },
    },
  },
};

describe.skipIf(!warnWithoutRecordedTelegrams())("telegrams of real meters", () => {
  for (const [name, { configuration, values }] of Object.entries(expected)) {
    it(`reads ${name}, whole and byte by byte`, () => {
      const bytes = recordedTelegram(name);
      const samples = [{ quality: Quality.good, ticks: 0, ...values }];
      expect(samplesOf(bytes, configuration)).toEqual(samples);
      expect(samplesOf(bytes, configuration, [1])).toEqual(samples);
    });
  }

  it("reads all of them one after the other", () => {
    const reader = createReader();
    for (const name of Object.keys(expected)) reader.feed(recordedTelegram(name));
    expect(reader.samples.map(({ quality }) => quality)).toEqual(new Array(13).fill(Quality.good));
    expect(reader.p1.counters).toMatchObject({ telegrams: 13, good: 13, partial: 0, checksum: 0 });
  });

  it("refuses a version 4.2 telegram whose checksum was cut off", () => {
    const text = textOf(recordedTelegram("v4_2.txt")).replace("!6796", "!");
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    expect(samplesOf(bytes)).toEqual([{ quality: Quality.checksum, ticks: 0 }]);
  });

  it("reads 566 whole telegrams of a recorded stream at their own times, after a partial one", async () => {
    const recording = parseRecording(recordedStream());
    expect(recording.restoredLineEnds).toBe(true);
    expect(recording.telegrams).toHaveLength(566);
    const world = new VirtualClock(recording.telegrams[0].at - 500, settle);
    const clock = new TerminalClock(world);
    const replay = new P1Replay({ clock: world, recording });
    const samples: { at: number; sample: Sample }[] = [];
    const p1 = new P1({
      sensor: { io: createSerial(clock, new Map([[0, replay]])), receive: 16 },
      clock,
      onSample: () => samples.push({ at: world.now, sample: p1.sample()! }),
    });
    await world.runUntil(recording.telegrams[565].at + 1000);

    expect(samples[0].sample).toEqual({
      quality: Quality.partial,
      ticks: samples[0].at - world.now + clock.ticks,
    });
    const good = samples.slice(1);
    expect(good.map(({ sample: { ticks, ...sample } }) => sample)).toEqual(
      readWithRegex(textOf(recordedStream())),
    );
    expect(p1.counters).toMatchObject({ telegrams: 566, good: 566, partial: 1, checksum: 0, malformed: 0 });
    for (const { at, sample } of good) {
      // 731 bytes last 64 ms at 115200 bits a second.
      expect(at / 1000 - sample.clock!).toBeGreaterThan(0);
      expect(at / 1000 - sample.clock!).toBeLessThan(0.1);
    }
  });
});

const LINES: Record<string, [RegExp, number]> = {
  ei_t1: [/^1-0:1\.8\.1\((.*)\*kWh\)$/m, 1000],
  ei_t2: [/^1-0:1\.8\.2\((.*)\*kWh\)$/m, 1000],
  ee_t1: [/^1-0:2\.8\.1\((.*)\*kWh\)$/m, 1000],
  ee_t2: [/^1-0:2\.8\.2\((.*)\*kWh\)$/m, 1000],
  tariff: [/^0-0:96\.14\.0\((.*)\)$/m, 1],
  pi: [/^1-0:1\.7\.0\((.*)\*kW\)$/m, 1000],
  pe: [/^1-0:2\.7\.0\((.*)\*kW\)$/m, 1000],
  v_l1: [/^1-0:32\.7\.0\((.*)\*V\)$/m, 1],
  v_l2: [/^1-0:52\.7\.0\((.*)\*V\)$/m, 1],
  v_l3: [/^1-0:72\.7\.0\((.*)\*V\)$/m, 1],
  i_l1: [/^1-0:31\.7\.0\((.*)\*A\)$/m, 1],
  i_l2: [/^1-0:51\.7\.0\((.*)\*A\)$/m, 1],
  i_l3: [/^1-0:71\.7\.0\((.*)\*A\)$/m, 1],
  pi_l1: [/^1-0:21\.7\.0\((.*)\*kW\)$/m, 1000],
  pi_l2: [/^1-0:41\.7\.0\((.*)\*kW\)$/m, 1000],
  pi_l3: [/^1-0:61\.7\.0\((.*)\*kW\)$/m, 1000],
  pe_l1: [/^1-0:22\.7\.0\((.*)\*kW\)$/m, 1000],
  pe_l2: [/^1-0:42\.7\.0\((.*)\*kW\)$/m, 1000],
  pe_l3: [/^1-0:62\.7\.0\((.*)\*kW\)$/m, 1000],
};

/** What the recorded text says, read in another way. Its meter was in the Netherlands, in winter. */
function readWithRegex(stream: string): Sample[] {
  return stream
    .split("/")
    .slice(1)
    .map((text) => {
      const sample: Sample = { quality: Quality.good };
      for (const [name, [pattern, factor]] of Object.entries(LINES)) {
        const decimals = factor === 1000 ? 0 : 1;
        sample[name] = Number((Number(pattern.exec(text)![1]) * factor).toFixed(decimals));
      }
      const [year, ...rest] = /^0-0:1\.0\.0\((\d{12})W\)$/m.exec(text)![1].match(/../g)!;
      sample.clock = utc(`20${year}-${rest[0]}-${rest[1]}T${rest.slice(2).join(":")}+01:00`);
      return sample;
    });
}
