import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Ade7953Chip } from "../hal-mocks/chips/ade7953";
import { Bl0942Chip } from "../hal-mocks/chips/bl0942";
import { Cse7766Chip } from "../hal-mocks/chips/cse7766";
import { Hlw8012Chip } from "../hal-mocks/chips/hlw8012";
import { Ina226Chip } from "../hal-mocks/chips/ina226";
import { Ina228Chip } from "../hal-mocks/chips/ina228";
import { RtuLine } from "../hal-mocks/chips/modbus-slave";
import { type MeterValues, P1Meter } from "../hal-mocks/chips/p1-meter";
import { SdmChip, sdmValues } from "../hal-mocks/chips/sdm";
import { ShtChip } from "../hal-mocks/chips/sht";
import { TerminalClock, type VirtualClock } from "../hal-mocks/clock";
import type { SerialChip } from "../hal-mocks/serial";
import { House } from "../hal-mocks/world/house";
import defaultApp from "../src/app/default";
import type { App, SensorPlan } from "../src/app/interface";
import { loadConfig } from "../src/config";
import { streamsOf } from "../src/sensors/sensor-text";
import type { DecodedRecord } from "../tools/decode/records";
import type { Chips } from "../tools/sim/terminal";
import { MINUTE, Site, START } from "./support/site";

const HOUR = 60 * MINUTE;
const PLUG = { volts: 230, amperes: 2, watts: 450, hertz: 50 };
const CIRCUIT = { amperes: 2, watts: 450, vars: 90 };
const DC = { volts: 26, amperes: 5 };

async function flush(site: Site): Promise<void> {
  site.terminal.press();
  await site.pass(20_000);
}

function goodOf({ records }: Site, point = 0): DecodedRecord[] {
  return records.filter((record) => !record.quality && record.point === point);
}

const hoursAt = ({ time }: DecodedRecord) => (Date.parse(time!) - START) / HOUR;

describe("a sleeper with an INA226 at 60 s and sessions of 15 minutes", () => {
  it("has its values right, and charge and energy integrated, over six hours", async () => {
    const chips = (clock: VirtualClock): Chips => ({
      i2c: new Map([[0x41, new Ina226Chip({ clock, values: () => DC, shuntOhms: 0.01 })]]),
    });
    const sensors = "ina226 address=0x41 shuntOhms=0.01 profile=t,dcv,dci@-3,dcp,ahi,ahe,dcei,dcee";
    const site = await Site.open({ config: { sensors }, chips });
    await site.pass(6 * HOUR);
    await flush(site);
    const good = goodOf(site);
    expect(good.length).toBeGreaterThanOrEqual(360);
    expect(site.terminal.isAsleep).toBe(true);
    for (const { dcv, dci, dcp } of good) expect({ dcv, dci, dcp }).toEqual({ dcv: 26, dci: 5, dcp: 130 });
    const [first, last] = [good[0], good[359]];
    const hours = hoursAt(last) - hoursAt(first);
    expect(Math.abs(Number(last.ahi) - 5 * hours)).toBeLessThan(0.005);
    expect(Math.abs(Number(last.dcei) - 130 * hours)).toBeLessThan(1);
    expect(last.ahe).toBe(0);
  });
});

/** A register, the unit that flows into it in an hour, its resolution, and the chip behind it. */
interface Counting {
  sensors: string;
  register: string;
  perHour: number;
  slack: number;
  create(clock: VirtualClock): { chips: Chips; reset: () => void };
}

const counting: Record<string, Counting> = {
  bl0942: {
    ...{ sensors: "bl0942 profile=t,p,ei@-3,ee@-3", register: "ei", perHour: 450, slack: 0.4 },
    create(clock) {
      const chip = new Bl0942Chip({ clock, values: () => PLUG });
      return { chips: { serial: new Map([[2, chip]]) }, reset: () => chip.reset() };
    },
  },
  cse7766: {
    ...{ sensors: "cse7766 profile=t,p,ei@-3", register: "ei", perHour: 450, slack: 0.2 },
    create(clock) {
      const chip = new Cse7766Chip({ clock, values: () => PLUG });
      return { chips: { serial: new Map<number, SerialChip>([[2, chip]]) }, reset: () => chip.reset() };
    },
  },
  ade7953: {
    ...{ sensors: "ade7953 maximumWatts=3680 profile=t,p_l1,ei_l1@-3,ee_l1@-3", register: "ei_l1" },
    ...{ perHour: 450, slack: 0.2 },
    create(clock) {
      const chip = new Ade7953Chip({
        clock,
        values: () => ({ volts: 230, hertz: 50, a: CIRCUIT, b: CIRCUIT }),
      });
      return { chips: { i2c: new Map([[0x38, chip]]) }, reset: () => chip.reset() };
    },
  },
  ina228: {
    ...{
      sensors: "ina228 profile=t,dcp,ahi,ahe,dcei@-3,dcee@-3",
      register: "dcei",
      perHour: 130,
      slack: 0.2,
    },
    create(clock) {
      const chip = new Ina228Chip({ clock, values: () => DC, shuntOhms: 0.015 });
      return { chips: { i2c: new Map([[0x40, chip]]) }, reset: () => chip.reset() };
    },
  },
};

