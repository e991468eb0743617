import { Ade7953Chip } from "../../hal-mocks/chips/ade7953";
import { type DcValues, Ina226Chip } from "../../hal-mocks/chips/ina226";
import { Ina228Chip } from "../../hal-mocks/chips/ina228";
import { ShtChip } from "../../hal-mocks/chips/sht";
import { createI2C, type I2CChip } from "../../hal-mocks/i2c";
import { Ade7953, type Ade7953Options } from "../../src/sensors/ade7953";
import { Ina226, type Ina226Options } from "../../src/sensors/ina226";
import { Ina228, type Ina228Options } from "../../src/sensors/ina228";
import type { ShtOptions } from "../../src/sensors/sht";
import { Sht3x } from "../../src/sensors/sht3x";
import { Sht4x } from "../../src/sensors/sht4x";
import type { DriverSubject, SensorDriver } from "./drivers";
import { moodyTarget, Stage } from "./stage";

/** A driver of a chip on an I2C bus, polled each second. */
function i2c(
  name: string,
  address: number,
  chip: (stage: Stage) => I2CChip,
  open: (options: never) => SensorDriver,
  more: Partial<DriverSubject>,
): DriverSubject {
  return {
    name,
    silence: "bus",
    patienceMs: 2500,
    create() {
      const stage = new Stage();
      const io = createI2C(new Map([[address, moodyTarget(chip(stage), stage)]]));
      return Object.assign(stage, {
        options: () => ({ sensor: { io, data: 21, clock: 22 }, clock: stage.clock }),
        open: (options: object) => open(options as never),
      });
    },
    badOptions: [
      ["sensor.io", { sensor: {} }],
      ["clock", { clock: { ticks: 0 } }],
    ],
    ...more,
    badConfigurations: [
      ["pollMs", { pollMs: 1 }],
      ["pollMs", { pollMs: 86_400_001 }],
      ...(more.badConfigurations ?? []),
    ],
  };
}

/** What a battery carries; `absurdVolts` are more than the chip's input stands. */
const dc = (stage: Stage, absurdVolts: number) => (): DcValues => ({
  volts: stage.mood === "absurd" ? absurdVolts : 13,
  amperes: 1,
});

const sht = (family: "sht3x" | "sht4x") => (stage: Stage) =>
  new ShtChip({
    clock: stage.world,
    family,
    values: () => (stage.mood === "absurd" ? { celsius: 129, humidity: 50 } : { celsius: 21, humidity: 50 }),
  });

const circuits = (stage: Stage) => () => {
  const one = { amperes: 1, watts: 230, vars: 0 };
  return { volts: stage.mood === "absurd" ? 900 : 230, hertz: 50, a: one, b: one };
};

export const i2cSubjects: readonly DriverSubject[] = [
  i2c(
    "ina226",
    0x40,
    (stage) => new Ina226Chip({ clock: stage.world, shuntOhms: 0.01, values: dc(stage, 38) }),
    (options: Ina226Options) => new Ina226(options) as SensorDriver,
    {
      badConfigurations: [
        ["shuntOhms", { shuntOhms: 0 }],
        ["averages", { averages: 3 }],
      ],
    },
  ),
  i2c(
    "ina228",
    0x40,
    (stage) => new Ina228Chip({ clock: stage.world, shuntOhms: 0.015, values: dc(stage, 100) }),
    (options: Ina228Options) => new Ina228(options) as SensorDriver,
    {
      badConfigurations: [
        ["shuntOhms", { shuntOhms: 11 }],
        ["maximumAmperes", { maximumAmperes: 11, shuntOhms: 0.015 }],
        ["averages", { averages: 0 }],
      ],
    },
  ),
  ...(["sht3x", "sht4x"] as const).map((family) =>
    i2c(
      family,
      0x44,
      sht(family),
      (options: ShtOptions) => (family === "sht3x" ? new Sht3x(options) : new Sht4x(options)) as SensorDriver,
      { stuckMs: 31_000, badConfigurations: [["probe", { probe: 128 }]] },
    ),
  ),
  i2c(
    "ade7953",
    0x38,
    (stage) => new Ade7953Chip({ clock: stage.world, values: circuits(stage) }),
    (options: Ade7953Options) => new Ade7953(options) as SensorDriver,
    {
      stuckMs: 11_000,
      badConfigurations: [
        ["divider", { divider: 0 }],
        ["voltsByAmpereA", { voltsByAmpereA: 0 }],
        ["voltsByAmpereB", { voltsByAmpereB: 11 }],
        ["phaseA", { phaseA: 4 }],
        ["phaseB", { phaseA: 1, phaseB: 1 }],
        ["reversedA", { reversedA: 1 }],
        ["reversedB", { reversedB: "no" }],
        ["minimumVolts", { minimumVolts: -1 }],
      ],
    },
  ),
];
