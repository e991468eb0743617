/**
 * What no installation in a house can mean, by quantity: a value outside was read wrong, or the device is broken. Wide on
 * purpose; what a site finds strange is for its app to say.
 */
const POWER_FACTOR = 1.05;
const MAX_VOLTS = 1000;
const MAX_WH = 1e10;

/**
 * The highest magnitude of a channel that can be true.
 * @param maxA what the device can measure at most, in A, doubled here: overload is not nonsense.
 */
export function limitOf(channel: string, maxA: number): number {
  const [quantity] = channel.split("_");
  switch (quantity) {
    case "v":
    case "dcv":
      return MAX_VOLTS;
    case "i":
    case "dci":
      return 2 * maxA;
    case "p":
    case "q":
    case "s":
    case "dcp":
      // Three phases.
      return 3 * MAX_VOLTS * 2 * maxA;
    case "f":
      return 100;
    case "pf":
      return POWER_FACTOR;
    case "thdu":
    case "thdi":
      return 1000;
    case "soc":
    case "soh":
      return 100.5;
    case "tc":
      return 200;
    case "ei":
    case "ee":
    case "eqi":
    case "eqe":
    case "dcei":
    case "dcee":
      return MAX_WH;
    default:
      return Number.POSITIVE_INFINITY;
  }
}

/** Whether a value of this channel may be below 0. */
export function isSigned(channel: string): boolean {
  return /^(p|q|pf|dci|dcp|tc)(_|$)/.test(channel);
}

/** One channel of a device's table. */
export interface Place {
  channel: string;
  low: number;
  high: number;
}

export function placeOf(channel: string, maxA: number): Place {
  const high = limitOf(channel, maxA);
  return { channel, low: isSigned(channel) ? -high : 0, high };
}