async function openCounting({ sensors, create }: Counting) {
  let reset = () => {};
  const site = await Site.open({
    config: { sensors },
    chips(clock) {
      const made = create(clock);
      reset = made.reset;
      return made.chips;
    },
  });
  return { site, resetChip: () => reset() };
}

/** In the order of their time, and never falling. */
function valuesOf(site: Site, register: string): { hours: number; value: number }[] {
  const values = goodOf(site)
    .filter((record) => record[register] !== undefined && record.time)
    .map((record) => ({ hours: hoursAt(record), value: Number(record[register]) }))
    .sort((a, b) => a.hours - b.hours);
  for (let index = 1; index < values.length; index++)
    expect(values[index].value).toBeGreaterThanOrEqual(values[index - 1].value);
  return values;
}

describe.each(Object.entries(counting))("registers that %s counts by itself", (_, sensor) => {
  const { register, perHour, slack } = sensor;

  it("go on over each deep sleep and a reset, with what the chip has counted meanwhile", async () => {
    const { site } = await openCounting(sensor);
    await site.pass(1.5 * HOUR);
    site.terminal.reset("keep");
    await site.pass(1.5 * HOUR);
    await flush(site);
    const values = valuesOf(site, register);
    expect(values.length).toBeGreaterThan(170);
    const [first] = values;
    for (const { hours, value } of values)
      expect(Math.abs(value - first.value - perHour * (hours - first.hours))).toBeLessThanOrEqual(slack);
  });

  it("go on after a loss of power from what was stored, and lose no more than that batch", async () => {
    const { site } = await openCounting(sensor);
    await site.pass(2.1 * HOUR);
    site.terminal.reset("lose");
    await site.pass(2 * HOUR);
    await flush(site);
    const values = valuesOf(site, register);
    const [first, last] = [values[0], values.at(-1)!];
    const missing = perHour * (last.hours - first.hours) - (last.value - first.value);
    expect(missing).toBeGreaterThanOrEqual(-slack);
    // The batch was closed by the session before, a quarter of an hour ago at most; then the chip is read for the first time.
    expect(missing).toBeLessThanOrEqual(perHour * (16 / 60) + slack);
  });

  it("take what the chip lost with its own power for unknown, not for a fall or a leap", async () => {
    const { site, resetChip } = await openCounting(sensor);
    await site.pass(1.01 * HOUR);
    resetChip();
    await site.pass(HOUR);
    await flush(site);
    const values = valuesOf(site, register);
    const [first, last] = [values[0], values.at(-1)!];
    const missing = perHour * (last.hours - first.hours) - (last.value - first.value);
    expect(missing).toBeGreaterThanOrEqual(-slack);
    expect(missing).toBeLessThanOrEqual(perHour * (3 / 60) + slack);
  });
});

describe("an HLW8012, whose pulses nobody counts in deep sleep", () => {
  function chipsOf(clock: VirtualClock): Chips {
    const { cf, cf1, sel } = new Hlw8012Chip({ clock, values: () => PLUG });
    return {
      pulses: new Map([
        [4, cf],
        [5, cf1],
      ]),
      outputs: new Map([[18, sel]]),
    };
  }

  it.each(["sleeper", "resident"])("has its energy all the same: %s", async (mode) => {
    const sensors = "hlw8012 power=4 second=5 select=18";
    const site = await Site.open({ config: { mode, sensors }, chips: chipsOf });
    await site.pass(3 * HOUR);
    await flush(site);
    const values = valuesOf(site, "ei");
    const [first, last] = [values[0], values[170]];
    expect(Math.abs(last.value - first.value - 450 * (last.hours - first.hours))).toBeLessThan(450 * 0.005);
  });
});

