import type { Group } from "../../hal-mocks/energy/activity";
import {
  type Charges,
  groupPerDay,
  knownPerDay,
  life,
  perDay,
  type Row,
} from "../../hal-mocks/energy/charges";
import { isKnown, type Range } from "../../hal-mocks/energy/figure";
import { breakEvenSeconds, type SessionPlan } from "../../hal-mocks/energy/session";

/** One state of one consumer; charges in mAh a day. */
export interface EnergyRow {
  consumer: string;
  state: string;
  times: number;
  seconds: number;
  mA: Range | null;
  mAhPerDay: Range | null;
  /** A name in hal-mocks/energy/sources.ts, or what has no published figure. */
  source: string;
}

/** What one terminal has drawn, scaled to a day. */
export interface EnergyReport {
  chip: string;
  cell: string;
  seconds: number;
  /** Null where something is not published; `known` is then what the rest draws. */
  mAhPerDay: Range | null;
  known: Range;
  missing: readonly string[];
  lifeDays: Range | null;
  /** mAh a day. */
  groups: Record<Group, number>;
  awakeSecondsPerDay: number;
  boots: number;
  sessions: number;
  sentBytes: number;
  /** Seconds between sessions below which it draws less to stay associated; null where that is not published. */
  breakEvenSeconds: number | null;
  rows: EnergyRow[];
}

const S_PER_DAY = 86_400;
const DIGITS = 6;

/** To six digits: what lies behind them is noise of floating point. */
function round(value: number): number {
  return Number(value.toPrecision(DIGITS));
}

function rounded({ low, typical, high }: Range): Range {
  return { low: round(low), typical: round(typical), high: round(high) };
}

/**
 * @param plan how its sessions connect.
 * @param sessions how many there were.
 */
export function energyReport(charges: Charges, plan: SessionPlan, sessions: number): EnergyReport {
  const { settings, seconds, rows, missing, boots, sentBytes, awakeSeconds } = charges;
  const mAh = perDay(charges);
  const days = life(charges);
  const groups = ["sleep", "boot", "awake", "join", "session", "associated", "other"] as const;
  const breakEven = breakEvenSeconds(plan, settings);
  return {
    chip: settings.chip,
    cell: settings.cell.name,
    seconds: round(seconds),
    mAhPerDay: mAh ? rounded(mAh) : null,
    known: rounded(knownPerDay(charges)),
    missing,
    lifeDays: days ? rounded(days) : null,
    groups: Object.fromEntries(groups.map((group) => [group, round(groupPerDay(charges, group))])) as Record<
      Group,
      number
    >,
    awakeSecondsPerDay: seconds ? round((awakeSeconds * S_PER_DAY) / seconds) : 0,
    boots,
    sessions,
    sentBytes,
    breakEvenSeconds: typeof breakEven === "number" ? round(breakEven) : null,
    rows: rows.map((row) => rowReport(row, seconds)),
  };
}

function rowReport({ consumer, state, count, seconds, mA, mC }: Row, all: number): EnergyRow {
  const toDay = all ? S_PER_DAY / all / 3600 : 0;
  return {
    consumer,
    state,
    times: count,
    seconds: round(seconds),
    mA: isKnown(mA) ? rounded(mA) : null,
    mAhPerDay: mC
      ? rounded({ low: mC.low * toDay, typical: mC.typical * toDay, high: mC.high * toDay })
      : null,
    source: isKnown(mA) ? mA.source : `no published figure of ${mA.missing}`,
  };
}
