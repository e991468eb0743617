import { type Activity, stateOf } from "./activity";
import { chips } from "./chips";
import { type Entry, isKnown, missing, type Range, scale, sum } from "./figure";
import type { EnergySettings } from "./settings";
import { timings } from "./timings";

/** What a terminal has kept from an earlier session, and how it connects. */
export interface SessionPlan {
  channel: "cached" | "searched";
  address: "static" | "DHCP";
  broker: "address" | "name";
  tls: "none" | "full" | "resumed";
  /** The chip sleeps deeply between sessions, and boots for each. */
  boots: boolean;
}

export interface Phase {
  activity: Activity;
  ms: Entry;
}

/** The SDK's socket takes a few turns of its loop to close (SOCKET_CLOSE_MS in src/comms/session.ts). */
const CLOSE_MS = 20;

/** A session as the sequence that it is; the times depend on what is cached. */
export function phasesOf(plan: SessionPlan, { chip, validates }: EnergySettings): Phase[] {
  const { boot, validation, radioStart, tcpConnectMs, roundTripMs } = timings;
  const phases: Phase[] = [];
  const add = (activity: Activity, ms: Entry) => phases.push({ activity, ms });
  if (plan.boots && validates) add("validation", validation[chip]);
  if (plan.boots) add("boot", boot[chip]);
  add("radio start", radioStart);
  // The measured time of an association has the radio's start in it.
  const search = plan.channel === "cached" ? timings.rejoinMs : timings.associateMs;
  add("join", { ...search, ...less(search, radioStart.typical) });
  if (plan.address === "DHCP") add("address", timings.addressMs);
  if (plan.broker === "name") add("resolve", timings.resolveMs);
  add("connect", tcpConnectMs);
  if (plan.tls === "full") add("tls", timings.handshakeMs);
  if (plan.tls === "resumed") add("tls", timings.resumeMs);
  // CONNECT; SUBSCRIBE with the frames; DISCONNECT, and the socket's end.
  add("exchange", roundTripMs);
  add("exchange", roundTripMs);
  add("exchange", roundTripMs);
  add("listen", { ...roundTripMs, low: CLOSE_MS, typical: CLOSE_MS, high: CLOSE_MS });
  return phases;
}

function less({ low, typical, high }: Range, ms: number): Range {
  return { low: low - ms, typical: typical - ms, high: high - ms };
}

/** Millicoulombs of the chip, or what nobody has published of them. */
export function sessionCharge(plan: SessionPlan, settings: EnergySettings): Range | { missing: string } {
  const { chip, powerSave, dtim } = settings;
  const parts: Range[] = [];
  for (const { activity, ms } of phasesOf(plan, settings)) {
    const mA = chips[chip][stateOf(activity, powerSave, dtim)];
    if (!isKnown(mA)) return mA;
    if (!isKnown(ms)) return ms;
    parts.push(scale(mA, ms.typical / 1000));
  }
  return sum(parts);
}

/**
 * T*, in seconds: to reconnect less often than that from deep sleep draws less than to stay associated,
 * Q / (I_associated − I_asleep).
 */
export function breakEvenSeconds(plan: SessionPlan, settings: EnergySettings): number | { missing: string } {
  const { chip, powerSave, dtim } = settings;
  const charge = sessionCharge({ ...plan, boots: true }, settings);
  if ("missing" in charge) return charge;
  const associated = chips[chip][`${powerSave}${dtim}`];
  const asleep = chips[chip].deepSleep;
  if (!isKnown(associated) || !isKnown(asleep)) return missing(`the current of an associated ${chip}`);
  return charge.typical / (associated.typical - asleep.typical);
}
