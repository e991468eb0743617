import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type MeterValues, P1Meter } from "../../hal-mocks/chips/p1-meter";
import { TerminalClock, VirtualClock } from "../../hal-mocks/clock";
import { settle } from "../../hal-mocks/node/settle";
import { createSerial } from "../../hal-mocks/serial";
import { channelNumber } from "../../src/model/channels";
import { Quality } from "../../src/model/quality";
import type { Sample } from "../../src/model/reading";
import { crc16 } from "../../src/sensors/crc16";
import { P1, type P1Configuration, type P1Options } from "../../src/sensors/p1";
import {
  bytesOf,
  concat,
  createReader,
  naiveCrc16,
  StubLine,
  samplesOf,
  telegram,
  textOf,
  withChecksum,
} from "../support/dsmr";

const good = telegram(["1-3:0.2.8(50)", "1-0:1.8.1(000001.234*kWh)"]);
const goodSample = { quality: Quality.good, ticks: 0, ei_t1: 1234 };
const bad = withChecksum("/TST5\r\n\r\n1-0:1.8.1(000001.234*kWh)\r\n!").map((byte, index) =>
  index === 20 ? byte ^ 1 : byte,
);

/** DSMR 2 and 3: no checksum. */
function old(...lines: string[]): Uint8Array {
  return bytesOf(`/TST5\\2OLD\r\n\r\n${lines.map((line) => `${line}\r\n`).join("")}!\r\n`);
}

function qualities(samples: readonly Sample[]): number[] {
  return samples.map(({ quality }) => quality);
}

