import { Quality, qualityName } from "../../../src/model/quality";
import type { DecodedReading } from "../frame";
import { type Format, type FrameReadings, identifier } from "./format";

/** One record of a pack, by the labels of RFC 8428 §4. */
export interface SenmlRecord {
  bn?: string;
  bt?: number;
  bu?: string;
  bver?: number;
  n?: string;
  u?: string;
  v?: number;
  vs?: string;
  t?: number;
}

export interface SenmlOptions {
  /** Only units of SenML's main registry, such as J: for readers that know no secondary ones (RFC 8798). */
  primaryUnits: boolean;
}

/** Times below are relative to now (RFC 8428 §4.5.3): nobody's, but a clock's that was never set. */
const MIN_TIME_S = 2 ** 28;
/** What readers who know the feature "Secondary Units" accept: 10 + 2^4 (RFC 9100 §2, §4). */
const VERSION_WITH_SECONDARY_UNITS = 26;
/** A state, a flag or a number without a unit: a ratio, as RFC 8428 has it for the value of a switch. */
const NO_UNIT = "/";

interface Primary {
  unit: string;
  /** One of the secondary unit is so many of the primary one … */
  scale: number;
  /** … and so many more. */
  offset?: number;
}

/** RFC 8798 §3, as far as the registry has them. */
const SECONDARY: Readonly<Record<string, Primary>> = {
  Wh: { unit: "J", scale: 3600 },
  varh: { unit: "vars", scale: 3600 },
  kVAh: { unit: "VAs", scale: 3_600_000 },
  Ah: { unit: "C", scale: 3600 },
  hPa: { unit: "Pa", scale: 100 },
  "/100": { unit: "/", scale: 0.01 },
  dBm: { unit: "dBW", scale: 1, offset: -30 },
};

/**
 * SenML in JSON (RFC 8428 §5): a line a frame, which is one pack of all its readings. The base name ends with what a
 * topic has, `gm/<device>/<point>/`; the base time is the first reading's, the base unit the most frequent one.
 *
 * A reading that is not good has one record, `quality`, with its name. A missing value has none. Readings without a
 * time are left out: SenML would take them for new.
 */
export function senmlJson(options: SenmlOptions): Format {
  return {
    needsTime: true,
    write(frame) {
      const pack = packOf(frame, options);
      return pack.length ? `${JSON.stringify(pack)}\n` : "";
    },
  };
}

/** One frame as a pack, empty when there is nothing to say. */
export function packOf(frame: FrameReadings, options: SenmlOptions): SenmlRecord[] {
  const records = frame.readings.flatMap((reading) => recordsOf(frame, reading, options));
  const [first] = records;
  if (!first) return records;
  const bt = first.t!;
  const bu = mostFrequentUnit(records);
  const bver = records.some(({ u }) => u !== undefined && u in SECONDARY);
  const pack = records.map(({ t, u, ...record }) => ({
    ...record,
    ...(u !== undefined && u !== bu && { u }),
    ...(t !== bt && { t: offset(t!, bt) }),
  }));
  const base: SenmlRecord = { bn: `gm/${identifier(frame.device)}/${frame.point}/`, bt };
  if (bu !== undefined) base.bu = bu;
  if (bver) base.bver = VERSION_WITH_SECONDARY_UNITS;
  pack[0] = { ...base, ...pack[0] };
  return pack;
}

/** Without base fields: name, unit, value and time in full. */
function recordsOf(frame: FrameReadings, reading: DecodedReading, options: SenmlOptions): SenmlRecord[] {
  const { time, quality, values } = reading;
  if (time === undefined || time / 1000 < MIN_TIME_S) return [];
  const t = time / 1000;
  if (quality !== Quality.good) return [{ n: "quality", vs: qualityName(quality), t }];
  return frame.profile.columns
    .filter(({ name }) => values[name] !== undefined)
    .map(({ name, unit }) => {
      const primary = options.primaryUnits ? SECONDARY[unit] : undefined;
      const v = values[name];
      if (!primary) return { n: name, u: unit || NO_UNIT, v, t };
      return { n: name, u: primary.unit, v: v * primary.scale + (primary.offset ?? 0), t };
    });
}

function mostFrequentUnit(records: readonly SenmlRecord[]): string | undefined {
  const counts = new Map<string, number>();
  for (const { u } of records) if (u !== undefined) counts.set(u, (counts.get(u) ?? 0) + 1);
  const [[unit] = []] = [...counts].sort(([, a], [, b]) => b - a);
  return unit;
}

/** `time` less `base` in seconds, without the noise of a difference of two doubles. */
function offset(time: number, base: number): number {
  return (Math.round(time * 1e6) - Math.round(base * 1e6)) / 1e6;
}
