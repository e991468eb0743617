import { DESCRIPTOR_VERSION, KINDS } from "../../src/comms/descriptor";
import { asInteger, checked, DecodeError } from "./checked";
import type { DescribedColumn, DescribedProfile } from "./profiles";

export type DescriptorResult = { ok: true; profile: DescribedProfile } | { ok: false; error: string };

/** No profile of ours comes near; the exponents are those that the recorder takes. */
const MAX_COLUMNS = 255;
const MAX_EXPONENT = 22;
const NAME = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/;
const MAX_NAME = 32;
/** Printable ASCII, as units of SenML are. */
const UNIT = /^[!-~]{0,16}$/;
/** What a record has besides its channels. */
const RESERVED = ["device", "point", "boot", "seq", "time", "quality"];

/** Decodes a descriptor. Never throws: what is wrong comes back as one line that names the place. */
export function decodeDescriptor(number: number, payload: Uint8Array): DescriptorResult {
  const result = checked(payload, columnsOf);
  return result.ok ? { ok: true, profile: { number, columns: result.value } } : result;
}

function columnsOf(item: unknown): DescribedColumn[] {
  if (!Array.isArray(item) || item.length < 2) throw new DecodeError("not a descriptor");
  const [version, columns] = item;
  if (version !== DESCRIPTOR_VERSION)
    throw new DecodeError(`a descriptor of version ${String(version)}, expected ${DESCRIPTOR_VERSION}`);
  if (!Array.isArray(columns) || columns.length < 1 || columns.length > MAX_COLUMNS)
    throw new DecodeError(`the columns are not an array of 1 to ${MAX_COLUMNS}`);
  const found = columns.map((column, index) => columnOf(column, `column ${index}`));
  if (found[0].channel !== 0) throw new DecodeError("column 0 is not the time");
  const names = new Set(RESERVED);
  for (const { name } of found) {
    if (names.has(name)) throw new DecodeError(`the name "${name}" is there twice, or has another meaning`);
    names.add(name);
  }
  return found;
}

/** Items behind those that this version knows mean nothing here. */
function columnOf(item: unknown, place: string): DescribedColumn {
  if (!Array.isArray(item) || item.length < 5)
    throw new DecodeError(`${place}: not an array of 5 items or more`);
  const [channel, exponent, name, unit, kind] = item;
  if (typeof name !== "string" || name.length > MAX_NAME || !NAME.test(name))
    throw new DecodeError(`${place}: the name is none of a channel`);
  if (typeof unit !== "string" || !UNIT.test(unit))
    throw new DecodeError(`${place}: the unit is none of SenML`);
  return {
    channel: integerAt(channel, `${place}: channel`, 0, Number.MAX_SAFE_INTEGER),
    exponent: integerAt(exponent, `${place}: exponent`, -MAX_EXPONENT, MAX_EXPONENT),
    name,
    unit,
    kind: KINDS[integerAt(kind, `${place}: kind`, 0, KINDS.length - 1)],
  };
}

function integerAt(value: unknown, place: string, low: number, high: number): number {
  const integer = asInteger(value, low, high);
  if (integer === undefined) throw new DecodeError(`${place}: not an integer from ${low} to ${high}`);
  return integer;
}
