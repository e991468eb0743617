import type { SensorPlan } from "../app/interface";
import type { Config } from "../config";
import type { Clock, Hal, SerialBus, TcpBus, Timer } from "../hal";
import type { Sample } from "../model/reading";
import { Calibration } from "./calibration";
import { type DriverOptions, type DriverRow, rowOf, type SensorDriver } from "./drivers";
import type { ModbusBus } from "./modbus-bus";
import { ModbusRtu, type ModbusRtuSensor } from "./modbus-rtu";
import { ModbusTcp, type ModbusTcpSensor } from "./modbus-tcp";
import { P1 } from "./p1";
import { type Place, placeOf } from "./places";

/** A sensor that is open: the driver, its samples corrected. */
export interface OpenSensor {
  sample(): Sample | undefined;
  /** Asks the device for a reading. Absent where it is asked for one by being opened. */
  again?: () => void;
  close(): void;
}

/** The callbacks are never called from inside `open`. */
export interface SensorCallbacks {
  onSample: () => void;
  onError: () => void;
}

/** A Modbus line or a P1 port, and how many sensors are open on it. */
interface SharedLine {
  bus: ModbusBus | P1;
  users: number;
}

/** A terminal's sensors on its buses, of which several sensors may share one. */
export class Sensors {
  readonly #hal: Pick<Hal, "buses" | "clock">;
  readonly #config: Readonly<Config>;
  readonly #lines = new Map<string, SharedLine>();

  constructor(hal: Pick<Hal, "buses" | "clock">, config: Readonly<Config>) {
    this.#hal = hal;
    this.#config = config;
  }

  /** What the platform lacks for this sensor; undefined when it has all. */
  lacks({ driver, options = {} }: SensorPlan): string | undefined {
    const { bus } = rowOf(driver);
    const { buses } = this.#hal;
    if (bus === "i2c") return buses.i2c ? undefined : "I2C";
    if (bus === "pulses") return buses.pulseCount && buses.digital ? undefined : "pulse counter";
    if (bus === "modbus" && options.address !== undefined) return buses.tcp ? undefined : "TCP";
    return buses.serial ? undefined : "serial port";
  }

