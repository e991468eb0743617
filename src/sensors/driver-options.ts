import type { Clock } from "../hal";

// What drivers check of their options. Each message begins with the driver's name and names the field.

/** What every driver takes besides its bus. */
export interface DriverCallbacks {
  /** Gives samples their `ticks`, and the driver its timers. */
  clock: Clock;
  /** A sample, good or bad, can be read. Of a serial driver, close it later: see `SerialOptions.onReadable`. */
  onSample?: () => void;
  /** The port has failed, and the driver is finished. */
  onError?: (error?: unknown) => void;
}

/** @throws TypeError that names the field. */
export function checkOptions(
  name: string,
  options: DriverCallbacks & { sensor: { io: unknown } },
  kind: string,
): void {
  checkIo(name, "sensor", options.sensor, kind);
  const { clock } = options;
  if (typeof clock?.ticks !== "number" || typeof clock.set !== "function")
    throw new TypeError(`${name}: clock is no clock`);
  checkCallback(name, "onSample", options.onSample);
  checkCallback(name, "onError", options.onError);
}

/** @throws TypeError when `bus` has no class. */
export function checkIo(name: string, field: string, bus: { io: unknown } | undefined, kind: string): void {
  if (typeof bus?.io !== "function")
    throw new TypeError(`${name}: ${field}.io is missing, expected ${kind} class`);
}

function checkCallback(name: string, field: string, callback: unknown): void {
  if (callback !== undefined && typeof callback !== "function")
    throw new TypeError(`${name}: ${field} is no function`);
}

/** @throws RangeError unless it is a number from `low` to `high`. */
export function checkNumber(name: string, field: string, value: unknown, low: number, high: number): void {
  if (typeof value !== "number" || !(value >= low && value <= high))
    throw new RangeError(`${name}: ${field} is ${value}, expected a number from ${low} to ${high}`);
}

/** @throws RangeError unless it is an integer from `low` to `high`. */
export function checkInteger(name: string, field: string, value: unknown, low: number, high: number): void {
  if (!Number.isInteger(value) || (value as number) < low || (value as number) > high)
    throw new RangeError(`${name}: ${field} is ${value}, expected an integer from ${low} to ${high}`);
}

/** @throws TypeError unless it is true or false. */
export function checkBoolean(name: string, field: string, value: unknown): void {
  if (typeof value !== "boolean")
    throw new TypeError(`${name}: ${field} is ${value}, expected true or false`);
}

/** @throws RangeError unless it is one of `values`. */
export function checkChoice(name: string, field: string, value: unknown, values: readonly unknown[]): void {
  if (!values.includes(value))
    throw new RangeError(`${name}: ${field} is ${value}, expected ${values.join(", ")}`);
}
