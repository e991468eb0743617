/**
 * The channel registry: one row a quantity. What a row means to other vocabularies (OBIS, SunSpec, Home Assistant
 * and so on) is no business of the node and stands elsewhere.
 *
 * A channel is a quantity with a phase and an index: `channel = quantity·1024 + phase·128 + index`. Phase 0 is the
 * whole connection, 1 to 3 are L1 to L3. What the index counts (tariffs, DC inputs, harmonics) is the row's
 * `index`; 0 is the total. So phases and tariffs are systematic and never typed as rows of their own.
 */

/**
 * gauge: a value of the moment. register: grows only, in the unit of the row. state: an enumerated number.
 * flags: a set of bits.
 */
export type Kind = "gauge" | "register" | "state" | "flags";

export interface Quantity {
  /** Never reused. */
  number: number;
  /** SenML name (RFC 8428 §4.5.1 characters). */
  name: string;
  /** SenML unit (RFC 8428 §12.1, RFC 8798 §3), empty for none. */
  unit: string;
  /** The default resolution is 10^exponent of the unit. */
  exponent: number;
  signed: boolean;
  kind: Kind;
  /** The letter that names the index, or undefined where there is none. `t` is a tariff. */
  index?: string;
}

/** Import is positive: energy and power from the grid are `ei` and `pi`, into the grid `ee` and `pe`. */
export const quantities: readonly Quantity[] = [
  { number: 0, name: "t", unit: "s", exponent: 0, signed: true, kind: "gauge" },
  { number: 1, name: "clock", unit: "s", exponent: 0, signed: false, kind: "gauge" },
  { number: 2, name: "v", unit: "V", exponent: -1, signed: false, kind: "gauge" },
  { number: 3, name: "i", unit: "A", exponent: -2, signed: false, kind: "gauge" },
  { number: 4, name: "pi", unit: "W", exponent: 0, signed: false, kind: "gauge" },
  { number: 5, name: "pe", unit: "W", exponent: 0, signed: false, kind: "gauge" },
  { number: 6, name: "qi", unit: "var", exponent: 0, signed: false, kind: "gauge" },
  { number: 7, name: "qe", unit: "var", exponent: 0, signed: false, kind: "gauge" },
  { number: 8, name: "f", unit: "Hz", exponent: -2, signed: false, kind: "gauge" },
  { number: 9, name: "ei", unit: "Wh", exponent: 0, signed: false, kind: "register", index: "t" },
  { number: 10, name: "ee", unit: "Wh", exponent: 0, signed: false, kind: "register", index: "t" },
  { number: 11, name: "eqi", unit: "varh", exponent: 0, signed: false, kind: "register", index: "t" },
  { number: 12, name: "eqe", unit: "varh", exponent: 0, signed: false, kind: "register", index: "t" },
  { number: 13, name: "tariff", unit: "", exponent: 0, signed: false, kind: "state" },
];

const PHASES = 8;
const INDICES = 128;

/** The row of a channel, or undefined when no quantity has that number. */
export function quantityOf(channel: number): Quantity | undefined {
  const number = Math.floor(channel / (PHASES * INDICES));
  return quantities.find((quantity) => quantity.number === number);
}

/**
 * A channel's name: the quantity's, then `_l1` to `_l3` for a phase, then the index with its letter:
 * `ei_t2`, `v_l1`. A channel of an unknown quantity is `channel-N`, so that nothing is lost.
 */
export function channelName(channel: number): string {
  const quantity = quantityOf(channel);
  if (!quantity) return `channel-${channel}`;
  const phase = Math.floor(channel / INDICES) % PHASES;
  const index = channel % INDICES;
  return quantity.name + (phase ? `_l${phase}` : "") + (index ? `_${quantity.index ?? ""}${index}` : "");
}

/**
 * The channel of a name such as `v_l1` or `ei_t2`.
 * @throws RangeError when there is none.
 */
export function channelNumber(name: string): number {
  const parts = /^([a-z]+)(?:_l([1-3]))?(?:_([a-z]?)([1-9][0-9]{0,2}))?$/.exec(name);
  const quantity = parts && quantities.find((row) => row.name === parts[1]);
  const index = Number(parts?.[4] ?? 0);
  if (!quantity || index >= INDICES || (index && quantity.index !== parts[3])) {
    throw new RangeError(`no channel is called "${name}"`);
  }
  return (quantity.number * PHASES + Number(parts[2] ?? 0)) * INDICES + index;
}
