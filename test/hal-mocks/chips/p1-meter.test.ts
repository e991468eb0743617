import { expect, it } from "vitest";
import { type MeterValues, P1Meter, type P1MeterSettings } from "../../../hal-mocks/chips/p1-meter";
import { VirtualClock } from "../../../hal-mocks/clock";
import { settle } from "../../../hal-mocks/node/settle";
import type { SerialLine } from "../../../hal-mocks/serial";
import { naiveCrc16, textOf } from "../../support/dsmr";

const START = Date.UTC(2026, 0, 15, 12);

const values: MeterValues = {
  ...{ tariff: 2, importWh: [3_432_827.9, 5], exportWh: [0, 999_999_999], importW: 378.4, exportW: 12_345.6 },
  phases: [{ v: 237.14, i: 1.6, importW: 378.4, exportW: 0 }],
};

/** A meter on a line that keeps each telegram with its moment. */
function create(settings: Partial<P1MeterSettings> = {}, start = START) {
  const clock = new VirtualClock(start, settle);
  const sent: { at: number; text: string }[] = [];
  const line: SerialLine = {
    baud: 115_200,
    send: (bytes) => sent.push({ at: clock.now - start, text: textOf(bytes) }),
  };
  return { clock, sent, line, meter: new P1Meter({ clock, values: () => values, ...settings }) };
}

async function firstTelegram(settings?: Partial<P1MeterSettings>, start = START): Promise<string> {
  const { clock, sent, line, meter } = create(settings, start);
  meter.onOpen(line);
  await clock.runUntil(start + 10_000);
  meter.onClose();
  return sent[0].text;
}

/** The values of a telegram's lines, by OBIS code. */
function lines(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/^(\d-\d:[\d.]+)\((.*)\)\r$/gm)].map((found) => [found[1], found[2]]),
  );
}

it("sends a DSMR 5 telegram, digit by digit as the meter has them", async () => {
  const body = [
    ...["/GMT5\\2GRIDMOTE", "", "1-3:0.2.8(50)", "0-0:1.0.0(260115130001W)"],
    "0-0:96.1.1(4530303434303037313331363530363138)",
    ...["1-0:1.8.1(003432.827*kWh)", "1-0:1.8.2(000000.005*kWh)"],
    ...["1-0:2.8.1(000000.000*kWh)", "1-0:2.8.2(999999.999*kWh)"],
    ...["0-0:96.14.0(0002)", "1-0:1.7.0(00.378*kW)", "1-0:2.7.0(12.346*kW)", "0-0:96.13.0()"],
    ...["1-0:32.7.0(237.1*V)", "1-0:31.7.0(002*A)", "1-0:21.7.0(00.378*kW)", "1-0:22.7.0(00.000*kW)", "!"],
  ].join("\r\n");
  const crc = naiveCrc16(Uint8Array.from(body, (character) => character.charCodeAt(0)));
  expect(await firstTelegram()).toBe(`${body}${crc.toString(16).toUpperCase().padStart(4, "0")}\r\n`);
});

it("has the checksum of each telegram, over many", async () => {
  const { clock, sent, line, meter } = create();
  meter.onOpen(line);
  await clock.runUntil(START + 120_000);
  meter.onClose();
  expect(sent).toHaveLength(120);
  for (const { text } of sent) {
    const [covered] = /^[^!]*!/.exec(text)!;
    const crc = naiveCrc16(Uint8Array.from(covered, (character) => character.charCodeAt(0)));
    expect(text.slice(covered.length)).toMatch(/^[0-9A-F]{4}\r\n$/);
    expect(Number.parseInt(text.slice(covered.length), 16)).toBe(crc);
  }
});

it("has three phases where the world has, in version 42 without voltages", async () => {
  const phases = [230, 231, 232].map((v, index) => ({ v, i: index, importW: index * 10, exportW: index }));
  const settings = { values: () => ({ ...values, phases }) };
  expect(lines(await firstTelegram(settings))).toMatchObject({
    ...{ "1-0:32.7.0": "230.0*V", "1-0:52.7.0": "231.0*V", "1-0:72.7.0": "232.0*V" },
    ...{ "1-0:31.7.0": "000*A", "1-0:51.7.0": "001*A", "1-0:71.7.0": "002*A" },
    ...{ "1-0:21.7.0": "00.000*kW", "1-0:41.7.0": "00.010*kW", "1-0:61.7.0": "00.020*kW" },
    ...{ "1-0:22.7.0": "00.000*kW", "1-0:42.7.0": "00.001*kW", "1-0:62.7.0": "00.002*kW" },
  });
  const old = lines(await firstTelegram({ ...settings, version: 42 }));
  expect(old["1-3:0.2.8"]).toBe("42");
  expect(old).not.toHaveProperty("1-0:32.7.0");
  expect(old["1-0:61.7.0"]).toBe("00.020*kW");
});

