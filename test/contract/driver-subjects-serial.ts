import { Bl0942Chip } from "../../hal-mocks/chips/bl0942";
import { Cse7766Chip } from "../../hal-mocks/chips/cse7766";
import { Hlw8012Chip } from "../../hal-mocks/chips/hlw8012";
import { P1Meter } from "../../hal-mocks/chips/p1-meter";
import { SmlMeter } from "../../hal-mocks/chips/sml-meter";
import { createDigital, createPulseCount } from "../../hal-mocks/pulse-count";
import { createSerial, type SerialChip } from "../../hal-mocks/serial";
import type { Clock } from "../../src/hal";
import { Bl0942, type Bl0942Options } from "../../src/sensors/bl0942";
import { Cse7766, type Cse7766Options } from "../../src/sensors/cse7766";
import { Hlw8012, type Hlw8012Options } from "../../src/sensors/hlw8012";
import { P1, type P1Options } from "../../src/sensors/p1";
import { P1MBus, type P1MBusOptions } from "../../src/sensors/p1-mbus";
import { P1Shared } from "../../src/sensors/p1-shared";
import { Sml, type SmlOptions } from "../../src/sensors/sml";
import { telegram } from "../support/dsmr";
import type { DriverSubject, SensorDriver } from "./drivers";
import { moody, Stage } from "./stage";

/** A driver on a serial line of its own. */
function serial(
  name: string,
  chip: (stage: Stage) => SerialChip,
  open: (options: never) => SensorDriver,
  more: Partial<DriverSubject>,
): DriverSubject {
  return {
    name,
    silence: "driver",
    patienceMs: 4000,
    create() {
      const stage = new Stage();
      const io = createSerial(stage.hostClock, new Map([[1, moody(chip(stage), stage)]]));
      return Object.assign(stage, {
        options: () => ({ sensor: { io, port: 1, receive: 16, transmit: 17 }, clock: stage.clock }),
        open: (options: object) => open(options as never),
      });
    },
    badOptions: [
      ["sensor.io", { sensor: {} }],
      ["clock", { clock: {} }],
    ],
    badConfigurations: [],
    ...more,
  };
}

/** A meter with a gas meter, whose telegrams say, when it is absurd, what cannot be. */
const p1Meter =
  (...absurdLines: string[]) =>
  (stage: Stage): SerialChip => {
    const meter = new P1Meter({
      clock: stage.world,
      values: () => ({
        ...{ tariff: 1, importWh: [1000, 2000], exportWh: [0, 0], importW: 230, exportW: 0 },
        phases: [{ v: 230, i: 1, importW: 230, exportW: 0 }],
      }),
      mbus: [{ type: 3, unit: "m3", read: () => 1234 }],
    });
    const absurd = telegram(["1-3:0.2.8(50)", ...absurdLines]);
    return {
      onOpen: (line) =>
        meter.onOpen({
          baud: line.baud,
          send: (bytes) => line.send(stage.mood === "absurd" ? absurd : bytes),
        }),
      onClose: () => meter.onClose(),
    };
  };

/** As a terminal does: its owner closes the port behind the last of its users. */
function openShared(options: P1Options & { clock: Clock }): SensorDriver {
  const { sensor, clock } = options;
  const p1 = new P1({ sensor, clock });
  try {
    const driver = new P1Shared({ ...options, sensor: { p1 } });
    return {
      identification: driver.identification,
      counters: p1.counters,
      configure: (configuration) => driver.configure(configuration),
      sample: () => driver.sample(),
      close() {
        driver.close();
        p1.close();
      },
    };
  } catch (error) {
    p1.close();
    throw error;
  }
}

/** What a plug carries. */
const plug = (stage: Stage) => () => {
  const volts = stage.mood === "absurd" ? 900 : 230 + stage.ripple / 10;
  return { volts, amperes: 1, watts: 230, hertz: 50 };
};

const plugConfigurations: DriverSubject["badConfigurations"] = [
  ["shuntMilliohms", { shuntMilliohms: 0 }],
  ["minimumVolts", { minimumVolts: 401 }],
  ["pollMs", { pollMs: -1 }],
];

const CF = 5;
const CF1 = 14;
const SEL = 12;

