import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crcOf, SmlMeter, smlFile, transport } from "../../hal-mocks/chips/sml-meter";
import { createSerial, type SerialChip, type SerialLine, UART_FIFO } from "../../hal-mocks/serial";
import { channelNumber } from "../../src/model/channels";
import { Quality } from "../../src/model/quality";
import type { Sample } from "../../src/model/reading";
import { CRC16_X25_START, crc16X25 } from "../../src/sensors/crc16-x25";
import { Sml, type SmlOptions } from "../../src/sensors/sml";
import { bytesOf, concat } from "../support/dsmr";
import { collect, createWorld } from "../support/sensors";
import { SML_FILES } from "../support/sml-files";

type FileName = keyof typeof SML_FILES;

function fileOf(name: FileName): Uint8Array {
  const text = SML_FILES[name];
  return Uint8Array.from({ length: text.length / 2 }, (_, at) =>
    Number.parseInt(text.slice(2 * at, 2 * at + 2), 16),
  );
}

/** Sends what it is told to. */
class Voice implements SerialChip {
  line: SerialLine | undefined;

  onOpen(line: SerialLine): void {
    this.line = line;
  }
}

function open(chip: SerialChip, world = createWorld(), settings = {}) {
  const { busClock, clock, run } = world;
  const io = createSerial(busClock, new Map([[0, chip]]), settings);
  return { ...collect((onSample) => new Sml({ sensor: { io, receive: 1 }, clock, onSample })), clock, run };
}

async function read(bytes: Uint8Array, settings = {}) {
  const voice = new Voice();
  const { driver, samples, run } = open(voice, createWorld(), settings);
  voice.line!.send(bytes);
  await run(bytes.length * 1.1 + 100);
  driver.close();
  return { samples, counters: driver.counters };
}

async function valuesOf(name: FileName): Promise<Partial<Sample>> {
  const bytes = fileOf(name);
  const crc = crcOf([...bytes.subarray(0, -2)]);
  expect([crc & 255, crc >> 8]).toEqual([...bytes.subarray(-2)]);
  const { samples } = await read(bytes);
  expect(samples).toHaveLength(1);
  const { quality, ticks, ...values } = samples[0];
  expect(quality).toBe(Quality.good);
  expect(ticks).toBeGreaterThan(0);
  for (const channel of Object.keys(values)) expect(() => channelNumber(channel), channel).not.toThrow();
  return values;
}

