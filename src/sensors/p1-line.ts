/**
 * The lines of a P1 telegram as numbers: OBIS code, value, unit. Pure functions on bytes; nothing is allocated.
 *
 * Values live in slots, in the order of `SLOT_NAMES`.
 */

const POWERS_OF_TEN = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
/** More digits than a double holds exactly are not a value. */
const MAX_DIGITS = 15;
const TOO_MANY_DIGITS = 1e15;

const TARIFFS = ["", "_t1", "_t2", "_t3", "_t4"];
const PHASES = ["_l1", "_l2", "_l3"];

/** Channel names by slot: energies by tariff, totals of the moment, then each phase, then clock and tariff. */
export const SLOT_NAMES: readonly string[] = [
  ...["ei", "ee", "eqi", "eqe"].flatMap((name) => TARIFFS.map((tariff) => name + tariff)),
  ...["pi", "pe", "qi", "qe", "f"],
  ...PHASES.flatMap((phase) => ["pi", "pe", "qi", "qe", "i", "v"].map((name) => name + phase)),
  "clock",
  "tariff",
];

const TOTALS = 4 * TARIFFS.length;
const FREQUENCY = TOTALS + 4;
const BY_PHASE = FREQUENCY + 1;
const CHANNELS_PER_PHASE = 6;
export const CLOCK = BY_PHASE + 3 * CHANNELS_PER_PHASE;
export const TARIFF = CLOCK + 1;
/** Not a value: the version lines of DSMR (1-3:0.2.8) and of Belgium (0-0:96.1.4). */
export const VERSION = TARIFF + 1;
export const BELGIAN_VERSION = VERSION + 1;

/** Units as their bytes in base 256, without the k of kilo, which is reckoned with. */
const V = 0x56;
const A = 0x41;
const W = 0x57;
const WH = 0x5768;
const VAR = 0x766172;
const VARH = 0x76617268;
const HZ = 0x487a;

const KILO = 0x6b;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const HYPHEN = 0x2d;
const COLON = 0x3a;
const PERIOD = 0x2e;
const ASTERISK = 0x2a;
const OPEN = 0x28;
const CLOSE = 0x29;
const SUMMER = 0x53;
const WINTER = 0x57;

/** The slot of an OBIS code, or −1 for one that is of no interest. */
function slotOf(a: number, b: number, c: number, d: number, e: number): number {
  if (a === 1 && b === 0) {
    if (d === 8) return c >= 1 && c <= 4 && e <= 4 ? (c - 1) * TARIFFS.length + e : -1;
    if (d !== 7 || e !== 0) return -1;
    if (c >= 1 && c <= 4) return TOTALS + c - 1;
    return c === 14 ? FREQUENCY : phaseSlot(c);
  }
  if (a === 0 && b === 0) {
    if (c === 1 && d === 0 && e === 0) return CLOCK;
    if (c === 96 && d === 14 && e === 0) return TARIFF;
    return c === 96 && d === 1 && e === 4 ? BELGIAN_VERSION : -1;
  }
  return a === 1 && b === 3 && c === 0 && d === 2 && e === 8 ? VERSION : -1;
}

/** IEC 62056-61: quantity 1, 2, 3, 4, 11, 12 of phase p is value group C = 20·p + quantity. */
function phaseSlot(c: number): number {
  const phase = Math.floor((c - 1) / 20);
  const quantity = c - 20 * phase;
  if (phase < 1 || phase > 3) return -1;
  const base = BY_PHASE + (phase - 1) * CHANNELS_PER_PHASE;
  if (quantity <= 4) return base + quantity - 1;
  return quantity === 11 || quantity === 12 ? base + quantity - 7 : -1;
}

function unitOf(slot: number): number {
  if (slot < 2 * TARIFFS.length) return WH;
  if (slot < TOTALS) return VARH;
  if (slot === FREQUENCY) return HZ;
  if (slot >= CLOCK) return 0;
  const quantity = slot < FREQUENCY ? slot - TOTALS : (slot - BY_PHASE) % CHANNELS_PER_PHASE;
  if (quantity < 2) return W;
  if (quantity < 4) return VAR;
  return quantity === 4 ? A : V;
}

