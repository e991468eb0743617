/** `embedded:io/serial` of the `lin` build: one port, with the smart meter of a house in which nothing changes. */

import { type MeterValues, P1Meter } from "hal-mocks/chips/p1-meter";
import { createSerial } from "hal-mocks/serial";
import Time from "time";
import Timer from "timer";
import type { Clock } from "../../src/hal";

/** The port that src/config.ts has for the meter, unless told otherwise. */
const P1_PORT = 1;
const HOUR_MS = 3_600_000;
const PHASE = { v: 230, i: 1, importW: 230, exportW: 0 };
const IMPORT_W = 3 * PHASE.importW;
const START_WH = 1_000_000;

const clock: Clock & { readonly now: number } = {
  get now() {
    return Date.now();
  },
  get ticks() {
    return Time.ticks;
  },
  set: (callback, ms) => Timer.set(() => callback(), Math.ceil(ms)) as unknown as ReturnType<Clock["set"]>,
  clear: (timer) => Timer.clear(timer as unknown as Timer | undefined),
};

function house(start: number): (time: number) => MeterValues {
  return (time) => ({
    tariff: 2,
    importWh: [START_WH, START_WH + (IMPORT_W * (time - start)) / HOUR_MS],
    exportWh: [0, 0],
    importW: IMPORT_W,
    exportW: 0,
    phases: [PHASE, PHASE, PHASE],
  });
}

export default createSerial(clock, new Map([[P1_PORT, new P1Meter({ clock, values: house(clock.now) })]]));
