import type { P1Recording } from "../../hal-mocks/chips/p1-replay";
import { House, type HouseState } from "../../hal-mocks/world/house";
import type { DecodedRecord } from "../decode/records";
import type { Household } from "./household";
import { agrees, type Expectation, type Truth } from "./judge";
import { readTelegram } from "./telegram";

/** How long terminals get, after the end, to send what they have. */
export const FLUSH_MS = 4 * 3_600_000;
/** A slot needs so long for its reading: a second until the meter speaks, and what a telegram takes. */
const SLOT_MS = 2000;
/** No telegram of a house's meter is longer. */
const TELEGRAM_BYTES = 1024;
const BITS_PER_BYTE = 10;

// ---- Houses ----

/**
 * A reading in each slot from the start to the end, of the meter of a house. Slots are multiples of the period in
 * Unix time, as firmware has them.
 */
export function slots(household: Household): Expectation {
  const { house, offset, sampleMs, baud, start, end } = household;
  const first = Math.ceil(start / sampleMs);
  const latest = end + FLUSH_MS;
  return {
    count: Math.max(Math.floor((end - SLOT_MS) / sampleMs) - first + 1, 0),
    meterMayFail: false,
    indexOf({ time, point }) {
      const moment = time === null ? Number.NaN : Date.parse(time);
      const index = Math.floor(moment / sampleMs) - first;
      return index >= 0 && moment <= latest && point === 0 ? index : undefined;
    },
    look() {
      // A second house from the same seed: the world is what it is, whoever looks.
      const world = new House(house);
      return ({ clock }) => {
        const second = Number(clock) * 1000;
        const begins = second + offset;
        return {
          begins,
          ends: begins + durationMs(TELEGRAM_BYTES, baud),
          values: () => said(world.at(second), Number(clock)),
        };
      };
    },
    isRight: isWithinResolution,
  };
}

const PHASES = ["_l1", "_l2", "_l3"].map((phase) => ({
  v: `v${phase}`,
  i: `i${phase}`,
  pi: `pi${phase}`,
  pe: `pe${phase}`,
}));

/** What the meter of a house sends. Asked for each reading, so nothing is put together twice. */
function said(state: HouseState, clock: number): Record<string, number> {
  const { tariff, importWh, exportWh, importW, exportW, phases } = state;
  const values: Record<string, number> = {
    clock,
    tariff,
    pi: importW,
    pe: exportW,
    ei_t1: importWh[0],
    ei_t2: importWh[1],
    ee_t1: exportWh[0],
    ee_t2: exportWh[1],
  };
  for (let index = 0; index < phases.length; index++) {
    const names = PHASES[index];
    const phase = phases[index];
    values[names.v] = phase.v;
    values[names.i] = phase.i;
    values[names.pi] = phase.importW;
    values[names.pe] = phase.exportW;
  }
  return values;
}

/** What a DSMR 5 meter's last digit counts; of registers it cuts off what is below, the rest it rounds. */
const RESOLUTIONS = new Map<string, number>([
  ...["pi", "pe"].map((name): [string, number] => [name, 1]),
  ...PHASES.flatMap(({ v, i, pi, pe }): [string, number][] => [
    [v, 0.1],
    [i, 1],
    [pi, 1],
    [pe, 1],
  ]),
]);
/** For sums of doubles such as 230.05, which no double is. */
const EPSILON = 1e-9;

function isWithinResolution(channel: string, decoded: number, own: number): boolean {
  if (channel.startsWith("e")) return decoded <= own && own - decoded < 1;
  return Math.abs(decoded - own) <= (RESOLUTIONS.get(channel) ?? 0) / 2 + EPSILON;
}

/** One line that says at which terminal nothing is to be measured, if there is one. */
export function unmeasured(households: readonly Household[]): string | undefined {
  const empty = households.find((household) => slots(household).count === 0);
  if (!empty) return undefined;
  return `nothing is to be measured at ${empty.device}: the run ends before its first reading (sampleMs is ${empty.sampleMs})`;
}

// ---- Recordings ----

/** What a recording holds, and what is expected of it. */
export interface RecordingExpectation extends Expectation {
  /** Virtual Unix milliseconds: when the first byte is sent, and when the last one has come. */
  readonly start: number;
  readonly end: number;
  /** Telegrams that are damaged in the recording itself. */
  readonly damaged: number;
  /** Its last telegram is not whole. */
  readonly endsInside: boolean;
}

/** A line at rest before the first telegram. */
const REST_MS = 1000;

/** One reading for each telegram that is whole and sound in the recording, told apart by clock and time. */
export function telegrams(recording: P1Recording, baud: number, utcOffset: number): RecordingExpectation {
  const start = recording.telegrams[0].at - REST_MS;
  const plain = recording.telegrams.map(({ bytes }) => readTelegram(textOf(bytes), utcOffset));
  const spans = spansOf(recording, start, baud);
  const endsInside = plain[plain.length - 1].state === "cut off";
  const truths = plain.flatMap(({ state, values }, index): Truth[] =>
    state === "whole" ? [{ ...spans[index], values: () => values }] : [],
  );
  return {
    start,
    end: spans[spans.length - 1].ends + REST_MS,
    damaged: plain.length - truths.length - Number(endsInside),
    endsInside,
    count: truths.length,
    meterMayFail: true,
    indexOf: finder(truths),
    look: () => (_, index) => truths[index],
    isRight: (_, decoded, own) => decoded === own,
  };
}

export function hasWholeTelegram(recording: P1Recording): boolean {
  return recording.telegrams.some(({ bytes }) => readTelegram(textOf(bytes), 0).state === "whole");
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

/** When each telegram is on the line, one behind the other. */
function spansOf({ lead, telegrams }: P1Recording, start: number, baud: number) {
  let ends = start + durationMs(lead.length, baud);
  return telegrams.map(({ at, bytes }) => {
    const begins = Math.max(at, ends);
    ends = begins + durationMs(bytes.length, baud);
    return { begins, ends };
  });
}

/** Telegrams of the same clock, or without one, are told apart by their time; a further reading is a duplicate. */
function finder(truths: readonly Truth[]): Expectation["indexOf"] {
  const byClock = new Map<number | undefined, number[]>();
  truths.forEach(({ values }, index) => {
    const { clock } = values();
    const same = byClock.get(clock);
    if (same) same.push(index);
    else byClock.set(clock, [index]);
  });
  const taken = new Set<number>();
  return (record: DecodedRecord) => {
    const { quality, time, point } = record;
    if (quality || time === null || point) return undefined;
    const same = byClock.get(record.clock as number | undefined) ?? [];
    const isFree = (index: number) => !taken.has(index);
    const fits = (index: number) => agrees(time, truths[index]);
    const index =
      same.find((index) => isFree(index) && fits(index)) ??
      same.find(fits) ??
      same.find(isFree) ??
      same.at(-1);
    if (index !== undefined) taken.add(index);
    return index;
  };
}

function durationMs(byteLength: number, baud: number): number {
  return (byteLength * BITS_PER_BYTE * 1000) / baud;
}
