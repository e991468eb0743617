import { chipNames, chips } from "../../hal-mocks/energy/chips";
import { isKnown, typicalOf } from "../../hal-mocks/energy/figure";
import { chipTitles } from "../../hal-mocks/energy/published";
import { breakEvenSeconds, type SessionPlan } from "../../hal-mocks/energy/session";
import { defaultSettings } from "../../hal-mocks/energy/settings";
import { timings } from "../../hal-mocks/energy/timings";
import type { Row } from "./rows";

export interface Goal {
  name: string;
  value: number;
  limit: string;
  isMet: boolean;
}

export interface BreakEven {
  chip: string;
  powerSave: string;
  plain: number | null;
  resumed: number | null;
  full: number | null;
}

export interface Halving {
  name: string;
  mAh: number;
  /** Of what it is now. */
  share: number;
}

/** Up to which period staying up for the next sample draws less than a boot for it, in seconds. */
export interface Staying {
  chip: string;
  awake: number | null;
  lightSleep: number | null;
}

export interface Report {
  fit: {
    bootShare: number;
    joinShare: number;
    events: { name: string; use: string; ms: number; mC: number; ledger: number; error: number }[];
  };
  rows: Row[];
  goals: Goal[];
  breakEvens: BreakEven[];
  halvings: Halving[];
  stayings: Staying[];
  /** The same ratios where the key is made of a passphrase in each session: printed without a goal. */
  withPassphrase: { eachToQuarter: number; hourToFloor: number };
  /** mAh a day that each 10 ms of a processor at work, a wake, would add; how fast XS is on a board, nobody has published. */
  mAhPer10MsOfWork: number;
}

const LARGEST_ERROR = 0.15;
const LEAST_TIMES = 9;
const MOST_TIMES_FLOOR = 1.5;

function typical(rows: readonly Row[], variant: string, policy: string): number {
  const row = rows.find(
    (one) => one.chip === "ESP32" && one.variant === variant && one.policy.startsWith(policy),
  );
  return row!.mAhPerDay!.typical;
}

export function goalsOf(fit: Report["fit"], rows: readonly Row[]): Goal[] {
  const worst = Math.max(
    ...fit.events.filter(({ use }) => use === "predict").map(({ error }) => Math.abs(error)),
  );
  const of = (policy: string) => typical(rows, "INA226", policy);
  const each = of("each reading, from deep sleep");
  return [
    {
      name: "worst of three predictions, %",
      value: worst * 100,
      limit: "15 at most",
      isMet: worst <= LARGEST_ERROR,
    },
    goalAtLeast("each reading against a batch of 15 minutes", each / of("batch of 15")),
    goalAtMost("a batch of an hour against the floor", of("batch of an hour") / of("floor")),
  ];
}

function goalAtLeast(name: string, value: number): Goal {
  return { name, value, limit: `${LEAST_TIMES} at least`, isMet: value >= LEAST_TIMES };
}

function goalAtMost(name: string, value: number): Goal {
  return { name, value, limit: `${MOST_TIMES_FLOOR} at most`, isMet: value <= MOST_TIMES_FLOOR };
}

export function withPassphraseOf(rows: readonly Row[]): Report["withPassphrase"] {
  const of = (policy: string) => typical(rows, "INA226, passphrase", policy);
  return {
    eachToQuarter: of("each reading, from deep sleep") / of("batch of 15"),
    hourToFloor: of("batch of an hour") / of("floor"),
  };
}

/** Q_boot / (I_waiting − I_asleep). */
export function stayingsOf(): Staying[] {
  return chipNames.map((chip) => {
    const { deepSleep, boot, idle, lightSleep } = chips[chip];
    const ms = timings.boot[chip];
    const [asleep, booting, waiting, light] = [deepSleep, boot, idle, lightSleep].map(typicalOf);
    const seconds = (mA: number) => (isKnown(ms) ? (ms.typical * booting) / 1000 / (mA - asleep) : null);
    return { chip: chipTitles[chip], awake: seconds(waiting), lightSleep: seconds(light) };
  });
}

export function workOf(): number {
  return (typicalOf(chips.esp32.busy) * 10 * WAKES) / 1000 / 3600;
}

export function breakEvensOf(): BreakEven[] {
  const plan = { channel: "cached", key: "key", address: "static", broker: "address", boots: true } as const;
  return chipNames.flatMap((chip) =>
    (["modemSleep", "lightSleep"] as const).map((powerSave) => {
      const settings = { ...defaultSettings, chip, powerSave };
      const of = (tls: SessionPlan["tls"]) => {
        const seconds = breakEvenSeconds({ ...plan, tls }, settings);
        return typeof seconds === "number" ? seconds : null;
      };
      return {
        chip: chipTitles[chip],
        powerSave: powerSave === "modemSleep" ? "modem sleep" : "automatic light sleep",
        ...{ plain: of("none"), resumed: of("resumed"), full: of("full") },
      };
    }),
  );
}

/**
 * upy-esp32-experiments, ESP32WakeStubs: to wake, run a stub of nothing, and sleep again, 2.8 ms; the board's draw is in it,
 * a reading over I2C is not.
 */
const STUB_MC = 0.044;
const WAKES = 1440;
/** ESP32 datasheet v5.2, deep sleep: ULP coprocessor on; ULP sensor-monitored pattern, 1 % duty. */
const ULP_MA = 0.15;
const ULP_SPARSE_MA = 0.1;

export function halvingsOf(rows: readonly Row[]): Halving[] {
  const now = rows.find(
    ({ chip, variant, policy }) => chip === "ESP32" && variant === "INA226" && policy === "batch of an hour",
  )!;
  const mAh = now.mAhPerDay!.typical;
  const { esp32 } = chips;
  const bootMc = (typicalOf(timings.boot.esp32) * typicalOf(esp32.boot)) / 1000;
  const sampling = (now.parts.boot / now.boots) * WAKES + now.parts.awake;
  const perBoot = (mC: number) => (mC * WAKES) / 3600;
  const asleep = typicalOf(esp32.deepSleep);
  const of = (name: string, value: number): Halving => ({ name, mAh: value, share: value / mAh });
  return [
    of("as it is", mAh),
    of("  of it its boots", now.parts.boot),
    of("  its sessions", now.parts.radio),
    of("  its sleep", now.parts.sleep),
    of("each reading in a wake stub, a boot a session", mAh - sampling + perBoot(STUB_MC)),
    of(
      "pulses counted by the ULP at 1 % (no wake to sample)",
      mAh - sampling + (ULP_SPARSE_MA - asleep) * 24,
    ),
    of("pulses counted by the ULP, always on", mAh - sampling + (ULP_MA - asleep) * 24),
    of(
      "several samples a boot, light sleep between them",
      mAh - sampling + (typicalOf(esp32.lightSleep) - asleep) * 24,
    ),
    of("a reading each 2 minutes", mAh - sampling / 2),
    of("a boot of half the time", mAh - (bootMc * now.boots) / 2 / 3600),
    of("a passphrase in place of the key", typical(rows, "INA226, passphrase", "batch of an hour")),
    of("with sessions that cost nothing", mAh - now.parts.radio),
  ];
}
