import type { P1Recording } from "../../hal-mocks/chips/p1-replay";
import { House, type HouseSettings } from "../../hal-mocks/world/house";
import type { DecodedRecord } from "../decode/records";
import type { Expectation, WorldRegisters } from "./judge";

/** A slot needs so long for its reading: a second until the meter speaks, and what a telegram takes. */
const SLOT_MS = 2000;

/** The first and the number of the slots from `start` to `end`: multiples of `periodMs` in Unix time, as firmware has them. */
export function slotsWithin(start: number, end: number, periodMs: number): { first: number; count: number } {
  const first = Math.ceil(start / periodMs);
  return { first, count: Math.max(Math.floor((end - SLOT_MS) / periodMs) - first + 1, 0) };
}

/** A reading in each slot of `periodMs` from `start` to `end`, of the meter of a house. */
export function slots(house: HouseSettings, start: number, end: number, periodMs: number): Expectation {
  const { first, count } = slotsWithin(start, end, periodMs);
  return {
    count,
    indexOf({ time }) {
      if (time === null) return undefined;
      const index = Math.floor(Date.parse(time) / periodMs) - first;
      return index >= 0 && index < count ? index : undefined;
    },
    registers(records) {
      // A second house from the same seed: the world's registers are what they are, whoever looks.
      const world = new House(house);
      return records.map((record) => {
        const { importWh, exportWh } = world.at(Number(record.clock) * 1000);
        return { ei_t1: importWh[0], ei_t2: importWh[1], ee_t1: exportWh[0], ee_t2: exportWh[1] };
      });
    },
  };
}

/** One reading for each whole telegram of a recording, told apart by the meter's own clock. */
export function telegrams(recording: P1Recording): Expectation {
  const texts = recording.telegrams.map(({ bytes }) => Buffer.from(bytes).toString("latin1"));
  const open = new Map<number, number[]>();
  recording.telegrams.forEach(({ at }, index) => {
    const same = open.get(at);
    if (same) same.push(index);
    else open.set(at, [index]);
  });
  let next = 0;
  const found = new Map<DecodedRecord, number>();
  return {
    count: texts.length,
    indexOf(record) {
      if (record.quality) return undefined;
      const index = indexOf(record, open) ?? (record.clock === undefined ? next++ : undefined);
      if (index === undefined || index >= texts.length) return undefined;
      found.set(record, index);
      return index;
    },
    registers: (records) => records.map((record) => registersOf(texts[found.get(record)!])),
  };
}

/** Telegrams of the same second are taken one after the other; a further reading is the last one's duplicate. */
function indexOf(record: DecodedRecord, open: Map<number, number[]>): number | undefined {
  if (record.clock === undefined) return undefined;
  const same = open.get(Number(record.clock) * 1000);
  return same && same.length > 1 ? same.shift() : same?.[0];
}

/** A plain reading of a telegram's registers in Wh, on purpose not the driver's. */
function registersOf(telegram: string): WorldRegisters {
  const registers: WorldRegisters = {};
  for (const [, direction, tariff, digits, kilo] of telegram.matchAll(
    /^1-0:([12])\.8\.([0-2])(?:\*\d+)?\(([0-9.]+)\*(k?)Wh\)/gm,
  )) {
    const name = (direction === "1" ? "ei" : "ee") + (tariff === "0" ? "" : `_t${tariff}`);
    registers[name] = Number(digits) * (kilo ? 1000 : 1);
  }
  return registers;
}
