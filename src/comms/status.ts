import type { ResetReason } from "../hal";
import type { State } from "../lowpower/state";
import type { Timekeeper } from "../lowpower/timekeeper";
import { VERSION } from "../version";

/** In retained memory, by their place here. */
const RESET_REASONS: readonly ResetReason[] = [
  "unknown",
  "power",
  "sleep",
  "software",
  "panic",
  "watchdog",
  "brown-out",
];

/** Counts a start, and remembers why it happened. */
export function countReset(state: State, reason: ResetReason = "unknown"): void {
  state.resets++;
  state.reset3 = state.reset2;
  state.reset2 = state.reset1;
  state.reset1 = state.reset0;
  state.reset0 = RESET_REASONS.indexOf(reason);
}

/** What the broker publishes on `gm/<device>/s` when it misses a terminal. */
export const WILL = JSON.stringify({ state: "offline" });

/**
 * A terminal's state, as JSON: for people and dashboards, which have no registry. `boot` is its epoch; `resets` are
 * counted in it, the reasons newest first; times are Unix seconds.
 * @param waiting frames and events in the outbox.
 * @param update where updates stand, as `Updater` says it.
 */
export function statusOf(
  state: State,
  time: Timekeeper,
  ticks: number,
  mode: "sleeper" | "resident",
  waiting: number,
  update?: object,
): string {
  const { boot, seq, resets, reset0, reset1, reset2, reset3, dropped, counters, sessionDue } = state;
  const next = time.at(sessionDue);
  const now = time.at(ticks);
  const reasons = [reset0, reset1, reset2, reset3].slice(0, resets).map((code) => RESET_REASONS[code]);
  const { frames, acknowledged, sessions, failedSessions, lost, damaged, readings } = counters;
  return JSON.stringify({
    state: mode === "sleeper" ? "sleeping" : "online",
    version: VERSION,
    ...(now !== undefined && { time: Math.floor(now / 1000), errorMs: time.errorAt(ticks) }),
    ...(mode === "sleeper" && next !== undefined && { next: Math.floor(next / 1000) }),
    boot,
    seq,
    resets,
    reasons,
    waiting,
    dropped,
    lost,
    damaged,
    frames,
    acknowledged,
    sessions,
    failedSessions,
    readings: [...readings],
    update,
  });
}