/** Two sub-meters on one line, of which the second carries twice the load. */
function subMeters(clock: VirtualClock): Chips {
  const meter = (load: number) =>
    new SdmChip(() => {
      const wh = 1000 + (load * (clock.now - START)) / HOUR;
      const phase = { v: 230, i: load / 230, p: load, q: 0, importWh: wh, exportWh: 0 };
      return sdmValues([phase], 50 + (clock.now % 1000) / 1e6);
    });
  const units = new Map([
    [1, meter(500)],
    [2, meter(1000)],
  ]);
  return { serial: new Map([[2, new RtuLine(new TerminalClock(clock), units)]]) };
}

describe("two Modbus devices on one line", () => {
  it.each(["sleeper", "resident"])("are two points of a %s", async (mode) => {
    let opened = 0;
    let open = 0;
    const site = await Site.open({
      config: { mode, sensors: "sdm120 unit=1; sdm120 unit=2 point=7" },
      chips: subMeters,
      prepare({ buses }) {
        const { io } = buses.serial!;
        buses.serial!.io = class extends io {
          constructor(options: ConstructorParameters<typeof io>[0]) {
            super(options);
            opened++;
            open++;
          }
          override close(): void {
            super.close();
            open--;
          }
        };
      },
    });
    await site.pass(HOUR);
    await flush(site);
    for (const [point, watts] of [
      [0, 500],
      [7, 1000],
    ]) {
      const good = goodOf(site, point);
      expect(good.length).toBeGreaterThanOrEqual(60);
      for (const record of good) {
        expect(record.p).toBe(watts);
        expect(Math.abs(Number(record.ei) - 1000 - watts * hoursAt(record))).toBeLessThan(1);
      }
    }
    expect(site.records.filter(({ quality }) => quality)).toEqual([]);
    // A sleeper opens it once a slot for both, and closes it after the last one; a resident keeps it.
    expect(opened).toBeLessThanOrEqual(mode === "sleeper" ? 62 : 1);
    expect(open).toBe(mode === "sleeper" ? 0 : 1);
  });

  it("of which one is silent cost the other nothing", async () => {
    const site = await Site.open({
      config: { sensors: "sdm120 unit=3; sdm120 unit=2", sampleTimeoutMs: 5000 },
      chips: subMeters,
    });
    await site.pass(HOUR);
    await flush(site);
    expect(goodOf(site, 0)).toEqual([]);
    expect(goodOf(site, 1).length).toBeGreaterThanOrEqual(60);
    expect(new Set(site.records.map(({ quality }) => quality))).toEqual(new Set(["silent", undefined]));
  });
});

describe("a P1 port", () => {
  const house: MeterValues = {
    ...{ tariff: 1, importWh: [1000, 2000], exportWh: [0, 0], importW: 230, exportW: 0 },
    phases: [{ v: 230, i: 1, importW: 230, exportW: 0 }],
  };

  it.each(["sleeper", "resident"])(
    "gives a %s the main meter and those on its M-Bus as points of their own",
    async (mode) => {
      const meter = (clock: VirtualClock) =>
        new P1Meter({
          ...{ clock, values: () => house, offset: 200 },
          mbus: [
            { type: 3, unit: "m3", read: (time) => 1234 + (time - START) / 1e6 },
            { type: 4, unit: "GJ", read: () => 240.86 },
          ],
        });
      // In any order, and one that is not there.
      const sensors = "p1mbus point=2 channel=2; p1 point=0; p1mbus point=1; p1mbus point=3 channel=4";
      const config = { sensors: sensors.replaceAll(" point", " port=2 point"), mode, phases: 1 };
      const site = await Site.open({ config, chips: (clock) => ({ serial: new Map([[2, meter(clock)]]) }) });
      await site.pass(30 * MINUTE);
      await flush(site);
      const [main, gas, heat] = [0, 1, 2].map((point) => goodOf(site, point));
      expect(Math.min(main.length, gas.length, heat.length)).toBeGreaterThanOrEqual(29);
      expect(main[0]).toMatchObject({ pi: 230, ei_t1: 1000 });
      for (const { clock, gas: volume } of gas) {
        expect(Number(clock) % 300).toBe(0);
        expect(volume).toBeCloseTo(1234 + (Number(clock) * 1000 - START) / 1e6, 2);
      }
      expect(Number(heat[0].heat)).toBe(240_860_000_000);
      expect(goodOf(site, 3)).toEqual([]);
      expect(site.records.some(({ point, quality }) => point === 3 && quality === "silent")).toBe(true);
    },
  );
});

