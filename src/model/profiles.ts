import { channelNumber, quantityOf } from "./channels";

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

/** A column at the registry's resolution, or at a resolution of its own: `v_l1`, `i_l1@-3`. */
function column(text: string): Column {
  const [name, exponent] = text.split("@");
  const channel = channelNumber(name);
  return {
    channel,
    name,
    exponent: exponent === undefined ? quantityOf(channel)!.exponent : Number(exponent),
  };
}

function profile(number: number, columns: string): Profile {
  return { number, columns: columns.split(" ").map(column) };
}

const METER = "t clock ei ei_t1 ei_t2 ee ee_t1 ee_t2 tariff pi pe";

/** The built-in profiles. */
export const profiles = {
  /** A single-phase smart meter with two tariffs. */
  meter1: profile(1, `${METER} v_l1 i_l1 pi_l1 pe_l1`),
  /** A three-phase smart meter with two tariffs. */
  meter3: profile(2, `${METER} v_l1 v_l2 v_l3 i_l1 i_l2 i_l3 pi_l1 pi_l2 pi_l3 pe_l1 pe_l2 pe_l3`),
} as const;

/** The built-in profile of that number, or undefined. */
export function profileOf(number: number): Profile | undefined {
  return Object.values(profiles).find((candidate) => candidate.number === number);
}