function limitOf(slot: number): number {
  const unit = unitOf(slot);
  if (unit === V) return 1000;
  if (unit === A) return 10_000;
  if (unit === W || unit === VAR) return 10_000_000;
  return Number.MAX_SAFE_INTEGER;
}

const UNITS = Int32Array.from({ length: BELGIAN_VERSION + 1 }, (_, slot) => unitOf(slot));
/** The largest value that any meter can mean, by slot. */
export const LIMITS: Readonly<Float64Array> = Float64Array.from(SLOT_NAMES, (_, slot) => limitOf(slot));

/** What `parseLine` has found; one object is used again and again. */
export interface ParsedLine {
  /** −1: a line of no interest. */
  slot: number;
  /** NaN when it is empty or cannot be read. */
  value: number;
  /** Its unit as bytes in base 256, without the k of kilo; 0 for none. */
  unit: number;
  /** The line has the code and `()` or `(*unit)`: the meter has no value. */
  empty: boolean;
}

/**
 * Parses one line, without its line end, into `result`.
 * @param from where the line begins in `bytes`, and `end` where it ends.
 * @param utcOffset the meter's standard time in minutes east of UTC, for its clock.
 */
export function parseLine(
  bytes: Uint8Array,
  from: number,
  end: number,
  utcOffset: number,
  result: ParsedLine,
): void {
  result.slot = -1;
  result.value = Number.NaN;
  result.unit = 0;
  result.empty = false;
  const open = parseCode(bytes, from, end, result);
  const { slot } = result;
  if (slot < 0) return;
  result.empty = bytes[end - 1] === CLOSE && (open + 2 === end || bytes[open + 1] === ASTERISK);
  if (result.empty) return;
  if (slot === CLOCK) result.value = parseClock(bytes, open + 1, end, utcOffset);
  else {
    parseValue(bytes, open + 1, end, result);
    if (result.unit !== UNITS[slot]) result.value = Number.NaN;
  }
}

/** Sets the slot of a code that is of interest, and returns where the bracket behind it is. */
function parseCode(bytes: Uint8Array, from: number, end: number, result: ParsedLine): number {
  // Nearly all codes are written like 1-0:1.8.1 or 1-0:31.7.0, which needs no loop.
  const at = bytes[from + 5] === PERIOD ? from + 5 : from + 6;
  if (
    bytes[at + 4] !== OPEN ||
    bytes[at + 2] !== PERIOD ||
    bytes[at] !== PERIOD ||
    bytes[from + 3] !== COLON ||
    bytes[from + 1] !== HYPHEN ||
    at + 4 >= end
  ) {
    return parseAnyCode(bytes, from, end, result);
  }
  let c = bytes[from + 4] - DIGIT_0;
  const c2 = at === from + 5 ? 0 : bytes[from + 5] - DIGIT_0;
  const d = bytes[at + 1] - DIGIT_0;
  const e = bytes[at + 3] - DIGIT_0;
  if (c > 9 || c2 > 9 || c2 < 0 || d > 9 || e < 0) return -1;
  if (at > from + 5) c = c * 10 + c2;
  result.slot = slotOf(bytes[from] - DIGIT_0, bytes[from + 2] - DIGIT_0, c, d, e);
  return at + 4;
}

function parseAnyCode(bytes: Uint8Array, from: number, end: number, result: ParsedLine): number {
  let at = from;
  let number = -1;
  let group = 0;
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (; at < end; at++) {
    const byte = bytes[at];
    if (byte >= DIGIT_0 && byte <= DIGIT_9) {
      number = (number < 0 ? 0 : number * 10) + byte - DIGIT_0;
      if (number > 255) return -1;
      continue;
    }
    if (byte === OPEN || (byte === ASTERISK && group === 4)) break;
    // A-B:C.D.E
    if (number < 0 || byte !== (group === 0 ? HYPHEN : group === 1 ? COLON : PERIOD)) return -1;
    if (group === 0) a = number;
    else if (group === 1) b = number;
    else if (group === 2) c = number;
    else if (group === 3) d = number;
    else return -1;
    group++;
    number = -1;
  }
  if (group !== 4 || number < 0) return -1;
  const slot = slotOf(a, b, c, d, number);
  if (slot < 0) return -1;
  // German meters give the billing period too: E*255.
  while (at < end && bytes[at] !== OPEN) at++;
  if (at < end) result.slot = slot;
  return at;
}

