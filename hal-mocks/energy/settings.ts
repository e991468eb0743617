import type { PowerSave } from "./activity";
import type { Board } from "./boards";
import { boards } from "./boards";
import { type Cell, cells } from "./cells";
import type { Dtim } from "./chips";
import { type Entry, exactly, figure } from "./figure";
import type { ChipName } from "./published";

/** What a sensor draws while it measures and while it does not, in milliamperes. */
export interface SensorCurrents {
  on: Entry;
  off: Entry;
}

export interface EnergySettings {
  chip: ChipName;
  board: Board;
  cell: Cell;
  dtim: Dtim;
  powerSave: PowerSave;
  /** The bootloader validates the image at each wake. */
  validates: boolean;
  /** By the names under which sensors report. */
  sensors: Readonly<Record<string, SensorCurrents>>;
}

export const sensorCurrents: Readonly<Record<string, SensorCurrents>> = {
  ina226: { on: figure(0.33, 0.33, 0.42, "ina226"), off: figure(0.0005, 0.0005, 0.002, "ina226") },
};

export const defaultSettings: EnergySettings = {
  chip: "esp32",
  board: boards.none,
  cell: cells.l91x3,
  dtim: 3,
  powerSave: "modemSleep",
  validates: false,
  sensors: sensorCurrents,
};

/** A board of a scenario's own, from milliamperes by part. */
export function boardOf(parts: Readonly<Record<string, number>>): Board {
  return Object.fromEntries(Object.entries(parts).map(([part, mA]) => [part, exactly(mA, "configured")]));
}