describe("a telegram", () => {
  it("of a three-phase DSMR 5 meter gives its values, over a serial port in virtual time", async () => {
    const world = new VirtualClock(Date.UTC(2026, 5, 1, 12), settle);
    const clock = new TerminalClock(world);
    const phases = [
      { v: 231.4, i: 6, importW: 1386, exportW: 0 },
      { v: 229.9, i: 0, importW: 0, exportW: 0 },
      { v: 232.6, i: 11, importW: 0, exportW: 2559 },
    ];
    const values: MeterValues = {
      ...{ tariff: 2, importWh: [12_345_678, 9_000_001], exportWh: [0, 77], importW: 1386, exportW: 2559 },
      phases,
    };
    const meter = new P1Meter({ clock: world, values: () => values });
    const samples: Sample[] = [];
    const p1 = new P1({
      sensor: { io: createSerial(clock, new Map([[2, meter]])), port: 2, receive: 16 },
      clock,
      onSample: () => samples.push(p1.sample()!),
    });
    await world.runUntil(world.now + 2500);
    p1.close();
    const clock1 = Date.UTC(2026, 5, 1, 12, 0, 1) / 1000;
    const expected = {
      quality: Quality.good,
      ...{ tariff: 2, ei_t1: 12_345_678, ei_t2: 9_000_001, ee_t1: 0, ee_t2: 77, pi: 1386, pe: 2559 },
      ...{ v_l1: 231.4, v_l2: 229.9, v_l3: 232.6, i_l1: 6, i_l2: 0, i_l3: 11 },
      ...{ pi_l1: 1386, pi_l2: 0, pi_l3: 0, pe_l1: 0, pe_l2: 0, pe_l3: 2559 },
    };
    expect(samples).toEqual([
      { ...expected, clock: clock1, ticks: samples[0].ticks },
      { ...expected, clock: clock1 + 1, ticks: samples[1].ticks },
    ]);
  });

  it("gives channels of the registry and no others", () => {
    const phases = [21, 41, 61].flatMap((c) => [0, 1, 2, 3, 10, 11].map((plus) => c + plus));
    const units = ["W", "W", "var", "var", "A", "V"];
    const [sample] = samplesOf(
      telegram([
        ...[1, 2].flatMap((c) => [0, 1, 2, 3, 4].map((e) => `1-0:${c}.8.${e}(1*kWh)`)),
        ...[3, 4].flatMap((c) => [0, 1, 2, 3, 4].map((e) => `1-0:${c}.8.${e}(1*kvarh)`)),
        ...phases.map((c, index) => `1-0:${c}.7.0(1*${units[index % 6]})`),
        ...["1-0:1.7.0(1*W)", "1-0:2.7.0(1*W)", "1-0:3.7.0(1*var)", "1-0:4.7.0(1*var)", "1-0:14.7.0(50*Hz)"],
        ...["0-0:1.0.0(260601120000S)", "0-0:96.14.0(0001)"],
      ]),
    );
    const { quality, ticks, ...values } = sample;
    expect(quality).toBe(Quality.good);
    expect(Object.keys(values)).toHaveLength(45);
    for (const name of Object.keys(values)) expect(() => channelNumber(name), name).not.toThrow();
    const slots = { ei: 1000, ee_t4: 1000, eqi_t2: 1000, eqe_t1: 1000, pi_l1: 1, qe_l2: 1, i_l3: 1, v_l1: 1 };
    expect(values).toMatchObject({ ...slots, f: 50, qi: 1, qe: 1 });
  });

  it("leaves out what it does not send, and what other devices, billing periods and quantities send", () => {
    const lines = [
      "0-1:24.2.1(200101120000W)(1.0*m3)",
      "1-0:1.6.0(200101120000W)(9.0*kW)",
      "1-1:1.8.1(1*kWh)",
    ];
    expect(samplesOf(telegram([...lines, "1-0:1.8.5(1*kWh)", "1-0:13.7.0(0.9)", "1-0:81.7.0(1*W)"]))).toEqual(
      [{ quality: Quality.good, ticks: 0 }],
    );
  });

  it("is found in mid-line, with its end lost in the line before, and without line ends around it", () => {
    for (const before of ["", "abc", "/", "/TST5", "!", "\0\0", "\r", "1-0:1.8.1(0", "/TST5\r\n\r\n!12"]) {
      const samples = samplesOf(concat(bytesOf(before), good, good.subarray(0, -2), good));
      expect(
        samples.filter(({ quality }) => quality === Quality.good),
        before,
      ).toHaveLength(3);
    }
  });

  it("without a checksum ends with ! CR LF, or LF alone, and nothing else", () => {
    const body = "/TST5\r\n\r\n1-0:1.8.1(1*Wh)\r\n!";
    for (const end of ["\r\n", "\n"])
      expect(qualities(samplesOf(bytesOf(body + end)))).toEqual([Quality.good]);
    for (const end of ["\r0", " \r\n", "\r\r\n", "x"]) {
      expect(qualities(samplesOf(bytesOf(body + end))), JSON.stringify(end)).toEqual([Quality.checksum]);
    }
    expect(samplesOf(bytesOf(`${body}\r`))).toEqual([]);
  });

  it("has its end as its ticks", () => {
    const reader = createReader();
    reader.clock.ticks = 100;
    reader.feed(good.subarray(0, 20));
    reader.clock.ticks = 164;
    reader.feed(good.subarray(20));
    expect(reader.samples).toEqual([{ ...goodSample, ticks: 164 }]);
  });

  it("gives no ticks when the driver has no clock", () => {
    const line = new StubLine();
    const p1 = new P1({ sensor: { io: line.io } });
    line.feed(good);
    expect(p1.sample()).toEqual({ quality: Quality.good, ei_t1: 1234 });
  });
});

describe("the meter's clock", () => {
  const clocks: [string, number, string][] = [
    ["260101000000W", 60, "2025-12-31T23:00:00Z"],
    ["260329015959W", 60, "2026-03-29T00:59:59Z"],
    ["260329030000S", 60, "2026-03-29T01:00:00Z"],
    ["261025023000S", 60, "2026-10-25T00:30:00Z"],
    ["261025023000W", 60, "2026-10-25T01:30:00Z"],
    ["240229235959W", 0, "2024-02-29T23:59:59Z"],
    ["000301000000W", 0, "2000-03-01T00:00:00Z"],
    ["991231235959W", -720, "2100-01-01T11:59:59Z"],
    ["260701000000S", 840, "2026-06-30T09:00:00Z"],
  ];
  it.each(clocks)("%s at offset %i is %s", (text, utcOffset, iso) => {
    const [sample] = samplesOf(telegram([`0-0:1.0.0(${text})`]), { utcOffset });
    expect(sample.clock).toBe(Date.parse(iso) / 1000);
  });

  it("equals Date's calendar on every day of the century", () => {
    const reader = createReader({ utcOffset: 0 });
    for (let time = Date.UTC(2000, 0, 1); time < Date.UTC(2100, 0, 1); time += 86_400_000) {
      const day = new Date(time).toISOString().slice(2, 10).replaceAll("-", "");
      reader.feed(bytesOf(`/TST5\r\n\r\n0-0:1.0.0(${day}000000W)\r\n!\r\n`));
      const { clock } = reader.samples.pop()!;
      if (clock !== time / 1000) expect.fail(`${day}: ${clock}`);
    }
  });

  it("that cannot be is left out, and the rest is good", () => {
    for (const text of [
      ...["261301000000W", "260001000000W", "260431000000W", "250229000000W", "260100000000W"],
      ...[
        "260101240000W",
        "260101006000W",
        "260101000060W",
        "260101000000X",
        "260101000000",
        "26010100000SW",
        "",
      ],
    ]) {
      expect(samplesOf(old(`0-0:1.0.0(${text})`, "0-0:96.14.0(2)")), text).toEqual([
        { quality: Quality.good, ticks: 0, tariff: 2 },
      ]);
    }
  });
});

