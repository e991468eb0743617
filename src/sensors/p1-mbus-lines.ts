/**
 * The lines of a P1 telegram about meters on the M-Bus behind the main meter, channels 1 to 4: DSMR P1 5.0.2, clause 6.12,
 * and the two-line form of DSMR 2.2 and 3. Nothing is allocated while they are read.
 */
import { type ParsedLine, parseClock, parseValue } from "./p1-line";

export const MBUS_CHANNELS = 4;

/** What a telegram says of one channel. */
export interface MBusValue {
  /** Device type as EN 13757-3 numbers it; NaN where no line says it. */
  type: number;
  /** There is a line for its value. */
  isThere: boolean;
  /** The line says that no value has come from that meter yet. */
  isEmpty: boolean;
  /** NaN for what cannot be read, or is empty. */
  value: number;
  /** As `ParsedLine` has it. */
  unit: number;
  /** When the meter had that value, Unix seconds; NaN for what cannot be read, or has no season: DSMR 2.2 and 3. */
  clock: number;
}

const HYPHEN = 0x2d;
const COLON = 0x3a;
const PERIOD = 0x2e;
const OPEN = 0x28;
const CLOSE = 0x29;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const MAX_TYPE_DIGITS = 3;
/** Of `0-n:24.D.E`: where its numbers stand, and the bracket behind them. */
const CHANNEL_AT = 2;
const D_AT = 7;
const E_AT = 9;
const OPEN_AT = 10;
/** Of `YYMMDDhhmmssX`. */
const CLOCK_LENGTH = 13;
/** Group E of a value as it is converted to standard conditions; 3 is one that is not. */
const CONVERTED = 1;
const TYPE_D = 1;
const VALUE_D = 2;
const OLD_VALUE_D = 3;

function newValue(): MBusValue {
  const nothing = Number.NaN;
  return { type: nothing, isThere: false, isEmpty: false, value: nothing, unit: 0, clock: nothing };
}

/** The M-Bus lines of the telegram under way. */
export class MBusLines {
  readonly #values = Array.from({ length: MBUS_CHANNELS }, newValue);
  readonly #parsed: ParsedLine = { slot: -1, value: Number.NaN, unit: 0, empty: false };
  /** The channel whose value stands in the next line, and its unit. */
  #pending: MBusValue | undefined;
  #pendingUnit = 0;

  /** @param channel 1 to 4. */
  at(channel: number): Readonly<MBusValue> {
    return this.#values[channel - 1];
  }

  /** A telegram begins. */
  clear(): void {
    this.#pending = undefined;
    for (const value of this.#values) {
      value.type = Number.NaN;
      value.isThere = false;
      this.#forget(value);
    }
  }

  /** Parameters as of `parseLine`. */
  read(bytes: Uint8Array, from: number, end: number, utcOffset: number): void {
    const pending = this.#pending;
    this.#pending = undefined;
    if (bytes[from] === OPEN) {
      if (pending) this.#readSecondLine(pending, bytes, from, end);
      return;
    }
    if (!isMBus(bytes, from, end)) return;
    const channel = bytes[from + CHANNEL_AT] - DIGIT_0;
    if (channel < 1 || channel > MBUS_CHANNELS) return;
    const value = this.#values[channel - 1];
    const d = bytes[from + D_AT] - DIGIT_0;
    const e = bytes[from + E_AT] - DIGIT_0;
    if (d === TYPE_D && e === 0) value.type = parseType(bytes, from + OPEN_AT + 1, end);
    else if (d === OLD_VALUE_D && e === 0) this.#readFirstLine(value, bytes, from, end);
    else if (d === VALUE_D && (!value.isThere || e === CONVERTED))
      this.#readValue(value, bytes, from + OPEN_AT, end, utcOffset);
  }

  #forget(value: MBusValue): void {
    value.isEmpty = false;
    value.value = Number.NaN;
    value.unit = 0;
    value.clock = Number.NaN;
  }

  /** `(101209112500W)(12785.123*m3)` */
  #readValue(value: MBusValue, bytes: Uint8Array, open: number, end: number, utcOffset: number): void {
    value.isThere = true;
    this.#forget(value);
    const second = open + CLOCK_LENGTH + 2;
    if (bytes[second - 1] !== CLOSE || bytes[second] !== OPEN) {
      value.isEmpty = open + 2 === end && bytes[open + 1] === CLOSE;
      return;
    }
    const parsed = this.#parsed;
    parseValue(bytes, second + 1, end, parsed);
    value.isEmpty = second + 2 === end || (!Number.isNaN(parsed.value) && parsed.unit === 0);
    if (value.isEmpty) return;
    value.clock = parseClock(bytes, open + 1, end, utcOffset);
    value.value = parsed.value;
    value.unit = parsed.unit;
  }

  /** `(090212160000)(00)(60)(1)(0-1:24.2.1)(m3)`, and the value in the next line. */
  #readFirstLine(value: MBusValue, bytes: Uint8Array, from: number, end: number): void {
    value.isThere = true;
    this.#forget(value);
    if (bytes[end - 1] !== CLOSE) return;
    let at = end - 2;
    while (at > from && bytes[at] !== OPEN) at--;
    this.#pendingUnit = 0;
    for (let index = at + 1; index < end - 1; index++)
      this.#pendingUnit = this.#pendingUnit * 256 + bytes[index];
    this.#pending = value;
  }

  #readSecondLine(value: MBusValue, bytes: Uint8Array, from: number, end: number): void {
    const parsed = this.#parsed;
    parseValue(bytes, from + 1, end, parsed);
    value.isEmpty = from + 2 === end;
    // The unit stands in the line before.
    if (parsed.unit !== 0) return;
    value.value = parsed.value;
    value.unit = this.#pendingUnit;
  }
}

/** Whether the line is one of `0-n:24.D.E(`. */
function isMBus(bytes: Uint8Array, from: number, end: number): boolean {
  return (
    end - from > OPEN_AT &&
    bytes[from] === DIGIT_0 &&
    bytes[from + 1] === HYPHEN &&
    bytes[from + 3] === COLON &&
    bytes[from + 4] === DIGIT_0 + 2 &&
    bytes[from + 5] === DIGIT_0 + 4 &&
    bytes[from + 6] === PERIOD &&
    bytes[from + 8] === PERIOD &&
    bytes[from + OPEN_AT] === OPEN
  );
}

/** One to three digits and the bracket that ends the line, or NaN. */
function parseType(bytes: Uint8Array, start: number, end: number): number {
  let type = 0;
  let at = start;
  while (at < end && bytes[at] >= DIGIT_0 && bytes[at] <= DIGIT_9) type = type * 10 + bytes[at++] - DIGIT_0;
  const digits = at - start;
  return digits > 0 && digits <= MAX_TYPE_DIGITS && at === end - 1 && bytes[at] === CLOSE ? type : Number.NaN;
}