describe("a file that a real meter sent", () => {
  const files: [FileName, Partial<Sample>][] = [
    // The direction of power stands in the status of 1.8.0, 0182 and 01B0: vzlogger's pull request 476 has −126.6 W.
    [
      "EMH-ED300L_consumption",
      { ei: 17_243_368.3, ei_t1: 17_243_368.3, ei_t2: 0, p: 137.1, pi: 137.1, pe: 0 },
    ],
    ["EMH-ED300L_delivery", { ei: 17_243_675.6, ei_t1: 17_243_675.6, ei_t2: 0, p: -126.6, pi: 0, pe: 126.6 }],
    // Submitted as a generator whose 16.7.0 is negative, in two bytes.
    ["DZG_DVS-7420.2V.G2_mtr2_neg", { ei: 13_232.9, ee: 1_500_321.3, p: -105.5, pi: 0, pe: 105.5 }],
    // Submitted as one that has 356.24 W, wrongly encoded as −299.12 W: its status says import.
    ["DZG_DVS-7412.2_jmberg", { ei: 5_430_157.7, ee: 26_244_572.6, p: 356.24, pi: 356.24, pe: 0 }],
    [
      "EasyMeter_Q3A_A1064V1009",
      {
        ...{ ei: 2_941_646.1614, ee: 110_073.1603, p: 810.26, pi: 810.26, pe: 0 },
        ...{ p_l1: 505.23, pi_l1: 505.23, pe_l1: 0, p_l2: 63.19, pi_l2: 63.19, pe_l2: 0 },
        ...{ p_l3: 241.83, pi_l3: 241.83, pe_l3: 0, v_l1: 232.5, v_l2: 230.7, v_l3: 232.5 },
      },
    ],
    ["ISKRA_MT691_eHZ-MS2020", { ei: 198_927.3, p: 26, pi: 26, pe: 0 }],
    [
      "HOLLEY_DTZ541-ZDBA",
      {
        ...{ ei_t1: 0, ei_t2: 177_360.1, ee: 314_926, p: 460, pi: 460, pe: 0, f: 50 },
        ...{ v_l1: 232.3, v_l2: 232.5, v_l3: 232.5, i_l1: 1.06, i_l2: 1.74, i_l3: 0.91 },
      },
    ],
    [
      "EMH_mME40-AE6AKF0K0",
      {
        ...{ ei: 428_896.4, p: 2623, pi: 2623, pe: 0, p_l1: 2353, pi_l1: 2353, pe_l1: 0 },
        ...{ p_l2: 65, pi_l2: 65, pe_l2: 0, p_l3: 205, pi_l3: 205, pe_l3: 0 },
      },
    ],
    // Without its PIN a meter tells whole kWh alone.
    ["ITRON_OpenWay-3.HZ_without_PIN", { ei: 25_688_000 }],
  ];

  it.each(files)("%s gives its values", async (name, expected) => {
    expect(await valuesOf(name)).toEqual(expected);
  });

  it("is found behind any part of itself, in the chunks of a UART", async () => {
    for (const name of ["ISKRA_MT691_eHZ-MS2020", "HOLLEY_DTZ541-ZDBA"] as const) {
      const bytes = fileOf(name);
      for (let cut = 0; cut < bytes.length; cut += 7) {
        const { samples, counters } = await read(concat(bytes.subarray(cut), bytes), UART_FIFO);
        expect(counters.good, `cut at ${cut}`).toBe(cut ? 1 : 2);
        expect(samples.at(-1)!.quality).toBe(Quality.good);
      }
      for (let cut = 1; cut < bytes.length; cut += 7) {
        const { counters } = await read(concat(bytes.subarray(0, cut), bytes));
        expect(counters.good, `cut after ${cut}`).toBe(1);
      }
    }
  });

  it("with any one bit wrong is not good, and the next one is", async () => {
    const bytes = fileOf("ISKRA_MT691_eHZ-MS2020");
    const right = (await read(bytes)).samples[0];
    const voice = new Voice();
    const { driver, samples, run } = open(voice);
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const damaged = bytes.slice();
      damaged[bit >> 3] ^= 1 << (bit & 7);
      voice.line!.send(damaged);
      voice.line!.send(bytes);
      await run(1000);
      if (driver.counters.good !== bit + 1) expect.fail(`bit ${bit}`);
    }
    const goods = samples.filter(({ quality }) => quality === Quality.good);
    for (const good of goods) expect({ ...good, ticks: 0 }).toEqual({ ...right, ticks: 0 });
  });
});

describe("an SML meter's chip", () => {
  it("lays a file out as a real meter did, byte by byte", () => {
    const server = [0x0a, 0x01, 0x49, 0x53, 0x4b, 0x00, 0x04, 0x32, 0x5e, 0xc5];
    const file = smlFile({
      ...{ transaction: 0x01388031, request: 0x00682abb, seconds: 0x00682793 },
      ...{ server, status: 0x1c8104, importTenths: 1_989_273, watts: 26 },
    });
    expect(file).toEqual(fileOf("ISKRA_MT691_eHZ-MS2020"));
  });

  it("tells the driver what flows, either way, with registers beyond 2^31", async () => {
    const world = createWorld();
    const values = { importWh: 301_234_567.89, exportWh: 12.34, watts: -3456.7 };
    const { samples, run } = open(new SmlMeter({ clock: world.world, values: () => values }), world);
    await run(1500);
    values.watts = 40_123;
    await run(1000);
    expect(samples).toHaveLength(2);
    expect(samples[0]).toMatchObject({ quality: 0, ei: 301_234_567.8, ee: 12.3, p: -3457, pi: 0, pe: 3457 });
    expect(samples[1]).toMatchObject({ p: 40_123, pi: 40_123, pe: 0 });
  });
});

/** A list response with these entries, each written in hexadecimal. */
function fileWith(entries: readonly string[], time = "01", server = "01"): Uint8Array {
  const count = entries.length.toString(16);
  const text = `760501000001620062007263070177 01 ${server} 01 ${time} 7${count} ${entries.join("")} 0101 63000000`;
  const digits = text.replaceAll(" ", "");
  return transport(
    Array.from({ length: digits.length / 2 }, (_, at) =>
      Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16),
    ),
  );
}

