/**
 * The channel registry: one row a quantity. What a row means to other vocabularies (OBIS, SunSpec, Home Assistant
 * and so on) is no business of the node and stands in tools/vocabularies.ts.
 *
 * A channel is a quantity with a phase and an index: `channel = quantity·1024 + phase·128 + index`. Phase 0 is the
 * whole connection, 1 to 3 are L1 to L3, 4 is the neutral conductor, 5 to 7 are L1-L2, L2-L3, L3-L1. What the index
 * counts (tariffs, DC inputs, harmonics) is the row's `index`; 0 is the total. So phases, tariffs and harmonics are
 * systematic and never typed as rows of their own.
 */

/**
 * gauge: a value of the moment. register: grows only, in the unit of the row, but for a replaced device or a reset.
 * state: an enumerated number. flags: a set of bits.
 */
export type Kind = "gauge" | "register" | "state" | "flags";

export interface Quantity {
  /** Never reused. */
  number: number;
  /** SenML name (RFC 8428 §4.5.1 characters), letters only. */
  name: string;
  /** SenML unit (RFC 8428 §12.1, RFC 8798 §3), empty for none. */
  unit: string;
  /** The default resolution is 10^exponent of the unit. */
  exponent: number;
  signed: boolean;
  kind: Kind;
  /**
   * The letter that names the index, or undefined where there is none: `t` a tariff, `h` a harmonic's order, `p` a
   * port (a DC input, a relay, a probe).
   */
  index?: string;
}

/**
 * Number, name, unit (- for none), exponent, signedness, kind, letter of the index. A row stands at the place of its
 * number, and is text because as an object it would take four times the flash.
 *
 * Import is positive: energy and power from the grid are `ei` and `pi`, into the grid `ee` and `pe`; the signed `p`
 * and `q` are import less export. DC flows into what the point is: `dci` of a battery is positive when it charges.
 */
const ROWS: readonly string[] = [
  "0 t s 0 signed gauge",
  "1 clock s 0 unsigned gauge",
  // One conductor's RMS voltage and current, with an index that of one harmonic.
  "2 v V -1 unsigned gauge h",
  "3 i A -2 unsigned gauge h",
  "4 pi W 0 unsigned gauge",
  "5 pe W 0 unsigned gauge",
  "6 qi var 0 unsigned gauge",
  "7 qe var 0 unsigned gauge",
  "8 f Hz -2 unsigned gauge",
  "9 ei Wh 0 unsigned register t",
  "10 ee Wh 0 unsigned register t",
  "11 eqi varh 0 unsigned register t",
  "12 eqe varh 0 unsigned register t",
  "13 tariff - 0 unsigned state",
  "14 p W 0 signed gauge",
  "15 q var 0 signed gauge",
  "16 s VA 0 unsigned gauge",
  // The sign is that of `p`.
  "17 pf / -3 signed gauge",
  "18 thdu /100 -1 unsigned gauge",
  "19 thdi /100 -1 unsigned gauge",
  // Apparent energy: RFC 8798 has kVAh, and no VAh.
  "20 esi kVAh -3 unsigned register t",
  "21 ese kVAh -3 unsigned register t",
  "22 dcv V -2 unsigned gauge p",
  "23 dci A -2 signed gauge p",
  "24 dcp W 0 signed gauge p",
  "25 dcei Wh 0 unsigned register p",
  "26 dcee Wh 0 unsigned register p",
  // Charge into and out of a battery.
  "27 ahi Ah -3 unsigned register p",
  "28 ahe Ah -3 unsigned register p",
  // State of charge, and of health, of a battery that is metered; the terminal's own is vbat.
  "29 soc %EL -1 unsigned gauge p",
  "30 soh /100 -1 unsigned gauge p",
  // The EV at a charger, in the numbers of Matter's Energy EVSE StateEnum.
  "31 ev - 0 unsigned state",
  // What the charger offers: the least and the most current, and what its circuit can carry.
  "32 evmin A -1 unsigned gauge",
  "33 evmax A -1 unsigned gauge",
  "34 evcap A -1 unsigned gauge",
  // Energy since the EV was plugged in.
  "35 evei Wh 0 unsigned register",
  // A relay or contactor: 0 open, 1 closed.
  "36 sw - 0 unsigned state p",
  "37 tc Cel -1 signed gauge p",
  "38 rh %RH -1 unsigned gauge p",
  "39 ap hPa -1 unsigned gauge p",
  "40 irr W/m2 0 unsigned gauge p",
  // Operating state of an inverter, in the numbers of SunSpec 101 St; charge state of a battery, of 802 ChaSt.
  "41 inv - 0 unsigned state",
  "42 chs - 0 unsigned state p",
  // Bits of a device, as its driver says.
  "43 flags - 0 unsigned flags",
  // The terminal itself: its battery, its radio.
  "44 vbat V -3 unsigned gauge",
  "45 rssi dBm 0 signed gauge",
  // Other supplies of a house, as their meters count them; heat and cold in J, which is 10^6 to a step.
  "46 gas m3 -3 unsigned register",
  "47 water m3 -3 unsigned register",
  "48 heat J 6 unsigned register",
  "49 cold J 6 unsigned register",
];

