import type { SensorOptions } from "../app/interface";
import type { Config } from "../config";
import type { Sample } from "../model/reading";
import { Ade7953 } from "./ade7953";
import { Bl0942 } from "./bl0942";
import type { CountsShape } from "./counts";
import { Cse7766 } from "./cse7766";
import type { DriverCallbacks } from "./driver-options";
import { Hlw8012 } from "./hlw8012";
import { Ina226 } from "./ina226";
import { Ina228 } from "./ina228";
import { P1MBus } from "./p1-mbus";
import { P1Shared } from "./p1-shared";
import { Pzem004t } from "./pzem004t";
import { Pzem017 } from "./pzem017";
import { Sdm } from "./sdm";
import { Sht3x } from "./sht3x";
import { Sht4x } from "./sht4x";
import { Sml } from "./sml";
import { SunSpec } from "./sunspec";

/** What all drivers are, after ECMA-419's Sensor class pattern. */
export interface SensorDriver {
  readonly identification: { readonly model: string; readonly classification: string };
  /** @throws RangeError or TypeError that names the field. */
  configure(options: object): void;
  /** The newest unread sample, or undefined. */
  sample(): Sample | undefined;
  /** Asks the device once, where `pollMs` is 0. */
  again?(): void;
  close(): void;
}

export type DriverOptions = DriverCallbacks & { sensor: object; select?: object; counts?: Float64Array };

/** `meter` is a serial port of its own: the smart meter's; `p1` the same, which several drivers share. */
export type BusKind = "meter" | "p1" | "serial" | "modbus" | "i2c" | "pulses";

/** What a terminal needs to know of a driver. */
export interface DriverRow {
  readonly Driver: new (options: DriverOptions) => SensorDriver;
  readonly bus: BusKind;
  /** Names of what `configure` takes, each followed by a space. */
  readonly options: string;
  /** What the sensor is recorded as unless somebody says otherwise; `meter` is that of a smart meter. */
  readonly profile: number | string;
  /** Options of its constructor. */
  readonly fixed?: Readonly<Record<string, unknown>>;
  /** What `configure` gets of the terminal's own configuration. */
  readonly settings?: (config: Readonly<Config>) => SensorOptions;
  /** Its address on I2C. */
  readonly address?: number;
  /** It counts registers by itself, which have to be kept for it. */
  readonly counts?: CountsShape;
  /** Registers that it counts while the terminal is awake, and not in deep sleep: of no use to a sleeper. */
  readonly countsAwake?: readonly string[];
  /** With these options it counts right for so many milliseconds while nobody reads it. */
  readonly countsMs?: (options: SensorOptions) => number;
  /** Closed between two readings it would lose counts, or miss what the device says of its own accord. */
  readonly staysOpen?: true;
  /** The device says its readings of its own accord, at times of its own, and seldom. */
  readonly speaks?: true;
  /** It measures power and counts no energy, so that the terminal integrates it. */
  readonly integrate?: true;
}

/** Three phases of a sub-meter. */
const PHASES =
  "t v_l1 v_l2 v_l3 i_l1@-3 i_l2@-3 i_l3@-3 p_l1 p_l2 p_l3 p q f ei ee ei_l1 ei_l2 ei_l3 ee_l1 ee_l2 ee_l3";
/** Two circuits at one voltage. */
const TWO_CIRCUITS = "t v f i_l1@-3 i_l2@-3 p_l1 p_l2 q_l1 q_l2 ei_l1@-1 ei_l2@-1 ee_l1@-1 ee_l2@-1 flags";

/** Numbers of built-in profiles: see src/model/profiles.ts. */
const CIRCUIT = 3;
const INVERTER = 4;
const BATTERY = 5;
const ENVIRONMENT = 7;

const MODBUS = "unit pollMs stuckMs ";
const PLUG = "shuntMilliohms minimumVolts pollMs ";
const SDM = { bus: "modbus", options: `${MODBUS}maxA ` } as const;
const SHT = { bus: "i2c", options: "pollMs probe ", profile: ENVIRONMENT, address: 0x44 } as const;