it("has no clock, no phase and no checksum in version 22", async () => {
  const text = await firstTelegram({ version: 22, identification: "OLD3METER" });
  expect(text).toMatch(/^\/OLD3METER\r\n\r\n0-0:96\.1\.1\(/);
  expect(text).toMatch(/\r\n!\r\n$/);
  expect(lines(text)).toMatchObject({ "1-0:1.8.1": "03432.827*kWh", "0-0:96.14.0": "0002" });
  for (const code of ["0-0:1.0.0", "1-3:0.2.8", "1-0:32.7.0", "1-0:21.7.0"]) {
    expect(lines(text)).not.toHaveProperty(code);
  }
});

it("turns its registers over as a counter does", async () => {
  const settings = { values: () => ({ ...values, importWh: [1_000_000_005, 0] as const }) };
  expect(lines(await firstTelegram(settings))["1-0:1.8.1"]).toBe("000000.005*kWh");
});

it.each([
  ["2026-03-29T00:59:59Z", "260329015959W"],
  ["2026-03-29T01:00:00Z", "260329030000S"],
  ["2026-10-25T00:59:59Z", "261025025959S"],
  ["2026-10-25T01:00:00Z", "261025020000W"],
  ["2027-03-28T01:00:00Z", "270328030000S"],
  ["2023-10-29T00:59:59Z", "231029025959S"],
  ["2026-12-31T23:00:00Z", "270101000000W"],
])("at %s its clock says %s", async (iso, text) => {
  const time = Date.parse(iso);
  expect(lines(await firstTelegram({}, time - 1000))["0-0:1.0.0"]).toBe(text);
});

it("changes the letter of its clock while it is running", async () => {
  const start = Date.parse("2026-10-25T00:59:58Z");
  const { clock, sent, line, meter } = create({ utcOffset: 0 }, start);
  meter.onOpen(line);
  await clock.runUntil(start + 4000);
  expect(sent.map(({ text }) => lines(text)["0-0:1.0.0"])).toEqual([
    ...["261025015959S", "261025010000W", "261025010001W", "261025010002W"],
  ]);
  meter.onClose();
});

it.each([
  [{}, [1000, 2000, 3000, 4000, 5000]],
  [{ offset: 250 }, [250, 1250, 2250, 3250, 4250]],
  [{ period: 2000, offset: 500 }, [500, 2500, 4500]],
])("with %j sends at these milliseconds: %j", async (settings, moments) => {
  const { clock, sent, line, meter } = create(settings);
  meter.onOpen(line);
  await clock.runUntil(START + 5000);
  expect(sent.map(({ at }) => at)).toEqual(moments);
  meter.onClose();
});

it("sends each 10 s before version 5", async () => {
  const { clock, sent, line, meter } = create({ version: 42, period: undefined });
  meter.onOpen(line);
  await clock.runUntil(START + 25_000);
  expect(sent.map(({ at }) => at)).toEqual([10_000, 20_000]);
  meter.onClose();
});

it("asks for values and makes bytes only while its port is open, and leaves no timer behind", async () => {
  let asked = 0;
  let pending = 0;
  const world = new VirtualClock(START, settle);
  const clock = {
    get now() {
      return world.now;
    },
    set(callback: () => void, ms: number) {
      pending++;
      return world.set(() => {
        pending--;
        callback();
      }, ms);
    },
    clear(timer: Parameters<VirtualClock["clear"]>[0]) {
      if (timer) pending--;
      world.clear(timer);
    },
  };
  const counted = () => {
    asked++;
    return values;
  };
  const { sent, line, meter } = create({ clock, values: counted });
  await world.runUntil(START + 10_000);
  const before = asked;
  expect([sent.length, pending]).toEqual([0, 0]);
  meter.onOpen(line);
  await world.runUntil(START + 12_500);
  meter.onClose();
  meter.onClose();
  expect([sent.length, asked - before, pending]).toEqual([2, 2, 0]);
  await world.runUntil(START + 60_000);
  expect([sent.length, asked - before]).toEqual([2, 2]);
  meter.onOpen(line);
  await world.runUntil(START + 61_000);
  expect([sent.length, pending]).toEqual([3, 1]);
});

it("does not change the bytes of a telegram while the next is under way", async () => {
  const { clock, meter } = create();
  const sent: Uint8Array[] = [];
  meter.onOpen({ baud: 115_200, send: (bytes) => sent.push(bytes) });
  await clock.runUntil(START + 1000);
  const text = textOf(sent[0]);
  await clock.runUntil(START + 2000);
  expect(textOf(sent[0])).toBe(text);
  expect(textOf(sent[1])).not.toBe(text);
  meter.onClose();
});
