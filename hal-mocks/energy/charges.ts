import { type Activity, GROUPS, type Group, stateOf } from "./activity";
import { lifeDays, mAhOf } from "./cells";
import { chips } from "./chips";
import { type Entry, exactly, isKnown, missing, nothing, type Range, scale, sum } from "./figure";
import { type Line, US_PER_MS } from "./line";
import type { EnergySettings } from "./settings";
import { timings } from "./timings";

export interface Consumer {
  name: string;
  // biome-ignore lint/suspicious/noExplicitAny: each consumer has states of its own.
  line: Line<any>;
}

/** One state of one consumer. */
export interface Row {
  consumer: string;
  state: string;
  group: Group;
  count: number;
  seconds: number;
  mA: Entry;
  /** Millicoulombs; undefined where no current or no time is published. */
  mC: Range | undefined;
}

export interface Counts {
  boots: number;
  sentBytes: number;
}

/** What a terminal has drawn between its first boot and the end. */
export interface Charges extends Counts {
  settings: EnergySettings;
  rows: readonly Row[];
  /** Seconds from the first boot to the end. */
  seconds: number;
  awakeSeconds: number;
  /** The sum of the rows that have a charge. */
  known: Range;
  /** What nobody has published, of what would be needed for the rest. */
  missing: readonly string[];
}

const US_PER_S = 1e6;
const S_PER_DAY = 86_400;

export function chargesOf(consumers: readonly Consumer[], settings: EnergySettings, counts: Counts): Charges {
  const rows = consumers.flatMap((consumer) => rowsOf(consumer, settings, counts));
  const [{ line }] = consumers;
  let us = 0;
  for (const total of line.totals.values()) us += total.us;
  const asleep = line.totals.get("deep sleep")?.us ?? 0;
  return {
    settings,
    rows,
    seconds: us / US_PER_S,
    awakeSeconds: (us - asleep) / US_PER_S,
    known: sum(rows.map(({ mC }) => mC ?? nothing)),
    missing: [...new Set(rows.flatMap(missingIn))],
    ...counts,
  };
}

function missingIn({ mA }: Row): string[] {
  return isKnown(mA) ? [] : [mA.missing];
}

function rowsOf({ name, line }: Consumer, settings: EnergySettings, { boots }: Counts): Row[] {
  if (name === "board") return boardRows(line, settings);
  const rows: Row[] = [];
  for (const [state, { us, count }] of line.totals) {
    const mA = currentOf(name, state, settings);
    const isDrawing = !isKnown(mA) || mA.high > 0;
    if (isDrawing) rows.push(row(name, state, count, us, mA));
  }
  if (name !== "chip" || !boots) return rows;
  // What takes no time in the ledger because nobody has said how much it does.
  const { boot, validation } = timings;
  if (!isKnown(boot[settings.chip])) rows.push(row(name, "boot", boots, 0, boot[settings.chip]));
  if (settings.validates && !isKnown(validation[settings.chip]))
    rows.push(row(name, "validation", boots, 0, validation[settings.chip]));
  return rows;
}

function row(consumer: string, state: string, count: number, us: number, mA: Entry): Row {
  const group = consumer === "chip" ? GROUPS[state as Activity] : "other";
  const seconds = us / US_PER_S;
  return { consumer, state, group, count, seconds, mA, mC: isKnown(mA) ? scale(mA, seconds) : undefined };
}

/** Milliamperes of a consumer in one of its states. */
export function currentOf(consumer: string, state: string, settings: EnergySettings): Entry {
  const { chip, powerSave, dtim, sensors } = settings;
  if (consumer === "chip") return chips[chip][stateOf(state as Activity, powerSave, dtim)];
  if (consumer === "flash") return state === "off" ? exactly(0, "flash") : timings.flashMa;
  const sensor = sensors[consumer];
  return sensor ? sensor[state === "on" ? "on" : "off"] : missing(`what "${consumer}" draws`);
}

function boardRows(line: Consumer["line"], { board }: EnergySettings): Row[] {
  const us = line.totals.get("on")?.us ?? 0;
  return Object.entries(board).map(([part, mA]) => row("board", part, 1, us, mA));
}

/** Milliampere-hours a day; undefined where something is missing. */
export function perDay({ seconds, known, missing: lacking }: Charges): Range | undefined {
  return lacking.length || !seconds ? undefined : scale(mAhOf(known), S_PER_DAY / seconds);
}

/** The same of what is known. */
export function knownPerDay({ seconds, known }: Charges): Range {
  return seconds ? scale(mAhOf(known), S_PER_DAY / seconds) : nothing;
}

/** Days that the cell lasts. */
export function life(charges: Charges): Range | undefined {
  const mAh = perDay(charges);
  return mAh && lifeDays(charges.settings.cell, mAh);
}

export function groupPerDay({ rows, seconds }: Charges, group: Group): number {
  let mC = 0;
  for (const row of rows) if (row.group === group) mC += row.mC?.typical ?? 0;
  return seconds ? (mC / 3600) * (S_PER_DAY / seconds) : 0;
}

/** Millicoulombs of one stretch of a timeline. */
export function chargeOf(
  { consumer, state, from, to }: { consumer: string; state: string; from: number; to: number },
  settings: EnergySettings,
): Range | undefined {
  const mA =
    consumer === "board"
      ? sum(Object.values(settings.board).filter(isKnown))
      : currentOf(consumer, state, settings);
  const seconds = (to - from) / (US_PER_MS * 1000);
  return "missing" in mA ? undefined : scale(mA, seconds);
}
