import { Quality, qualityName } from "../../../src/model/quality";
import type { DecodedReading } from "../frame";
import type { DescribedColumn } from "../profiles";
import type { Format, FrameReadings } from "./format";

/** What a timestamp counts. */
export type Precision = "ns" | "us" | "ms" | "s";
export const PRECISIONS: readonly Precision[] = ["ns", "us", "ms", "s"];

/** Digits behind those of whole milliseconds. */
const ZEROS: Readonly<Record<Precision, string>> = { ns: "000000", us: "000", ms: "", s: "" };

const MEASUREMENT = "gridmote";
/** InfluxDB's integers, and its timestamps in nanoseconds, are of 64 bits. */
const MAX_INT64 = 2n ** 63n - 1n;
const MAX_TIME_MS = 9_223_372_036_854;

/**
 * InfluxDB's line protocol: a line a reading, `gridmote,device=…,point=… channel=value,… time`.
 *
 * - A channel is a field of one type: an integer for states, flags, and registers of whole units; else a float.
 * - A missing value is no field. A reading that is not good has the field `quality` and no other.
 * - Without a time the server would take its own: such readings are left out, and so are empty ones.
 */
export function influxLines(precision: Precision): Format {
  return { needsTime: true, write: (frame) => linesOf(frame, precision) };
}

function linesOf(frame: FrameReadings, precision: Precision): string {
  const { device, point, profile, readings } = frame;
  const series = `${MEASUREMENT},device=${escapeTag(device)},point=${point}`;
  return readings
    .map((reading) => {
      const time = timestamp(reading.time, precision);
      const fields = fieldsOf(reading, profile.columns);
      return time === undefined || !fields ? "" : `${series} ${fields} ${time}\n`;
    })
    .join("");
}

function fieldsOf({ quality, values }: DecodedReading, columns: readonly DescribedColumn[]): string {
  if (quality !== Quality.good) return `quality=${quoted(qualityName(quality))}`;
  const fields: string[] = [];
  for (const column of columns) {
    const value = values[column.name];
    const text = value === undefined ? undefined : isInteger(column) ? integer(value) : `${value}`;
    if (text !== undefined) fields.push(`${escapeTag(column.name)}=${text}`);
  }
  return fields.join(",");
}

/** A field must not change its type: neither the value nor the sender's resolution may decide for a gauge. */
function isInteger({ kind, exponent }: DescribedColumn): boolean {
  return kind === "state" || kind === "flags" || (kind === "register" && exponent >= 0);
}

/** Undefined for what 64 bits cannot hold. */
function integer(value: number): string | undefined {
  const whole = BigInt(value);
  return whole <= MAX_INT64 && whole >= -MAX_INT64 ? `${whole}i` : undefined;
}

function timestamp(time: number | undefined, precision: Precision): string | undefined {
  if (time === undefined || Math.abs(time) > MAX_TIME_MS) return undefined;
  if (precision === "s") return `${Math.floor(time / 1000)}`;
  const whole = Math.round(time);
  return whole ? whole + ZEROS[precision] : "0";
}

/**
 * A tag's key or value, or a field's key: comma, equals sign and space get a backslash. A backslash itself cannot be
 * written before one of them or at the end, and becomes a slash, which no topic level and so no device has.
 */
export function escapeTag(text: string): string {
  return text.replaceAll("\\", "/").replace(/[,= ]/g, "\\$&");
}

/** A field's value as a string. */
export function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}