  /**
   * @param counts what the driver has counted before, if its row says that it does.
   * @param isAsked whoever opens it asks for each reading: one good sample now, and at each `again`.
   * @throws when the bus cannot be opened, or the plan is not valid.
   */
  open(
    plan: SensorPlan,
    counts: Float64Array | undefined,
    callbacks: SensorCallbacks,
    isAsked = false,
  ): OpenSensor {
    const missing = this.lacks(plan);
    if (missing) throw new Error(`${plan.driver}: the platform has no ${missing}`);
    const row = rowOf(plan.driver);
    const place = placeOf(plan, this.#config);
    if (place.shared !== undefined)
      return this.#openShared(plan, row, place, callbacks, isAsked && row.bus === "modbus");
    const bus = this.#busOf(row, place);
    const { sample, close } = this.#start(plan, row, {
      ...bus,
      ...callbacks,
      clock: this.#hal.clock,
      counts,
    });
    return { sample, close };
  }

  /** The bus's part of a driver's options. */
  #busOf({ bus }: DriverRow, { settings }: Place): { sensor: object; select?: object } {
    const { serial, i2c, pulseCount, digital } = this.#hal.buses;
    if (bus === "i2c") return { sensor: { ...i2c, ...settings } };
    if (bus !== "pulses") return { sensor: { ...serial, ...settings } };
    const { power, second, select } = settings;
    return { sensor: { ...pulseCount, power, second }, select: { ...digital, pin: select } };
  }

  #start(plan: SensorPlan, row: DriverRow, options: DriverOptions): OpenSensor {
    const calibration = plan.calibration && new Calibration(plan.calibration);
    const driver = newDriver(plan, row, options, this.#config);
    const useless = this.#config.mode === "sleeper" ? row.countsAwake : undefined;
    return {
      sample() {
        const sample = driver.sample();
        if (sample && useless) for (const name of useless) delete sample[name];
        return sample && calibration ? calibration.apply(sample) : sample;
      },
      again: () => driver.again?.(),
      close: () => driver.close(),
    };
  }

  // ---- Modbus lines and P1 ports ----

  #openShared(
    given: SensorPlan,
    row: DriverRow,
    place: Place,
    callbacks: SensorCallbacks,
    isAsked: boolean,
  ): OpenSensor {
    const plan = isAsked ? { ...given, options: { ...given.options, pollMs: 0 } } : given;
    const line = this.#lineAt(row, place);
    line.users++;
    let isOpen = true;
    const release = () => {
      if (!isOpen) return;
      isOpen = false;
      line.users--;
      if (line.users) return;
      line.bus.close();
      if (this.#lines.get(place.occupies) === line) this.#lines.delete(place.occupies);
    };
    const onError = () => {
      release();
      callbacks.onError();
    };
    try {
      const { onSample } = callbacks;
      const { clock } = this.#hal;
      const shared = row.bus === "p1" ? { p1: line.bus } : { bus: line.bus };
      const sensor = this.#start(plan, row, { sensor: shared, clock, onSample, onError });
      return {
        sample: sensor.sample,
        ...(isAsked && { again: sensor.again }),
        close() {
          sensor.close();
          release();
        },
      };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** One whose port has failed is closed, and opened anew. */
  #lineAt(row: DriverRow, { occupies, settings }: Place): SharedLine {
    const known = this.#lines.get(occupies);
    if (known && !known.bus.isClosed) return known;
    const line = { bus: this.#openLine(row, settings), users: 0 };
    this.#lines.set(occupies, line);
    return line;
  }

  #openLine({ bus }: DriverRow, settings: Place["settings"]): ModbusBus | P1 {
    const { buses, clock } = this.#hal;
    const sensor: unknown = { ...("address" in settings ? buses.tcp : buses.serial), ...settings };
    if (bus === "p1") return new P1({ sensor: sensor as SerialBus, clock });
    if ("address" in settings) return new ModbusTcp({ sensor: sensor as ModbusTcpSensor & TcpBus, clock });
    return new ModbusRtu({ sensor: sensor as ModbusRtuSensor & SerialBus, clock });
  }
}

/** A driver with its settings. @throws what it says of them; nothing is left open then. */
function newDriver(
  { options = {} }: SensorPlan,
  { Driver, fixed, settings }: DriverRow,
  given: DriverOptions,
  config: Readonly<Config>,
): SensorDriver {
  const driver = new Driver({ ...fixed, ...given });
  try {
    driver.configure({ ...settings?.(config), ...options });
  } catch (error) {
    driver.close();
    throw error;
  }
  return driver;
}

// ---- Whether a plan is valid, before anything is opened ----

/** Stands for a bus, and does nothing. */
class NoBus {
  close(): void {}
}

const noClock: Clock = {
  ticks: 0,
  set: () => undefined as unknown as Timer,
  clear() {},
};

/**
 * A sleeper's sensor is read once a period.
 * @throws RangeError when its chip cannot count for so long.
 */
export function checkPeriod({ driver, options = {} }: SensorPlan, sampleMs: number, { mode }: Config): void {
  const longest = rowOf(driver).countsMs?.(options) ?? Number.POSITIVE_INFINITY;
  if (mode !== "sleeper" || sampleMs <= longest) return;
  throw new RangeError(
    `${driver}: sampleMs is ${sampleMs}, expected at most ${longest}: then its energy may overflow while the terminal sleeps; say what a circuit carries at most (maximumWatts), or stay up (mode=resident)`,
  );
}

/**
 * Has the driver itself look at its options, on a bus that does nothing.
 * @throws RangeError or TypeError that names the driver and the field.
 */
export function checkSensor(plan: SensorPlan, config: Readonly<Config>): void {
  const { driver, options, calibration } = plan;
  const row = rowOf(driver);
  placeOf(plan, config);
  if (!options && !calibration) return;
  const io = NoBus as never;
  const buses = { serial: { io }, i2c: { io }, pulseCount: { io }, digital: { io }, tcp: { io } };
  const sensors = new Sensors({ buses, clock: noClock }, config);
  const counts = row.counts && new Float64Array(row.counts.raw + row.counts.totals);
  sensors.open(plan, counts, { onSample() {}, onError() {} }).close();
}
