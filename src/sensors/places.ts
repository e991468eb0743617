import type { SensorOptions, SensorPlan, StreamPlan } from "../app/interface";
import type { Config } from "../config";
import { checkInteger } from "./driver-options";
import { type DriverRow, optionsOf, rowOf } from "./drivers";

/** Where a sensor is. */
export interface Place {
  /** What its bus's class is made with. */
  settings: Readonly<Record<string, number | string | boolean>>;
  /** What no other sensor may use. */
  occupies: string;
  /** Sensors may use the same together when this is equal, and not undefined. */
  shared?: string;
}

const MAX_PORT = 15;
const MAX_PIN = 63;
const MAX_BAUD = 921_600;
const MAX_HZ = 1_000_000;
const MAX_ADDRESS = 127;

/** A sensor's plan, written out. */
export function planOf({ sensor }: StreamPlan): SensorPlan {
  return typeof sensor === "string" ? { driver: sensor } : sensor;
}

/** A number for what a sensor is: another one, or another setting of it, as a rule has another. */
export function sourceOf({ driver, options = {} }: SensorPlan): number {
  const text = `${driver} ${textOf(options)}`;
  let source = 1;
  for (let index = 0; index < text.length; index++) source = (source * 31 + text.charCodeAt(index)) % 2 ** 32;
  return source;
}

/**
 * Where a sensor is, by its plan and, for what that does not say, the terminal's configuration.
 * @throws RangeError that names the driver and the field.
 */
export function placeOf({ driver, options = {} }: SensorPlan, config: Readonly<Config>): Place {
  const row = rowOf(driver);
  const known = optionsOf(row);
  for (const name in options) {
    if (!known.includes(name))
      throw new RangeError(`${driver}: there is no option "${name}", expected ${known.join(", ")}`);
  }
  if (row.bus === "i2c") return i2cPlace(driver, row, options, config);
  if (row.bus === "pulses") return pulsePlace(driver, options);
  if (row.bus === "modbus" && options.address !== undefined) return tcpPlace(driver, options);
  return serialPlace(driver, row, options, config);
}

/** @throws RangeError when two sensors use what only one of them can. */
export function checkPlaces(plans: readonly SensorPlan[], config: Readonly<Config>): void {
  const taken = new Map<string, { driver: string; shared: string | undefined }>();
  for (const plan of plans) {
    const { occupies, shared } = placeOf(plan, config);
    const other = taken.get(occupies);
    // A P1 port has one main meter.
    const isTwice = plan.driver === "p1" && other?.driver === "p1";
    if (other && (shared === undefined || shared !== other.shared || isTwice))
      throw new RangeError(`${other.driver} and ${plan.driver} both use ${occupies}`);
    if (other?.driver !== "p1") taken.set(occupies, { driver: plan.driver, shared });
  }
}

function serialPlace(
  driver: string,
  { bus }: DriverRow,
  options: SensorOptions,
  config: Readonly<Config>,
): Place {
  const isMeter = bus === "meter" || bus === "p1";
  const port = options.port ?? (isMeter ? config.p1Port : config.serialPort);
  const receive = options.receive ?? (isMeter ? config.p1Receive : config.serialReceive);
  const transmit = isMeter ? undefined : (options.transmit ?? config.serialTransmit);
  const baud = options.baud ?? (bus === "p1" ? config.p1Baud : undefined);
  checkInteger(driver, "port", port, 0, MAX_PORT);
  checkInteger(driver, "receive", receive, 0, MAX_PIN);
  if (transmit !== undefined) checkInteger(driver, "transmit", transmit, 0, MAX_PIN);
  if (baud !== undefined) checkInteger(driver, "baud", baud, 300, MAX_BAUD);
  // The SDK takes what is undefined for what is there.
  const settings = {
    ...{ port, receive },
    ...(transmit !== undefined && { transmit }),
    ...(baud !== undefined && { baud }),
    ...(bus === "modbus" && pick(options, "timeoutMs", "retries", "turnaroundMs", "echo")),
  };
  const shared = bus === "modbus" || bus === "p1" ? `${bus} ${textOf(settings)}` : undefined;
  return { settings, occupies: `serial port ${port}`, shared };
}

function tcpPlace(driver: string, options: SensorOptions): Place {
  const { address } = options;
  if (typeof address !== "string" || !address)
    throw new RangeError(`${driver}: address is ${address}, expected an IPv4 address`);
  const settings = { address, ...pick(options, "port", "timeoutMs", "retries") };
  return { settings, occupies: `${address}:${options.port ?? "502"}`, shared: textOf(settings) };
}

function i2cPlace(
  driver: string,
  row: DriverRow,
  options: SensorOptions,
  { i2cData, i2cClock }: Readonly<Config>,
): Place {
  const { data = i2cData, clock = i2cClock, address = row.address } = options;
  checkInteger(driver, "data", data, 0, MAX_PIN);
  checkInteger(driver, "clock", clock, 0, MAX_PIN);
  checkInteger(driver, "address", address, 0, MAX_ADDRESS);
  const { hz, port } = options;
  if (hz !== undefined) checkInteger(driver, "hz", hz, 1, MAX_HZ);
  if (port !== undefined) checkInteger(driver, "port", port, 0, MAX_PORT);
  const settings = { data, clock, address: address as number, ...pick(options, "hz", "port") };
  return { settings, occupies: `address ${address} of the I2C bus on pins ${data} and ${clock}` };
}

function pulsePlace(driver: string, options: SensorOptions): Place {
  for (const name of ["power", "second", "select"]) checkInteger(driver, name, options[name], 0, MAX_PIN);
  const settings = pick(options, "power", "second", "select");
  return { settings, occupies: `pins ${settings.power}, ${settings.second} and ${settings.select}` };
}

function pick(options: SensorOptions, ...names: string[]): Record<string, number | string | boolean> {
  const picked: Record<string, number | string | boolean> = {};
  for (const name of names) if (options[name] !== undefined) picked[name] = options[name];
  return picked;
}

/** The same for the same settings: they are put together in one order. */
function textOf(settings: Place["settings"]): string {
  let text = "";
  for (const name in settings) text += `${name}=${settings[name]} `;
  return text;
}
