import { channelNumber, exponentOf } from "./channels";

/** A column of a frame: values are integers of 10^exponent of the channel's unit. */
export interface Column {
  channel: number;
  /** The channel's name in the registry. */
  name: string;
  exponent: number;
}

/** What a frame holds: its columns in order. Column 0 is always the time. */
export interface Profile {
  /** Never reused. Built-in profiles are below 1024. */
  number: number;
  columns: readonly Column[];
}

/** Whether it is an exponent for which a power of ten is exact as a double. */
function isResolution(text: string): boolean {
  return /^-?(1?[0-9]|2[0-2])$/.test(text);
}

/** A column at the registry's resolution, or at a resolution of its own: `v_l1`, `i_l1@-3`. */
function column(text: string): Column {
  const at = text.indexOf("@");
  const name = at < 0 ? text : text.slice(0, at);
  const channel = channelNumber(name);
  if (at < 0) return { channel, name, exponent: exponentOf(channel) };
  const exponent = text.slice(at + 1);
  if (!isResolution(exponent)) throw new RangeError(`"${text}" is no column`);
  return { channel, name, exponent: Number(exponent) };
}

/**
 * Columns from their channels' names, each at the registry's resolution or at one of its own: `t v_l1 i_l1@-3`.
 * @throws RangeError that names what is none.
 */
export function columnsOf(text: string): Column[] {
  return text.split(" ").map(column);
}

function profile(number: number, columns: string): Profile {
  return { number, columns: columnsOf(columns) };
}

const METER = "t clock ei ei_t1 ei_t2 ee ee_t1 ee_t2 tariff pi pe";

/** The built-in profiles that the default app uses: as objects in flash, which cost no RAM. */
export const profiles = {
  /** A single-phase smart meter with two tariffs. */
  meter1: profile(1, `${METER} v_l1 i_l1 pi_l1 pe_l1`),
  /** A three-phase smart meter with two tariffs. */
  meter3: profile(2, `${METER} v_l1 v_l2 v_l3 i_l1 i_l2 i_l3 pi_l1 pi_l2 pi_l3 pe_l1 pe_l2 pe_l3`),
} as const;

/** Numbers below are the built-in profiles'; what others make of channels is numbered by its content. */
export const FIRST_FREE_NUMBER = 1024;

/** Further built-in profiles, as text: as objects they would take ten times the flash. */
const FURTHER: Readonly<Record<number, string>> = {
  /** One circuit, as sub-meters and power monitors measure it. */
  3: "t v i@-3 p q f ei ee tc flags",
  /** An inverter with two PV inputs. */
  4: "t p q f v_l1 v_l2 v_l3 i_l1 i_l2 i_l3 ee dcv_p1 dcv_p2 dci_p1 dci_p2 dcp_p1 dcp_p2 tc inv",
  /** A battery on its DC side. */
  5: "t dcv dci dcp ahi ahe dcei dcee soc soh tc chs",
  /** An EV charger. */
  6: "t ev evmin evmax evcap p v_l1 v_l2 v_l3 i_l1 i_l2 i_l3 ei evei soc sw",
  /** An environment, and the terminal that measures it. */
  7: "t tc rh ap irr vbat rssi",
};

/** The built-in profile of that number, or undefined. */
export function profileOf(number: number): Profile | undefined {
  const found = Object.values(profiles).find((candidate) => candidate.number === number);
  if (found) return found;
  const columns = FURTHER[number];
  return columns === undefined ? undefined : profile(number, columns);
}