describe("a list", () => {
  it.each([
    ["an absent scaler", "77070100010800FF 01 01 621E 01 621A 01", { ei: 26 }],
    ["eight bytes", "77070100010800FF 01 01 621E 52FD 69 0000000000BC614E 01", { ei: 12_345.678 }],
    [
      "five bytes with a sign",
      "77070100100700FF 01 01 621B 5200 56 FFFFFFFF85 01",
      { p: -123, pi: 0, pe: 123 },
    ],
    [
      "six bytes' status",
      "77070100100700FF 67 000000000004 01 621B 5200 5264 01",
      { p: 100, pi: 100, pe: 0 },
    ],
    ["reactive energy", "77070100030800FF 01 01 6220 5203 6207 01", { eqi: 7000 }],
    ["a unit that is not the quantity's", "77070100010800FF 01 01 621B 5200 621A 01", {}],
    ["text for a number", "77070100010800FF 01 01 621E 5200 031A1A 01", {}],
    ["a quantity of last year", "77070100010800FE 01 01 621E 5200 621A 01", {}],
    ["a long text of two length bytes", `7707010060320101 01 01 01 01 8102${"41".repeat(16)}01`, {}],
    ["a list in a place for a value", "77070100010800FF 01 01 621E 5200 7262016202 01", {}],
  ])("with %s is read", async (_what, entry, expected) => {
    const { samples } = await read(fileWith([entry]));
    const [{ quality, ticks, ...values }] = samples;
    expect([quality, ticks === undefined]).toEqual([Quality.good, false]);
    expect(values).toEqual(expected);
  });

  it.each([
    ["Unix time", "7262026565000000", { clock: 0x65000000 }],
    ["Unix time and its offsets", "726203736565000000530000530000", { clock: 0x65000000 }],
    ["seconds since its start", "7262016565000000", {}],
    ["a number alone", "6565000000", {}],
  ])("with %s has the clock that a meter sets", async (_what, time, expected) => {
    const { samples } = await read(fileWith([], time));
    const [{ quality, ticks, ...values }] = samples;
    expect([quality, ticks === undefined]).toEqual([Quality.good, false]);
    expect(values).toEqual(expected);
  });

  it("that holds the escape itself is read", async () => {
    for (let count = 1; count < 14; count++) {
      const text = `0${(count + 1).toString(16)}${"1B".repeat(count)}`;
      const entry = `7707010060320101 01 01 01 01 ${text} 01`;
      const { samples } = await read(fileWith([entry, "77070100010800FF 01 01 621E 5200 621A 01"]));
      expect(
        samples.map(({ quality, ei }) => [quality, ei]),
        `${count}`,
      ).toEqual([[Quality.good, 26]]);
    }
  });

  it.each([
    [
      "more entries than it holds",
      fileWith(["77070100010800FF0101621E5200621A01"]).map((b) => (b === 0x71 ? 0x72 : b)),
    ],
    [
      "no list of readings",
      transport([0x76, 5, 0, 0, 0, 1, 0x62, 0, 0x62, 0, 0x72, 0x63, 2, 1, 0x71, 1, 0x63, 0, 0, 0]),
    ],
    ["nothing in it", transport([])],
  ])("with %s is malformed", async (_what, bytes) => {
    const body = bytes.slice(0, -2);
    const crc = crcOf([...body]);
    const { samples } = await read(Uint8Array.of(...body, crc & 255, crc >> 8));
    expect(samples.map(({ quality }) => quality)).toEqual([Quality.malformed]);
  });

  it.each([
    ["6553.5 V", "77070100200700FF 01 01 6223 52FF 63FFFF 01"],
    ["a register below 0", "77070100010800FF 01 01 621E 52FF 52FF 01"],
    ["50 MW", "77070100100700FF 01 01 621B 5203 63C350 01"],
  ])("with %s is implausible", async (_what, entry) => {
    const { samples } = await read(fileWith([entry]));
    expect(samples.map(({ quality }) => quality)).toEqual([Quality.implausible]);
  });
});

