import type { SensorPlan, StreamPlan } from "../app/interface";
import type { Config } from "../config";
import { columnsOf, profileOf } from "../model/profiles";
import type { CalibrationConfiguration } from "./calibration";
import { type DriverName, type DriverRow, rowOf } from "./drivers";
import { checkPlaces, planOf } from "./places";
import { checkPeriod, checkSensor } from "./sensors";

/**
 * The setting `sensors`, as text: `p1; ina228 address=0x41 shuntOhms=0.0005; sdm630 unit=2 point=7 p.gain=1.02`. A driver
 * and its options, then the next one. Besides what the driver has (`optionsOf` in drivers.ts): `point` (default: the first
 * sensor is 0, the next one 1, and so on), `sampleMs`, `batch`, `profile` (a number, or columns: `t,v,i@-3`),
 * `integrate`, and the `gain`, `offset` and `ratio` of any channel.
 */

type Value = number | string | boolean;

/** What is said of a stream, not of its sensor. */
const STREAM_FIELDS = ["point", "sampleMs", "batch", "profile", "integrate"];

/** Numbers of the built-in profiles of a smart meter for one phase and three. */
const METER_1 = 1;
const METER_3 = 2;
const MAX_POINT = 255;
const DAY_MS = 86_400_000;
const MAX_BATCH = 1024;

/**
 * What the setting says is to be sampled.
 * @throws RangeError or TypeError that names the sensor and the field.
 */
export function streamsOf(config: Readonly<Config>): StreamPlan[] {
  const streams = config.sensors
    .split(";")
    .map((text) => text.trim())
    .filter((text) => text)
    .map((text, index) => streamOf(text, index, config));
  if (!streams.length) throw new RangeError("there is no sensor");
  const points = streams.map(({ point }) => point);
  const twice = points.find((point, index) => points.indexOf(point) < index);
  if (twice !== undefined) throw new RangeError(`two sensors are point ${twice}`);
  if (streams.length > 1) checkPlaces(streams.map(planOf), config);
  return streams;
}

function streamOf(text: string, index: number, config: Readonly<Config>): StreamPlan {
  const [driver, ...words] = text.split(" ").filter((word) => word);
  const row = rowOf(driver);
  const said: Record<string, Value> = {};
  const options: Record<string, Value> = {};
  const calibration: Record<string, Record<string, Value>> = {};
  for (const word of words) {
    const { name, value } = pairOf(driver, word);
    const [channel, field] = name.split(".");
    if (field !== undefined) calibration[channel] = { ...calibration[channel], [field]: value };
    else (STREAM_FIELDS.includes(name) ? said : options)[name] = value;
  }
  const sensor: SensorPlan = {
    driver: driver as DriverName,
    ...(Object.keys(options).length && { options }),
    ...(Object.keys(calibration).length && { calibration: calibration as CalibrationConfiguration }),
  };
  checkSensor(sensor, config);
  const fields = fieldsOf(driver, row, said, index, config);
  checkPeriod(sensor, fields.sampleMs, config);
  return { ...fields, sensor: words.length ? sensor : sensor.driver };
}

/** `name=value`: a number in decimal or hexadecimal, true, false, or text. */
function pairOf(driver: string, word: string): { name: string; value: Value } {
  const at = word.indexOf("=");
  const [name, text] = [word.slice(0, at), word.slice(at + 1)];
  if (at < 1 || !text) throw new RangeError(`${driver}: "${word}" is no option, expected name=value`);
  if (text === "true" || text === "false") return { name, value: text === "true" };
  return { name, value: Number.isNaN(Number(text)) ? text : Number(text) };
}

function fieldsOf(
  driver: string,
  row: DriverRow,
  said: Record<string, Value>,
  index: number,
  config: Readonly<Config>,
): Omit<StreamPlan, "sensor"> {
  const { point = index, sampleMs = config.sampleMs, integrate = row.integrate } = said;
  const { batch = config.durable === "reading" ? 1 : config.batch } = said;
  const isSleeper = config.mode === "sleeper";
  return {
    point: whole(driver, "point", point, 0, MAX_POINT),
    sampleMs: whole(driver, "sampleMs", sampleMs, isSleeper ? 1 : 0, DAY_MS),
    batch: whole(driver, "batch", batch, 1, MAX_BATCH),
    profile: profileIn(driver, row, said.profile, config),
    timeoutMs: config.sampleTimeoutMs,
    ...(integrate === true && { integrate }),
  };
}

function profileIn(driver: string, row: DriverRow, said: Value | undefined, { phases }: Readonly<Config>) {
  const { profile } = row;
  if (said === undefined) {
    if (profile !== "meter") return profile;
    return phases === 1 ? METER_1 : METER_3;
  }
  if (typeof said === "number") {
    if (!profileOf(said)) throw new RangeError(`${driver}: there is no built-in profile ${said}`);
    return said;
  }
  const columns = String(said).split(",").join(" ");
  if (columnsOf(columns)[0].channel !== 0)
    throw new RangeError(`${driver}: profile is "${said}", expected columns that begin with t`);
  return columns;
}

function whole(driver: string, name: string, value: Value, low: number, high: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= low && value <= high) return value;
  throw new RangeError(`${driver}: ${name} is ${value}, expected an integer from ${low} to ${high}`);
}