describe("a checksum", () => {
  it("has the check value of CRC-16/ARC", () => {
    const words = new Int32Array(3);
    const bytes = new Uint8Array(words.buffer);
    bytes.set(bytesOf("123456789"));
    expect(crc16(0, bytes, words, 0, 9)).toBe(0xbb3d);
    expect(naiveCrc16(bytesOf("123456789"))).toBe(0xbb3d);
  });

  it("is the same bit by bit, from any byte to any other, and in any parts", () => {
    const words = new Int32Array(16);
    const bytes = new Uint8Array(words.buffer);
    const place = fc.nat(bytes.length);
    const content = fc.uint8Array({ minLength: bytes.length, maxLength: bytes.length });
    fc.assert(
      fc.property(content, fc.tuple(place, place, place), (random, places) => {
        bytes.set(random);
        const [from, between, end] = places.sort((a, b) => a - b);
        const part = crc16(0, bytes, words, from, between);
        expect(crc16(part, bytes, words, between, end)).toBe(naiveCrc16(bytes.subarray(from, end)));
      }),
    );
  });

  const stripped = withoutChecksum(good);
  const unversioned = telegram(["1-0:1.8.1(000001.234*kWh)"]);
  const wrong = bytesOf(`${textOf(unversioned).slice(0, -6)}0000\r\n`);
  const ok = Quality.good;
  const fault = Quality.checksum;
  const modes: [string, Uint8Array, Record<NonNullable<P1Configuration["checksum"]>, number>][] = [
    ["that is right", good, { auto: ok, required: ok, none: ok }],
    ["that is wrong", wrong, { auto: fault, required: fault, none: ok }],
    ["missing, of an old meter", old("1-0:1.8.1(1*kWh)"), { auto: ok, required: fault, none: ok }],
    ["missing, of a DSMR 5 meter", stripped, { auto: fault, required: fault, none: ok }],
    [
      "missing, of a Belgian meter",
      withoutChecksum(telegram(["0-0:96.1.4(50217)", "1-0:1.8.1(1*Wh)"])),
      { auto: fault, required: fault, none: ok },
    ],
    [
      "missing, with a damaged version",
      withoutChecksum(telegram(["1-3:0.2.8(5?)", "1-0:1.8.1(1*Wh)"])),
      { auto: fault, required: fault, none: ok },
    ],
  ];
  for (const [what, bytes, byMode] of modes) {
    for (const [checksum, quality] of Object.entries(byMode)) {
      it(`${what}, is ${quality === ok ? "good" : "refused"} in mode ${checksum}`, () => {
        const configuration = { checksum: checksum as P1Configuration["checksum"] };
        expect(qualities(samplesOf(bytes, configuration))).toEqual([quality]);
      });
    }
  }

  it("may be in small letters, or without its leading zeros", () => {
    const short = shortChecksum();
    for (const text of [textOf(good).replace(/!.*/, (digits) => digits.toLowerCase()), short]) {
      expect(qualities(samplesOf(bytesOf(text)))).toEqual([Quality.good]);
    }
    expect(qualities(samplesOf(bytesOf(short.replace("\r\n!", "\r\n!F"))))).toEqual([Quality.checksum]);
  });

  it("vouches for values left empty; without one, or when it is not looked at, they are damage", () => {
    const lines = ["1-0:1.8.1(*kWh)", "1-0:2.8.1()", "0-0:96.14.0(0002)"];
    expect(samplesOf(telegram(lines))).toEqual([{ quality: Quality.good, ticks: 0, tariff: 2 }]);
    expect(qualities(samplesOf(old(...lines)))).toEqual([Quality.malformed]);
    expect(qualities(samplesOf(old()))).toEqual([Quality.malformed]);
    expect(qualities(samplesOf(telegram(lines), { checksum: "none" }))).toEqual([Quality.malformed]);
  });
});