describe("an SML driver", () => {
  it("has the check value of CRC-16/X.25", () => {
    const crc = bytesOf("123456789").reduce(crc16X25, CRC16_X25_START);
    expect(~crc & 0xffff).toBe(0x906e);
    expect(crcOf([...bytesOf("123456789")])).toBe(0x906e);
  });

  it("gives each fault its quality and counter, and is well again by itself", async () => {
    const world = createWorld();
    const meter = new SmlMeter({
      clock: world.world,
      values: () => ({ importWh: 1, exportWh: 0, watts: 5 }),
    });
    const good = meter.file();
    const damaged = good.slice();
    damaged[150] ^= 1;
    const long = transport(new Array(1100).fill(0x41));
    meter.planted.push(
      damaged,
      good.subarray(0, 100),
      "silence",
      good,
      long,
      ...new Array(12).fill("silence"),
    );
    const { driver, qualities, run } = open(meter, world);
    await run(3500);
    expect(qualities()).toEqual([Quality.checksum]);
    await run(15_000);
    const { checksum, partial, overlong, silent } = Quality;
    expect(qualities()).toEqual([checksum, partial, 0, overlong, silent, 0]);
    expect(driver.counters).toMatchObject({ checksum: 1, partial: 1, overlong: 1, silent: 1 });
  });

  it("is not silence while files come, however long", async () => {
    const world = createWorld();
    const values = () => ({ importWh: 1, exportWh: 0, watts: 5 });
    const { driver, qualities, run } = open(new SmlMeter({ clock: world.world, values }), world);
    driver.configure({ silentMs: 3000 });
    await run(60_000);
    expect(new Set(qualities())).toEqual(new Set([Quality.good]));
    expect(driver.counters.silent).toBe(0);
  });

  it("names the field of an option that is wrong", () => {
    const { driver } = open(new Voice());
    expect(() => driver.configure({ silentMs: 10 })).toThrow("sml: silentMs is 10");
    expect(() => new Sml({} as SmlOptions)).toThrow("sml: sensor.io is missing, expected a serial class");
  });

  it("leaves no timer when closed, in any state, and calls nobody", async () => {
    for (const ms of [0, 1100, 1500, 11_000]) {
      const world = createWorld();
      const meter = new SmlMeter({
        clock: world.world,
        values: () => ({ importWh: 1, exportWh: 0, watts: 5 }),
      });
      const { driver, samples, clock, run } = open(meter, world);
      if (ms) await run(ms);
      const { length } = samples;
      driver.close();
      driver.close();
      driver.configure({ silentMs: 5000 });
      expect(clock.pending).toBe(0);
      await run(20_000);
      expect(samples).toHaveLength(length);
    }
  });

  it("takes any bytes without a throw, in bounded memory, and finds a good file behind them", async () => {
    const names = Object.keys(SML_FILES) as FileName[];
    const mutation = fc.record({
      name: fc.constantFrom(...names),
      flips: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 4 }),
      from: fc.nat(600),
      to: fc.nat(600),
      mendCrc: fc.boolean(),
    });
    const voice = new Voice();
    const { driver, samples, run } = open(voice);
    for (const { name, flips, from, to, mendCrc } of fc.sample(mutation, { numRuns: 3000, seed: 19 })) {
      const bytes = fileOf(name);
      for (const [at, flip] of flips) bytes[at % bytes.length] ^= flip;
      const crc = crcOf([...bytes.subarray(0, -2)]);
      // A right CRC over damage leads into the list's grammar.
      if (mendCrc) bytes.set([crc & 255, crc >> 8], bytes.length - 2);
      voice.line!.send(mendCrc ? bytes : bytes.subarray(Math.min(from, to), Math.max(from, to)));
      await run(700);
    }
    expect(driver.counters.good).toBeGreaterThan(100);
    expect(driver.counters.malformed).toBeGreaterThan(100);
    for (const sample of samples)
      for (const value of Object.values(sample)) expect(Number.isFinite(value)).toBe(true);
    const { good } = driver.counters;
    voice.line!.send(fileOf("ISKRA_MT691_eHZ-MS2020"));
    await run(700);
    expect(driver.counters.good).toBe(good + 1);
  });
});