describe("the setting `sensors`", () => {
  it("makes each sensor a point, with what corrects it", async () => {
    const chips = (clock: VirtualClock): Chips => ({
      i2c: new Map([
        [0x45, new ShtChip({ clock, values: () => ({ celsius: 20, humidity: 50 }), family: "sht4x" })],
        [0x40, new Ina226Chip({ clock, values: () => DC, shuntOhms: 0.01 })] as never,
      ]),
    });
    const sensors = "p1; sht4x address=0x45 tc.offset=-1.5; ina226 shuntOhms=0.01 dci.ratio=-1 point=9";
    const site = await Site.open({ config: { mode: "resident", sensors }, chips });
    await site.pass(HOUR);
    await flush(site);
    expect(goodOf(site, 0)[5]).toHaveProperty("ei_t1");
    expect(goodOf(site, 1)[5]).toMatchObject({ tc: 18.5, rh: 50 });
    expect(goodOf(site, 9)[5]).toMatchObject({ dcv: 26, dci: -5 });
    for (const point of [0, 1, 9]) expect(goodOf(site, point).length).toBeGreaterThanOrEqual(60);
  });

  it.each([
    ["ina226 shunt=1", 'ina226: there is no option "shunt", expected port, data, clock, address, hz, pollMs'],
    ["ina226 shuntOhms=-1", "ina226: shuntOhms is -1, expected a number from 0.00001 to 10"],
    ["ina999", 'there is no driver "ina999", expected p1, p1mbus, sml'],
    ["sht4x tc.gain=9", "calibration: tc.gain is 9, expected a number from 0.5 to 2"],
    ["sht4x tx.gain=1", 'no channel is called "tx"'],
    ["sht4x probe", 'sht4x: "probe" is no option, expected name=value'],
    ["sht4x point=300", "sht4x: point is 300, expected an integer from 0 to 255"],
    ["sht4x profile=99", "sht4x: there is no built-in profile 99"],
    ["sht4x profile=tc", 'sht4x: profile is "tc", expected columns that begin with t'],
    ["sht4x sampleMs=0", "sht4x: sampleMs is 0, expected an integer from 1"],
    // At full scale, 11.2 kW, it overflows in 40 s; what circuits carry beyond that it does not see.
    [
      "ade7953 sampleMs=60000",
      "ade7953: sampleMs is 60000, expected at most 40544: then its energy may overflow",
    ],
    ["ade7953 sampleMs=60000 maximumWatts=14720", "ade7953: sampleMs is 60000, expected at most 40544"],
    ["ade7953 sampleMs=130000 maximumWatts=3680", "ade7953: sampleMs is 130000, expected at most 122953"],
    ["ade7953 maximumWatts=0", "ade7953: maximumWatts is 0"],
    ["p1; sht4x point=0", "two sensors are point 0"],
    ["bl0942; sdm120", "bl0942 and sdm120 both use serial port 2"],
    [" ; ", "there is no sensor"],
  ])("is left out where it cannot be, and said: %s", (sensors, message) => {
    const { config, problems } = loadConfig([
      { from: "manifest", values: { sampleMs: 30_000 } },
      { from: "store", values: { sensors } },
    ]);
    expect(config.sensors).toBe("p1");
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ from: "store", name: "sensors" });
    expect(problems[0].message).toContain(`sensors is ${JSON.stringify(sensors)}: ${message}`);
  });

  it.each([
    { sensors: "ade7953 sampleMs=40000", mode: "sleeper" },
    { sensors: "ade7953 sampleMs=120000 maximumWatts=3680", mode: "sleeper" },
    { sensors: "ade7953 sampleMs=900000", mode: "resident" },
  ])("may be a chip whose energy overflows, where it is read in time: %o", (values) => {
    expect(loadConfig([{ from: "store", values }]).problems).toEqual([]);
  });

  it("that provisioning has written badly does not keep a node from measuring", async () => {
    const site = await Site.open({
      prepare({ storage }) {
        const store = storage.keyValue.open({ path: "config", format: "string" });
        store.write("sensors", "ina226 shunt=1");
        store.close();
      },
    });
    await site.pass(HOUR);
    expect(site.log[0]).toContain('key-value store: sensors is "ina226 shunt=1": ina226: there is no option');
    expect(site.terminal.counters!.readings[0]).toBeGreaterThan(50);
  });

  it("takes any text without a throw, and gives a plan or one problem", () => {
    const word = fc.oneof(
      fc.constantFrom("p1", "ina226", "sdm630", "sunspec", "hlw8012", ";", "unit=1", "point=3", "p.gain=1.1"),
      fc.constantFrom(
        "address=192.0.2.1",
        "address=0x41",
        "profile=t,p",
        "=",
        ".=1",
        "a.b.c=d",
        "sampleMs=1e3",
      ),
      fc.string({ maxLength: 12 }),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 12 }), (words) => {
        const { config, problems } = loadConfig([{ from: "store", values: { sensors: words.join(" ") } }]);
        expect(problems.length).toBeLessThanOrEqual(1);
        expect(streamsOf(config).length).toBeGreaterThan(0);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("a plan's sensor", () => {
  const appWith =
    (...sensors: SensorPlan[]): App =>
    (kit) => {
      const { plan } = defaultApp(kit);
      const [stream] = plan.streams;
      return { plan: { ...plan, streams: sensors.map((sensor, point) => ({ ...stream, point, sensor })) } };
    };

  it.each<[SensorPlan[], string]>([
    [[{ driver: "ina999" as "ina226" }], 'there is no driver "ina999", expected p1, p1mbus, sml'],
    [
      [{ driver: "ina226", options: { shunt: 1 } }],
      'ina226: there is no option "shunt", expected port, data',
    ],
    [[{ driver: "ina226", options: { shuntOhms: 0 } }], "ina226: shuntOhms is 0, expected a number from"],
    [[{ driver: "bl0942", options: { baud: 1 } }], "bl0942: baud is 1, expected an integer from 300"],
    [[{ driver: "hlw8012" }], "hlw8012: power is undefined, expected an integer from 0 to 63"],
    [[{ driver: "sunspec", options: { address: 3 } }], "sunspec: address is 3, expected an IPv4 address"],
    [[{ driver: "sdm120", options: { unit: "one" } }], "sdm: unit is one, expected an integer from 0 to 255"],
    [[{ driver: "sht4x", calibration: { tc: { gain: 9 } } }], "calibration: tc.gain is 9, expected"],
    [[{ driver: "bl0942" }, { driver: "sdm120" }], "bl0942 and sdm120 both use serial port 2"],
    [
      [{ driver: "sdm120" }, { driver: "sdm230", options: { unit: 2, baud: 2400 } }],
      "sdm120 and sdm230 both use serial port 2",
    ],
    [
      [{ driver: "ina226" }, { driver: "ina228" }],
      "ina226 and ina228 both use address 64 of the I2C bus on pins 21 and 22",
    ],
  ])("that cannot be is refused by a message that names the field: %j", async (sensors, message) => {
    const site = await Site.open({ app: appWith(...sensors) });
    await expect(site.pass(0)).rejects.toThrow(`the app's plan: ${message}`);
  });

  it("of a bus that the platform lacks gives readings that say so, and a line in the log", async () => {
    const site = await Site.open({
      app: appWith({ driver: "ina226" }),
      prepare({ buses }) {
        buses.i2c = undefined;
      },
    });
    await site.pass(HOUR);
    expect(site.log[0]).toBe("site: point 0: ina226 needs a bus, I2C, that this platform has not");
    expect(new Set(site.records.map(({ quality }) => quality))).toEqual(new Set(["bus"]));
  });
});

it("hears a meter that would be speaking whenever its silence has lasted too long", async () => {
  const house = new House({ seed: 1, start: START, phases: 1, baseW: 300, pvW: 0, utcOffset: 60 });
  const site = await Site.open({
    config: { mode: "resident", sampleMs: 0, sampleTimeoutMs: 10_000, p1Baud: 9600, sessionMs: MINUTE },
    chips: (clock) => ({
      serial: new Map([
        [1, new P1Meter({ clock, values: (time) => house.at(time), version: 42, offset: 9_900 })],
      ]),
    }),
  });
  await site.pass(5 * MINUTE);
  expect(site.terminal.counters!.readings[0]).toBeGreaterThan(25);
});