/** Two pulse counters and an output. Nonsense are pulses of a pin that picks up a radio. */
function hlw8012(model: "hlw8012" | "bl0937"): DriverSubject {
  return {
    name: model,
    silence: "driver",
    patienceMs: 13_000,
    create() {
      const stage = new Stage();
      const values = plug(stage);
      const chip = new Hlw8012Chip({ clock: stage.world, values, model });
      const pin = (source: { pulses: number }, factor: number) => ({
        get pulses() {
          chip.isDead = stage.mood === "silent";
          const noise = stage.mood === "nonsense" ? Math.floor(stage.world.now * factor) : 0;
          return source.pulses + noise;
        },
      });
      const io = createPulseCount(
        new Map([
          [CF, pin(chip.cf, 0.4)],
          [CF1, pin(chip.cf1, 1.9)],
        ]),
      );
      const select = { io: createDigital(new Map([[SEL, chip.sel]])), pin: SEL };
      return Object.assign(stage, {
        options: () => ({ sensor: { io, power: CF, second: CF1 }, select, clock: stage.clock }),
        open: (options: object) => {
          const driver = new Hlw8012(options as Hlw8012Options);
          driver.configure({ model });
          return driver as SensorDriver;
        },
      });
    },
    badOptions: [
      ["sensor.io", { sensor: {} }],
      ["select.io", { select: { pin: SEL } }],
      ["clock", { clock: {} }],
    ],
    badConfigurations: [
      ...plugConfigurations,
      ["model", { model: "hlw8013" }],
      ["divider", { divider: 0 }],
      ["inverted", { inverted: 1 }],
      ["pollMs", { pollMs: 15_001 }],
    ],
  };
}

/** Drivers of meters and chips on serial lines and pins, but for Modbus. */
export const serialSubjects: readonly DriverSubject[] = [
  serial("p1", p1Meter("1-0:1.7.0(999999.999*kW)"), (options: P1Options) => new P1(options) as SensorDriver, {
    silence: "stream",
    patienceMs: 2500,
    badConfigurations: [
      ["utcOffset", { utcOffset: 1.5 }],
      ["dataBits", { dataBits: 9 }],
      ["checksum", { checksum: "maybe" }],
    ],
  }),
  serial("p1 on a port that is shared", p1Meter("1-0:1.7.0(999999.999*kW)"), openShared, {
    silence: "stream",
    patienceMs: 2500,
    badConfigurations: [["utcOffset", { utcOffset: 1.5 }]],
  }),
  serial(
    "p1mbus",
    p1Meter("0-1:24.1.0(003)", "0-1:24.2.1(260601140000S)(99999999.9*m3)"),
    (options: P1MBusOptions) => new P1MBus(options) as SensorDriver,
    {
      silence: "stream",
      patienceMs: 2500,
      badOptions: [
        ["sensor.io", { sensor: {} }],
        ["sensor.p1", { sensor: { p1: {} } }],
        ["clock", { clock: {} }],
      ],
      badConfigurations: [
        ["channel", { channel: 5 }],
        ["silentMs", { silentMs: -1 }],
        ["utcOffset", { utcOffset: 1.5 }],
        ["checksum", { checksum: "maybe" }],
      ],
    },
  ),
  serial(
    "sml",
    (stage) =>
      new SmlMeter({
        clock: stage.world,
        values: () => ({ importWh: 1000, exportWh: 2000, watts: stage.mood === "absurd" ? 1e9 : 230 }),
      }),
    (options: SmlOptions) => {
      const driver = new Sml(options);
      driver.configure({ silentMs: 2000 });
      return driver as SensorDriver;
    },
    {
      badConfigurations: [
        ["silentMs", { silentMs: 0 }],
        ["silentMs", { silentMs: "2000" }],
      ],
    },
  ),
  serial(
    "bl0942",
    (stage) => new Bl0942Chip({ clock: stage.world, values: plug(stage) }),
    (options: Bl0942Options) => new Bl0942(options) as SensorDriver,
    {
      stuckMs: 11_000,
      badConfigurations: [
        ...plugConfigurations,
        ["address", { address: 4 }],
        ["divider", { divider: Number.NaN }],
        ["reversed", { reversed: 0 }],
      ],
    },
  ),
  serial(
    "cse7766",
    (stage) => new Cse7766Chip({ clock: stage.world, values: plug(stage) }),
    (options: Cse7766Options) => new Cse7766(options) as SensorDriver,
    {
      stuckMs: 11_000,
      badConfigurations: [
        ...plugConfigurations,
        ["silentMs", { silentMs: 99 }],
        ["dividerKiloohms", { dividerKiloohms: 0 }],
      ],
    },
  ),
  hlw8012("hlw8012"),
  hlw8012("bl0937"),
];