describe("a telegram whose checksum is right", () => {
  it.each([
    "1-0:1.8.1(1.5*MWh)",
    "1-0:1.8.1(-1.000*kWh)",
    "1-0:1.8.1(1,5*kWh)",
    "1-0:1.8.1(12.3*kWh)(x)",
    "1-0:1.8.1(12.3*kwh)",
    "1-0:1.8.0(006545766*W6*Wh)",
    "1-0:1.8.1(12345678901234567890*Wh)",
  ])("is malformed when a register cannot be read: %s", (line) => {
    expect(qualities(samplesOf(telegram([line, "0-0:96.14.0(0002)"])))).toEqual([Quality.malformed]);
  });

  it("keeps a value when its code comes again without one", () => {
    const lines = ["1-0:1.8.1(000001.000*kWh)", "1-0:1.8.1()"];
    expect(samplesOf(telegram(lines))).toEqual([{ quality: Quality.good, ticks: 0, ei_t1: 1000 }]);
  });
});

function withoutChecksum(bytes: Uint8Array): Uint8Array {
  return bytesOf(textOf(bytes).replace(/!.*/, "!"));
}

/** A telegram whose checksum begins with a zero, without that. */
function shortChecksum(): string {
  for (let wh = 0; ; wh++) {
    const text = textOf(telegram([`1-0:1.8.1(${wh}*Wh)`]));
    if (text.includes("!0")) return text.replace(/!0+/, "!");
  }
}

describe("a value", () => {
  const values: [string, string, number][] = [
    ["1-0:1.8.1(000001.001*kWh)", "ei_t1", 1001],
    ["1-0:1.8.0*255(00032549.5061662*kWh)", "ei", 32_549_506.1662],
    ["1-0:1.8.1(999999.999*kWh)", "ei_t1", 999_999_999],
    ["1-0:1.8.1(123456789012.345*kWh)", "ei_t1", 123_456_789_012_345],
    ["1-0:1.8.1(0.000000000000001*Wh)", "ei_t1", 1e-15],
    ["1-0:1.8.1(7*Wh)", "ei_t1", 7],
    ["1-0:1.7.0(00.1*kW)", "pi", 100],
    ["1-0:1.7.0(0.29*kW)", "pi", 290],
    ["1-0:32.7.0(0230.0*V)", "v_l1", 230],
    ["1-0:31.7.0(0.48*A)", "i_l1", 0.48],
    ["1-0:14.7.0(49.98*Hz)", "f", 49.98],
    ["1-0:3.8.1(000000.001*kvarh)", "eqi_t1", 1],
    ["0-0:96.14.0(0002)", "tariff", 2],
  ];
  it.each(values)("%s is %s = %d", (line, name, value) => {
    expect(samplesOf(old(line))).toEqual([{ quality: Quality.good, ticks: 0, [name]: value }]);
  });

  it.each([
    ...["1-0:1.8.1(1*kW)", "1-0:1.8.1(1)", "1-0:1.8.1(1*MWh)", "1-0:1.7.0(1*V)", "0-0:96.14.0(1*V)"],
    ...["1-0:1.8.1()", "1-0:1.8.1(-1*kWh)", "1-0:1.8.1(1.2.3*kWh)", "1-0:1.8.1(1*kWh", "1-0:1.8.1(12x*kWh)"],
    ...["1-0:1.8.1(1234567890123456*Wh)", "1-0:1.8.1(0.0000000000000001*Wh)", "1-0:1.8.1(*kWh)"],
    ...["1-0:1.8.1(.*kWh)", "1-0:1.8.1(1*kWh)1-0:1.7.0(1*kW)", `1-0:1.8.1(${"0".repeat(70)}1*kWh)`],
  ])("%s cannot be read, so without a checksum the telegram is malformed", (line) => {
    expect(qualities(samplesOf(old(line, "0-0:96.14.0(1)")))).toEqual([Quality.malformed]);
  });

  it.each([
    "1-0:32.7.0(6553.5*V)",
    "1-0:31.7.0(65535*A)",
    "1-0:1.7.0(99999.999*kW)",
    "1-0:4.7.0(10000.1*kvar)",
  ])("%s is implausible, with a checksum or without", (line) => {
    expect(qualities(samplesOf(old(line)))).toEqual([Quality.implausible]);
    expect(qualities(samplesOf(telegram([line])))).toEqual([Quality.implausible]);
  });
});

