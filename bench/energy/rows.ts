import type { Charges } from "../../hal-mocks/energy/charges";
import { groupPerDay, knownPerDay, life, perDay } from "../../hal-mocks/energy/charges";
import { chipNames, chips } from "../../hal-mocks/energy/chips";
import type { Range } from "../../hal-mocks/energy/figure";
import { isKnown } from "../../hal-mocks/energy/figure";
import { chipTitles } from "../../hal-mocks/energy/published";
import { type SessionPlan, sessionCharge } from "../../hal-mocks/energy/session";
import { defaultSettings } from "../../hal-mocks/energy/settings";
import { timings } from "../../hal-mocks/energy/timings";
import { measure, type Sensor } from "./node";
import { policies } from "./policies";

export interface Row {
  variant: string;
  chip: string;
  policy: string;
  mAhPerDay: Range | null;
  /** What is known, where something is not published. */
  known: Range;
  missing: readonly string[];
  lifeDays: Range | null;
  /** The same from a formula, where there is one: a check on the simulation. */
  formulaMah: number | null;
  readings: number;
  sessions: number;
  boots: number;
  /** Typical mAh a day: asleep, boots, awake, radio. */
  parts: { sleep: number; boot: number; awake: number; radio: number };
}

export interface Variant {
  name: string;
  sensor: Sensor;
  tls: SessionPlan["tls"];
  key: SessionPlan["key"];
  /** How long a wake that samples waits for its sensor, and for what its processor is at work, in milliseconds. */
  waitMs?: number;
  workMs?: number;
}

/** An INA226 that measures once: two conversions of 1.1 ms, and what the driver allows for a slow chip and its timer. */
const INA226_WAIT_MS = 4;

export const variants: readonly Variant[] = [
  { name: "INA226", sensor: "ina226", tls: "none", key: "key", waitMs: INA226_WAIT_MS },
  { name: "INA226, passphrase", sensor: "ina226", tls: "none", key: "passphrase", waitMs: INA226_WAIT_MS },
  { name: "INA226, TLS resumed", sensor: "ina226", tls: "resumed", key: "key", waitMs: INA226_WAIT_MS },
  { name: "INA226, TLS in full", sensor: "ina226", tls: "full", key: "key", waitMs: INA226_WAIT_MS },
  { name: "P1 meter", sensor: "p1", tls: "none", key: "key" },
  { name: "CT burst of 200 ms", sensor: "ct", tls: "none", key: "key", waitMs: INA226_WAIT_MS, workMs: 200 },
];

const TLS = { none: undefined, resumed: "resume", full: "handshake" } as const;

/** A day of each policy, by chip. */
export async function rowsOf(variant: Variant): Promise<Row[]> {
  const rows: Row[] = [];
  for (const policy of policies) {
    const { charges, readings, sessions } = await measure(policy, variant, TLS[variant.tls]);
    for (const [index, chip] of chipNames.entries())
      rows.push({
        variant: variant.name,
        chip: chipTitles[chip],
        policy: policy.name,
        ...drawn(charges[index]),
        formulaMah: formula(variant, charges[index], sessions),
        readings,
        sessions,
      });
  }
  return rows;
}

function drawn(
  charges: Charges,
): Pick<Row, "mAhPerDay" | "known" | "missing" | "lifeDays" | "boots" | "parts"> {
  const part = (...groups: Parameters<typeof groupPerDay>[1][]) =>
    groups.reduce((sum, group) => sum + groupPerDay(charges, group), 0);
  return {
    mAhPerDay: perDay(charges) ?? null,
    known: knownPerDay(charges),
    missing: charges.missing,
    lifeDays: life(charges) ?? null,
    boots: charges.boots,
    parts: {
      sleep: part("sleep"),
      boot: part("boot"),
      awake: part("awake"),
      radio: part("join", "session", "associated"),
    },
  };
}

/** Q_day = I_sleep · 86,400 + Σ n·Q, from the ledger's own figures, without a simulation. */
function formula(
  { key, tls, waitMs, workMs = 0 }: Variant,
  { settings, boots }: Charges,
  sessions: number,
): number | null {
  const chip = chips[settings.chip];
  const bootMs = timings.boot[settings.chip];
  if (waitMs === undefined || !boots || !isKnown(bootMs)) return null;
  const [asleep, boot, idle, busy] = [chip.deepSleep, chip.boot, chip.idle, chip.busy].map((entry) =>
    isKnown(entry) ? entry.typical : Number.NaN,
  );
  const plan: SessionPlan = {
    channel: "cached",
    key,
    address: "static",
    broker: "address",
    tls,
    boots: false,
  };
  const session = sessionCharge(plan, { ...defaultSettings, chip: settings.chip });
  if ("missing" in session) return null;
  const sample = (waitMs * idle + workMs * busy) / 1000;
  const mC = asleep * 86_400 + boots * ((bootMs.typical * boot) / 1000) + 1440 * sample;
  return (mC + sessions * session.typical) / 3600;
}
