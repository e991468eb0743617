import { type Range, scale } from "./figure";

/** A cell, or some in series: the capacity is that of one. */
export interface Cell {
  name: string;
  /** Down to the voltage at which its datasheet stops. */
  capacityMah: number;
  /** What of that is there until the cell falls below `cutOffV`, at which the regulator gives up. */
  usable: number;
  cutOffV: number;
  /** Share of the capacity that it loses by itself in a year. */
  selfDischarge: number;
  source: string;
}

/** 3.3 V and a regulator's dropout of 0.1 V; the usable share is an estimate from the slope of discharge curves. */
export const cells: Readonly<Record<string, Cell>> = {
  l91x3: {
    name: "3 L91",
    capacityMah: 3000,
    usable: 0.95,
    cutOffV: 1.13,
    selfDischarge: 0.1 / 15,
    source:
      "Energizer L91 datasheet: lithium AA, 3000 mAh to 0.8 V, 90 % after 15 years; usable: an estimate",
  },
  "18650": {
    name: "18650",
    capacityMah: 2200,
    usable: 0.9,
    cutOffV: 3.4,
    selfDischarge: 0.05 * 12,
    source:
      "a standard 18650's specification (yokenergy.com): 2200 mAh to 2.75 V, at least 95 % after 30 days, so at worst; usable: an estimate",
  },
};

export const cellNames = Object.keys(cells);

const DAYS_PER_YEAR = 365.25;

/** Days until the cell is empty, at so many milliampere-hours a day. */
export function lifeDays({ capacityMah, usable, selfDischarge }: Cell, mAhPerDay: Range): Range {
  const lost = (capacityMah * selfDischarge) / DAYS_PER_YEAR;
  const days = (mAh: number) => (capacityMah * usable) / (mAh + lost);
  return { low: days(mAhPerDay.high), typical: days(mAhPerDay.typical), high: days(mAhPerDay.low) };
}

const MC_PER_MAH = 3600;

export function mAhOf(mC: Range): Range {
  return scale(mC, 1 / MC_PER_MAH);
}