/** Of each name, its row: a wake finds a dozen, and would take longer for that than for its sample. */
const NUMBERS: Readonly<Record<string, number>> = ROWS.reduce(
  (numbers: Record<string, number>, row, number) => {
    numbers[row.split(" ")[1]] = number;
    return numbers;
  },
  Object.create(null),
);
const EXPONENTS: readonly number[] = ROWS.map((row) => Number(row.split(" ")[3]));

const PHASES = ["", "_l1", "_l2", "_l3", "_n", "_l12", "_l23", "_l31"];
const INDICES = 128;
const CHANNELS = PHASES.length * INDICES;

function quantityAt(number: number): Quantity | undefined {
  if (!(number in ROWS)) return undefined;
  const [, name, unit, exponent, sign, kind, index] = ROWS[number].split(" ");
  return {
    number,
    name,
    unit: unit === "-" ? "" : unit,
    exponent: Number(exponent),
    signed: sign === "signed",
    kind: kind as Kind,
    ...(index !== undefined && { index }),
  };
}

/** Every row, in the order of their numbers. */
export function quantities(): Quantity[] {
  return ROWS.map((_, number) => quantityAt(number)!);
}

/** The row of a channel, or undefined when no quantity has that number. */
export function quantityOf(channel: number): Quantity | undefined {
  return quantityAt(Math.floor(channel / CHANNELS));
}

/** The resolution of a channel of the registry: 10^exponent of its unit. */
export function exponentOf(channel: number): number {
  return EXPONENTS[Math.floor(channel / CHANNELS)];
}

/** The parts of a channel: `phase` 0 to 7, `index` 0 to 127. */
export function partsOf(channel: number): { phase: number; index: number } {
  return { phase: Math.floor(channel / INDICES) % PHASES.length, index: channel % INDICES };
}

/**
 * A channel's name: the quantity's, then `_l1` to `_l3` for a phase, `_n` for the neutral conductor or `_l12`, `_l23`,
 * `_l31` between two phases, then the index with its letter: `ei_t2`, `v_l1`, `i_l3_h5`. A channel of an unknown
 * quantity is `channel-N`, so that nothing is lost.
 */
export function channelName(channel: number): string {
  const quantity = quantityOf(channel);
  if (!quantity) return `channel-${channel}`;
  const { phase, index } = partsOf(channel);
  return quantity.name + PHASES[phase] + (index ? `_${quantity.index ?? ""}${index}` : "");
}

/**
 * The channel of a name such as `v_l1` or `ei_t2`.
 * @throws RangeError when there is none.
 */
export function channelNumber(name: string): number {
  const plain = NUMBERS[name];
  if (plain !== undefined) return plain * CHANNELS;
  const parts = /^([a-z]+)(_(?:l[1-3]|n|l12|l23|l31))?(?:_([a-z])([1-9][0-9]{0,2}))?$/.exec(name);
  const number = parts ? (NUMBERS[parts[1]] ?? -1) : -1;
  const letter = quantityAt(number)?.index;
  const index = Number(parts?.[4] ?? 0);
  if (!parts || number < 0 || index >= INDICES || (index && letter !== parts[3])) {
    throw new RangeError(`no channel is called "${name}"`);
  }
  return number * CHANNELS + PHASES.indexOf(parts[2] ?? "") * INDICES + index;
}
