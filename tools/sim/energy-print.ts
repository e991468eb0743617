import type { Range } from "../../hal-mocks/energy/figure";
import { chipTitles } from "../../hal-mocks/energy/published";
import { type Source, sources } from "../../hal-mocks/energy/sources";
import { table } from "../cli/table";
import type { EnergyReport } from "./energy-report";

/** What is printed of a terminal. */
export interface Metered {
  device: string;
  mode: string;
  energy: EnergyReport;
}

const DAYS_PER_YEAR = 365.25;

/** Three digits, as many as the currents are good for. */
export function short(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export function lifeOf(days: number): string {
  return days >= 2 * DAYS_PER_YEAR ? `${(days / DAYS_PER_YEAR).toFixed(1)} y` : `${Math.round(days)} d`;
}

function span({ low, high }: Range): string {
  return `${short(low)}-${short(high)}`;
}

const HEADER = ["terminal", "mAh/d", "low-high", "sleep", "boot", "awake", "radio", "up s", "sessions"];

/** The charge of a day by state, on one table that fits 80 columns. */
export function energyTable(terminals: readonly Metered[]): string {
  const [{ energy }] = terminals;
  const chips = new Set(terminals.map(({ energy: { chip } }) => chip));
  const cells = new Set(terminals.map(({ energy: { cell } }) => cell));
  const cell = cells.size === 1 ? energy.cell : "its cell";
  const what = chips.size === 1 ? chipTitles[energy.chip] : "each chip";
  const caption = `Charge in mAh a day (${what}): typical, bounds, by state; how long ${cell} last:\n`;
  const rows = terminals.map(rowOf);
  return `${caption}${table([...HEADER, cell], rows)}${terminals.map(lackOf).join("")}`;
}

function rowOf({ device, mode, energy }: Metered): string[] {
  const { groups, mAhPerDay, known, lifeDays, awakeSecondsPerDay, seconds, sessions } = energy;
  const shown = mAhPerDay ?? known;
  const radio = groups.join + groups.session + groups.associated;
  return [
    device,
    mAhPerDay ? short(shown.typical) : `>${short(shown.typical)}`,
    mAhPerDay ? span(shown) : "-",
    short(groups.sleep),
    short(groups.boot),
    short(groups.awake),
    short(radio),
    awakeSecondsPerDay.toFixed(0),
    ((sessions * 86_400) / seconds).toFixed(0),
    // Nobody feeds a resident from a cell.
    lifeDays && mode === "sleeper" ? lifeOf(lifeDays.typical) : "-",
  ];
}

function lackOf({ device, energy: { missing } }: Metered): string {
  return missing.map((what) => `${device}: no published figure of ${what}: left out.\n`).join("");
}

const LEDGER = ["state", "times", "seconds", "mA", "low-high", "mAh/d", "low-high", "source"];

/** The whole ledger of one terminal, with the sources of its figures. */
export function ledgerText({ device, energy }: Metered): string {
  const rows = energy.rows.map(({ consumer, state, times, seconds, mA, mAhPerDay, source }) => [
    consumer === "chip" ? state : `${consumer} ${state}`,
    times,
    seconds.toFixed(seconds < 100 ? 2 : 0),
    mA ? milli(mA.typical) : "-",
    mA ? `${milli(mA.low)}-${milli(mA.high)}` : "-",
    mAhPerDay ? mAhPerDay.typical.toFixed(3) : "-",
    mAhPerDay ? `${mAhPerDay.low.toFixed(2)}-${mAhPerDay.high.toFixed(2)}` : "-",
    mA ? source : "none",
  ]);
  return `${device}\n${table(LEDGER, rows)}${breakEvenText(energy)}`;
}

function milli(value: number): string {
  return value && value < 0.1 ? value.toPrecision(1) : value.toFixed(1);
}

function breakEvenText({ breakEvenSeconds }: EnergyReport): string {
  if (breakEvenSeconds === null) return "Stay associated or reconnect: no published figure, so no answer.\n";
  return `To stay associated draws less than to reconnect where sessions are closer than ${breakEvenSeconds.toFixed(1)} s (T*).\n`;
}

/** The sources that some ledgers name. */
export function sourcesText(reports: readonly EnergyReport[]): string {
  const names = new Set(reports.flatMap(({ rows }) => rows.map(({ source }) => source)));
  const lines = [...names]
    .filter((name) => name in sources)
    .map((name) => `${name}: ${sources[name as Source]}\n`);
  const unpublished = new Set(reports.flatMap(({ missing }) => missing));
  return [
    ...lines,
    ...[...unpublished].map((what) => `none: no published figure of ${what}\n`),
    "Times are typical ones, currents have bounds. Not in it: what JavaScript takes beside what it waits for; no speed of XS on\nan ESP32 is published.\n",
  ].join("");
}
