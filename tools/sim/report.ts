import type { Io } from "../cli/command";
import { table } from "../cli/table";
import { energyTable, ledgerText, sourcesText } from "./energy-print";
import type { Difference, EnergyVerdict } from "./judge";
import type { Report } from "./simulation";
import type { TerminalReport } from "./site";

/** Two tables side by side would be wider than a terminal of 80 columns. */
const READINGS = ["terminal", "mode", "readings", "good", "bad", "lost", "duplicates"];
const POINTS = ["point", "sensor", "readings", "good", "wrong", "import Wh", "off by", "export Wh", "off by"];
const FRAMES = ["terminal", "frames", "delivered", "B/reading", "import Wh", "off by", "export Wh", "off by"];

type Cell = string | number;

/**
 * What a person wants to know after a simulation.
 * @param hasLedgers true prints each terminal's whole ledger too.
 */
export function printReport(
  report: Report,
  elapsedMs: number,
  stdout: Io["stdout"],
  hasLedgers = false,
): void {
  const { scenario, days, seed, broker, terminals, undecodable } = report;
  const length = days < 1 ? `${Math.round(days * 1440)} min` : `${Math.round(days * 100) / 100} d`;
  stdout.write(
    `${scenario}: ${length} of virtual time from ${report.start}, seed ${seed}, broker ${broker}\n`,
  );
  stdout.write(recordingRemarks(report));
  stdout.write(`\n${table(READINGS, terminals.map(readingsOf))}\n`);
  stdout.write(`${table(FRAMES, terminals.map(framesOf))}\n`);
  const points = terminals.flatMap(pointsOf);
  if (points.length) stdout.write(`${table(POINTS, points)}\n`);
  stdout.write(`${energyTable(terminals)}\n`);
  if (hasLedgers) {
    for (const terminal of terminals) stdout.write(`${ledgerText(terminal)}\n`);
    stdout.write(`${sourcesText(terminals.map(({ energy }) => energy))}\n`);
  }
  for (const terminal of terminals) stdout.write(remarks(terminal));
  if (undecodable) stdout.write(`${undecodable} frames could not be decoded.\n`);
  stdout.write(
    `${report.ok ? "Everything arrived, once, and exact" : "NOT everything arrived as it was"} (${(elapsedMs / 1000).toFixed(1)} s).\n`,
  );
}

function recordingRemarks({ restoredLineEnds, damagedTelegrams, endsInsideTelegram }: Report): string {
  let text = "";
  if (restoredLineEnds)
    text += "The recording had bare LF; CR LF, over which a meter computes its checksum, was restored.\n";
  if (damagedTelegrams)
    text += `${counted(damagedTelegrams, "telegram")} damaged in the recording itself and not expected.\n`;
  if (endsInsideTelegram) text += "The recording ends inside a telegram, which is not expected.\n";
  return text;
}

function readingsOf({ device, mode, readings, good, bad, lost, duplicates }: TerminalReport): Cell[] {
  return [device, mode, readings, good, badOf(bad), lost, duplicates];
}

/** Of terminals that have other points than a smart meter's. */
function pointsOf({ device, points = [] }: TerminalReport): Cell[][] {
  return points.map(({ point, sensor, readings, good, wrong, ...verdict }) => {
    const energies = [...energy(verdict.import), ...energy(verdict.export)];
    return [`${device}/${point}`, sensor, readings, good, wrong, ...energies];
  });
}

function framesOf(terminal: TerminalReport): Cell[] {
  const { device, frames, delivered, payloadBytesPerReading } = terminal;
  const energies = [...energy(terminal.import), ...energy(terminal.export)];
  return [device, frames, delivered, payloadBytesPerReading.toFixed(2), ...energies];
}

function badOf(bad: Record<string, number>): string {
  const causes = Object.entries(bad).map(([cause, count]) => `${count} ${cause}`);
  return causes.join(", ") || "0";
}

/** The register as decoded, and how far any reading was from the world's; cut off, not rounded up to a whole. */
function energy(verdict: EnergyVerdict | undefined): Cell[] {
  if (!verdict) return ["-", "-"];
  return [verdict.decodedWh, (Math.floor(verdict.largestErrorWh * 1000) / 1000).toFixed(3)];
}

function remarks({
  device,
  failedSessions,
  sessions,
  repeats,
  waiting,
  dropped,
  lost,
  good,
  unexpected,
  wrong,
  firstWrong,
  undated,
  misdated,
  gaps,
}: TerminalReport): string {
  let text = "";
  if (gaps.count) {
    text += `${device}: ${counted(gaps.count, "gap")} stated, ${gaps.longestS} s the longest, with ${gaps.readings} readings`;
    text += gaps.tooLong ? `; ${gaps.tooLong} longer than a batch.\n` : ".\n";
  }
  if (undated)
    text += `${device}: ${counted(undated, "reading")} undated: its power went before it knew the time.\n`;
  if (misdated) text += `${device}: ${counted(misdated, "reading")} dated wrong, as all time servers said.\n`;
  if (firstWrong) text += `${device}: ${counted(wrong, "reading")} wrong; ${differenceOf(firstWrong)}.\n`;
  if (unexpected)
    text += `${device}: ${counted(unexpected, "reading")} undated, or of what nobody was to measure.\n`;
  if (!good) text += `${device}: there is no good reading.\n`;
  if (failedSessions) {
    const end = lost || waiting ? "" : " and were made up for";
    text += `${device}: ${failedSessions} of ${sessions} sessions failed${end}.\n`;
  }
  if (repeats) text += `${device}: ${repeats} frames came twice and were taken once.\n`;
  if (waiting) text += `${device}: ${waiting} frames still wait in its outbox.\n`;
  if (dropped) text += `${device}: ${dropped} frames were dropped because its outbox was full.\n`;
  return text;
}

function differenceOf({ time, channel, decoded, world }: Difference): string {
  const meter = world === null ? "the meter had none" : `the meter had ${world}`;
  return `in the first, of ${time}, ${channel} is ${decoded ?? "missing"} and ${meter}`;
}

function counted(count: number, noun: string): string {
  return count === 1 ? `1 ${noun} is` : `${count} ${noun}s are`;
}