/** Sets value and unit to what stands from `start` up to the bracket that ends the line. */
export function parseValue(bytes: Uint8Array, start: number, end: number, result: ParsedLine): void {
  result.value = Number.NaN;
  result.unit = 0;
  let at = start;
  let mantissa = 0;
  let byte = bytes[at];
  while (byte >= DIGIT_0 && byte <= DIGIT_9) {
    mantissa = mantissa * 10 + byte - DIGIT_0;
    byte = bytes[++at];
  }
  let digits = at - start;
  let decimals = 0;
  if (byte === PERIOD) {
    const first = ++at;
    byte = bytes[at];
    while (byte >= DIGIT_0 && byte <= DIGIT_9) {
      mantissa = mantissa * 10 + byte - DIGIT_0;
      byte = bytes[++at];
    }
    decimals = at - first;
    digits += decimals;
  }
  if (digits === 0 || mantissa >= TOO_MANY_DIGITS || decimals > MAX_DIGITS) return;
  let exponent = -decimals;
  let unit = 0;
  if (byte === ASTERISK) {
    byte = bytes[++at];
    if (byte === KILO) {
      exponent += 3;
      byte = bytes[++at];
    }
    for (; byte !== CLOSE && at < end; byte = bytes[++at]) unit = unit * 256 + byte;
  }
  // Behind the value the line ends; more means that line ends were lost.
  if (at !== end - 1 || byte !== CLOSE) return;
  result.unit = unit;
  result.value = exponent < 0 ? mantissa / POWERS_OF_TEN[-exponent] : mantissa * POWERS_OF_TEN[exponent];
}

/** YYMMDDhhmmssX, X = S in summer (an hour ahead of standard time) or W: Unix seconds. DSMR P1 5.0.2, clause 6.4. */
export function parseClock(bytes: Uint8Array, start: number, end: number, utcOffset: number): number {
  if (end < start + 14 || bytes[start + 13] !== CLOSE) return Number.NaN;
  for (let index = 0; index < 12; index++) {
    const byte = bytes[start + index];
    if (byte < DIGIT_0 || byte > DIGIT_0 + 9) return Number.NaN;
  }
  const season = bytes[start + 12];
  if (season !== SUMMER && season !== WINTER) return Number.NaN;
  const year = 2000 + twoDigits(bytes, start);
  const month = twoDigits(bytes, start + 2);
  const day = twoDigits(bytes, start + 4);
  const hour = twoDigits(bytes, start + 6);
  const minute = twoDigits(bytes, start + 8);
  const second = twoDigits(bytes, start + 10);
  if (
    month < 1 ||
    month > 12 ||
    day < 1 ||
    day > daysIn(year, month) ||
    hour > 23 ||
    minute > 59 ||
    second > 59
  ) {
    return Number.NaN;
  }
  const local = ((daysSince1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
  return local - (utcOffset + (season === SUMMER ? 60 : 0)) * 60;
}

function twoDigits(line: Uint8Array, at: number): number {
  return (line[at] - DIGIT_0) * 10 + line[at + 1] - DIGIT_0;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days in the Gregorian calendar; years 2000 to 2099, in which every fourth is a leap year. */
function daysSince1970(year: number, month: number, day: number): number {
  // The year begins in March, so that the leap day is its last.
  const years = month > 2 ? year : year - 1;
  const months = month > 2 ? month - 3 : month + 9;
  return years * 365 + Math.floor(years / 4) - 15 + Math.floor((153 * months + 2) / 5) + day - 719_469;
}