describe("counters and bad samples", () => {
  it("count each fault under its name", () => {
    const reader = createReader();
    const stream = [
      bytesOf("1-0:1.8.1(1*kWh)\r\n!0000\r\n"),
      good,
      bad,
      bytesOf("/TST5\r\n\r\n1-0:1.8.1"),
      old("1-0:1.8.1(?*kWh)"),
      old("1-0:32.7.0(2000*V)"),
      bytesOf(`/TST5\r\n\r\n${"0-0:96.13.0(00)\r\n".repeat(300)}!\r\n`),
      good,
    ];
    for (const bytes of stream) {
      reader.clock.ticks += 1000;
      reader.feed(bytes);
    }
    const { discardedBytes, ...counts } = reader.p1.counters;
    expect(counts).toEqual({
      ...{ telegrams: 7, good: 2, partial: 2, checksum: 1, overlong: 1, malformed: 1, implausible: 1 },
    });
    expect(discardedBytes).toBeGreaterThan(16);
    expect(qualities(reader.samples)).toEqual([
      ...[Quality.partial, Quality.good, Quality.checksum, Quality.partial, Quality.implausible],
      ...[Quality.overlong, Quality.good],
    ]);
  });

  it("a flood of bad telegrams gives one bad sample a second, and all are counted", () => {
    const reader = createReader();
    for (let index = 0; index < 3000; index++) {
      reader.clock.ticks = index * 10;
      reader.feed(bad);
    }
    expect(reader.samples).toHaveLength(30);
    expect(reader.p1.counters.checksum).toBe(3000);
  });

  it("a good sample that nobody has read is replaced by a newer good one, never by a bad one", () => {
    const line = new StubLine();
    let calls = 0;
    const p1 = new P1({ sensor: { io: line.io }, onSample: () => calls++ });
    line.feed(bad);
    expect([calls, p1.sample()?.quality, p1.sample()]).toEqual([1, Quality.checksum, undefined]);
    line.feed(bad);
    line.feed(good);
    line.feed(bad);
    expect([calls, p1.sample()]).toEqual([3, { quality: Quality.good, ei_t1: 1234 }]);
    line.feed(good);
    line.feed(telegram(["1-0:1.8.1(000002.000*kWh)"]));
    expect([p1.sample()?.ei_t1, p1.sample()]).toEqual([2000, undefined]);
  });

  it("samples are fresh objects", () => {
    const { samples, feed } = createReader();
    feed(good);
    feed(good);
    expect(samples[0]).not.toBe(samples[1]);
    expect(samples).toEqual([goodSample, goodSample]);
  });

  it("a value of one telegram is not in the next", () => {
    const { samples, feed } = createReader();
    feed(telegram(["1-0:1.8.1(1*Wh)"]));
    feed(telegram(["1-0:1.8.2(2*Wh)"]));
    expect(samples[1]).toEqual({ quality: Quality.good, ticks: 0, ei_t2: 2 });
  });
});

describe("7 data bits", () => {
  const parity = old("1-0:1.8.1(000001.234*kWh)").map((byte) => {
    let ones = 0;
    for (let bit = 0; bit < 7; bit++) ones ^= (byte >> bit) & 1;
    return byte | (ones << 7);
  });

  it("drop the parity bit of DSMR 2 and 3", () => {
    expect(parity.some((byte) => byte > 0x7f)).toBe(true);
    expect(samplesOf(parity, { dataBits: 7 })).toEqual([goodSample]);
  });

  it("are not the default", () => {
    expect(samplesOf(parity).filter(({ quality }) => quality === Quality.good)).toEqual([]);
  });
});