const P1_PORT: Pick<DriverRow, "bus" | "staysOpen" | "speaks" | "settings"> = {
  bus: "p1",
  staysOpen: true,
  speaks: true,
  settings: ({ utcOffset, p1DataBits }) => ({ utcOffset, dataBits: p1DataBits }),
};

function row(Driver: unknown, rest: Omit<DriverRow, "Driver">): DriverRow {
  return { Driver: Driver as DriverRow["Driver"], ...rest };
}

/** Every sensor that a terminal can have: one row a driver. */
export const drivers = {
  p1: row(P1Shared, { ...P1_PORT, options: "utcOffset dataBits checksum ", profile: "meter" }),
  p1mbus: row(P1MBus, {
    ...{ ...P1_PORT, options: "channel silentMs utcOffset dataBits checksum " },
    profile: "t clock gas water heat cold ei",
  }),
  sml: row(Sml, { bus: "meter", options: "silentMs ", profile: "meter", staysOpen: true, speaks: true }),
  pzem004t: row(Pzem004t, { bus: "modbus", options: MODBUS, profile: CIRCUIT }),
  pzem017: row(Pzem017, { bus: "modbus", options: MODBUS, profile: "t dcv dci dcp dcei flags" }),
  sdm120: row(Sdm, { ...SDM, profile: CIRCUIT, fixed: { model: "sdm120" } }),
  sdm230: row(Sdm, { ...SDM, profile: CIRCUIT, fixed: { model: "sdm230" } }),
  sdm630: row(Sdm, { ...SDM, profile: PHASES, fixed: { model: "sdm630" } }),
  sunspec: row(SunSpec, { bus: "modbus", options: `${MODBUS}part maxRegisters `, profile: INVERTER }),
  bl0942: row(Bl0942, {
    ...{ bus: "serial", options: `${PLUG}address divider reversed `, profile: CIRCUIT },
    counts: Bl0942.counts,
  }),
  cse7766: row(Cse7766, {
    ...{ bus: "serial", options: `${PLUG}silentMs dividerKiloohms `, profile: CIRCUIT, staysOpen: true },
    counts: Cse7766.counts,
  }),
  hlw8012: row(Hlw8012, {
    ...{ bus: "pulses", options: `${PLUG}model divider inverted `, profile: CIRCUIT, staysOpen: true },
    ...{ counts: Hlw8012.counts, countsAwake: ["ei"], integrate: true },
  }),
  ade7953: row(Ade7953, {
    ...{ bus: "i2c", profile: TWO_CIRCUITS, address: 0x38, counts: Ade7953.counts, staysOpen: true },
    options:
      "pollMs divider voltsByAmpereA voltsByAmpereB phaseA phaseB reversedA reversedB minimumVolts maximumWatts ",
    countsMs: Ade7953.overflowMs,
  }),
  ina226: row(Ina226, {
    ...{ bus: "i2c", options: "pollMs shuntOhms averages ", profile: BATTERY, address: 0x40 },
    integrate: true,
  }),
  ina228: row(Ina228, {
    ...{ bus: "i2c", options: "pollMs shuntOhms maximumAmperes averages ", profile: BATTERY, address: 0x40 },
    counts: Ina228.counts,
  }),
  sht3x: row(Sht3x, SHT),
  sht4x: row(Sht4x, SHT),
} as const;

export type DriverName = keyof typeof drivers;

/** @throws RangeError that names the drivers that there are. */
export function rowOf(name: string): DriverRow {
  if (Object.hasOwn(drivers, name)) return drivers[name as DriverName];
  throw new RangeError(`there is no driver "${name}", expected ${Object.keys(drivers).join(", ")}`);
}

/** What a plan can say of a bus. A Modbus device with an `address` is behind TCP. */
const BUS_OPTIONS: Readonly<Record<BusKind, string>> = {
  meter: "port receive baud ",
  p1: "port receive baud ",
  serial: "port receive transmit baud ",
  modbus: "port receive transmit baud address timeoutMs retries turnaroundMs echo ",
  i2c: "port data clock address hz ",
  pulses: "power second select ",
};

/** Names of all options that a sensor's plan may have. */
export function optionsOf({ bus, options }: DriverRow): string[] {
  return `${BUS_OPTIONS[bus]}${options}`.trim().split(" ");
}
