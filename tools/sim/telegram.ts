import { clockOf } from "../../hal-mocks/chips/p1-replay";
import { profiles } from "../../src/model/profiles";

/** A plain reading of a telegram's text, on purpose not the driver's. */
export interface PlainTelegram {
  /** `damaged`: it contradicts itself, by its checksum or by what cannot stand in a telegram. */
  state: "whole" | "cut off" | "damaged";
  /** What a frame can carry of it, at the resolution of the frame's columns. */
  values: Record<string, number>;
}

/** The line that ends a telegram, and its checksum. */
const END = /\r\n!([0-9A-Fa-f]{0,4})(\r\n)?/;
const NEEDS_CHECKSUM = /^1-3:0\.2\.8\([4-9]\d\)|^0-0:96\.1\.4\(/m;
const LINE = /^(\d+-\d+:\d+\.\d+\.\d+)(?:\*[^(]*)?(\(.*)$/s;
const VALUE = /^\((\d+(?:\.\d*)?)(?:\*(k?)(Wh|W|V|A))?\)$/;

/** Of a channel by the first letter of its name; a tariff has none. */
const UNITS: Record<string, string | undefined> = { e: "Wh", p: "W", v: "V", i: "A" };

const exponents = new Map(profiles.meter3.columns.map(({ name, exponent }) => [name, exponent]));

/** Channels by OBIS code, of those that a frame has a column for. */
const channels = new Map<string, string>([
  ["0-0:96.14.0", "tariff"],
  ["1-0:1.7.0", "pi"],
  ["1-0:2.7.0", "pe"],
  ...["", "_t1", "_t2"].flatMap((tariff, index): [string, string][] => [
    [`1-0:1.8.${index}`, `ei${tariff}`],
    [`1-0:2.8.${index}`, `ee${tariff}`],
  ]),
  ...[1, 2, 3].flatMap((phase): [string, string][] => [
    [`1-0:${20 * phase + 1}.7.0`, `pi_l${phase}`],
    [`1-0:${20 * phase + 2}.7.0`, `pe_l${phase}`],
    [`1-0:${20 * phase + 11}.7.0`, `i_l${phase}`],
    [`1-0:${20 * phase + 12}.7.0`, `v_l${phase}`],
  ]),
]);

/** Reads a telegram from its `/` on; what stands behind its end is of no interest. */
export function readTelegram(text: string, utcOffset: number): PlainTelegram {
  const end = END.exec(text);
  if (!end) return { state: "cut off", values: {} };
  const [line, digits, lineEnd] = end;
  const isEnded = digits.length === 4 || lineEnd !== undefined;
  if (!isEnded && end.index + line.length === text.length) return { state: "cut off", values: {} };
  const body = text.slice(0, end.index + 3);
  const { values, isReadable } = valuesOf(body, utcOffset);
  const isSound = digits ? Number.parseInt(digits, 16) === crcOf(body) : isPlain(body) && isReadable;
  // No telegram has a second slash: at this one another begins, whose own beginning is lost.
  const isWhole = isEnded && isSound && !body.includes("/", 1);
  return { state: isWhole ? "whole" : "damaged", values };
}

/** Of a kind that has no checksum. */
function isPlain(body: string): boolean {
  return !NEEDS_CHECKSUM.test(body);
}

function valuesOf(body: string, utcOffset: number) {
  const values: Record<string, number> = {};
  let isReadable = true;
  for (const line of body.split("\r\n")) {
    const [, code, rest] = LINE.exec(line) ?? [];
    const name = channels.get(code);
    if (name === undefined) continue;
    const value = quantityIn(rest, name);
    if (value === undefined) isReadable = false;
    else values[name] = value;
  }
  const clock = clockOf(body, utcOffset);
  if (clock !== undefined) values.clock = clock / 1000;
  return { values, isReadable: isReadable && Object.keys(values).length > 0 };
}

/** Shifts the decimal point in the text: no product of doubles. */
function quantityIn(text: string, channel: string): number | undefined {
  const parts = VALUE.exec(text);
  if (!parts || parts[3] !== UNITS[channel[0]]) return undefined;
  const [, digits, kilo] = parts;
  const exponent = exponents.get(channel)!;
  return Math.round(Number(`${digits}e${(kilo ? 3 : 0) - exponent}`)) / 10 ** -exponent;
}

/** CRC-16/ARC, bit by bit. */
function crcOf(text: string): number {
  let crc = 0;
  for (let index = 0; index < text.length; index++) {
    crc ^= text.charCodeAt(index);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
  }
  return crc;
}