describe("the driver", () => {
  it("opens the port that its options name, at 115200 unless they say else, and gives the rest on", () => {
    const line = new StubLine();
    new P1({ sensor: Object.freeze({ io: line.io, receive: 16, port: 2 }) }).close();
    new P1(Object.freeze({ sensor: Object.freeze({ io: line.io, receive: 3, baud: 9600 }) })).close();
    expect(line.opened).toMatchObject([
      { receive: 16, port: 2, baud: 115_200, format: "buffer" },
      { receive: 3, baud: 9600, format: "buffer" },
    ]);
    expect(line.opened[0]).not.toHaveProperty("io");
  });

  it("says what it is", () => {
    const { p1 } = createReader();
    expect(p1.identification).toEqual({ model: "DSMR P1", classification: "SmartMeter" });
  });

  const line = new StubLine();
  const wrong: [string, unknown][] = [
    ["sensor.io", {}],
    ["sensor.io", { sensor: {} }],
    ["sensor.io", { sensor: { io: "serial" } }],
    ["onSample", { sensor: { io: line.io }, onSample: 1 }],
    ["onError", { sensor: { io: line.io }, onError: {} }],
    ["clock", { sensor: { io: line.io }, clock: {} }],
    ["clock", { sensor: { io: line.io }, clock: null }],
  ];
  it.each(wrong)("names %s when it is wrong in %j, and opens nothing", (field, options) => {
    expect(() => new P1(options as P1Options)).toThrow(`p1: ${field}`);
    expect(line.opened).toEqual([]);
  });

  const misconfigured: [string, unknown][] = [
    ...[-721, 841, 0.5, Number.NaN, "60"].map((utcOffset): [string, unknown] => ["utcOffset", { utcOffset }]),
    ...[6, 9, 0, "8"].map((dataBits): [string, unknown] => ["dataBits", { dataBits }]),
    ...["", "crc", true].map((checksum): [string, unknown] => ["checksum", { checksum }]),
  ];
  it.each(misconfigured)("names %s when configured with %j, and changes nothing", (field, configuration) => {
    const reader = createReader();
    const options = { utcOffset: 0, dataBits: 7, checksum: "none", ...(configuration as object) };
    expect(() => reader.p1.configure(options as P1Configuration)).toThrow(RangeError);
    expect(() => reader.p1.configure(options as P1Configuration)).toThrow(`p1: ${field}`);
    reader.feed(telegram(["0-0:1.0.0(260101010000W)"]));
    reader.feed(bad);
    expect(reader.samples).toMatchObject([
      { clock: Date.UTC(2026, 0, 1) / 1000 },
      { quality: Quality.checksum },
    ]);
  });

  it("keeps what a later configuration leaves out", () => {
    const reader = createReader({ utcOffset: 0, checksum: "none" });
    reader.p1.configure(Object.freeze({ dataBits: 7 }));
    reader.p1.configure({});
    reader.feed(bytesOf("/TST5\r\n\r\n0-0:1.0.0(700101000000W)\r\n!0000\r\n").map((byte) => byte | 0x80));
    expect(reader.samples).toEqual([{ quality: Quality.good, ticks: 0, clock: Date.UTC(2070, 0, 1) / 1000 }]);
  });

  it("may be closed twice, and is then silent", () => {
    const reader = createReader();
    reader.p1.close();
    reader.p1.close();
    expect(reader.line.closed).toBe(1);
    reader.feed(good);
    expect(reader.samples).toEqual([]);
  });

  it("is silent at once when it is closed by its own callback", () => {
    const line = new StubLine();
    let calls = 0;
    const p1 = new P1({
      sensor: { io: line.io },
      onSample: () => {
        calls++;
        p1.close();
      },
    });
    line.feed(concat(good, good, good));
    expect([calls, line.closed, p1.counters.good]).toEqual([1, 1, 1]);
  });

  it("closes when its port fails, and says so once", () => {
    const line = new StubLine();
    const errors: unknown[] = [];
    const p1 = new P1({ sensor: { io: line.io }, onError: (error) => errors.push(error) });
    const failure = new Error("port");
    line.opened[0].onError?.(failure);
    line.opened[0].onError?.(failure);
    p1.close();
    expect([errors, line.closed]).toEqual([[failure], 1]);
  });

  it("does not speak of an error after its close, nor needs somebody who listens", () => {
    const line = new StubLine();
    const errors: unknown[] = [];
    new P1({ sensor: { io: line.io }, onError: (error) => errors.push(error) }).close();
    line.opened[0].onError?.();
    new P1({ sensor: { io: line.io } });
    line.opened[1].onError?.();
    expect([errors, line.closed]).toEqual([[], 2]);
  });
});
