import type { LinkOperation } from "../link";
import type { ChipState, Dtim } from "./chips";

/** What a chip is doing, as the rows of a ledger name it. */
export type Activity =
  | "deep sleep"
  | "boot"
  | "validation"
  | "awake"
  | "work"
  | "radio start"
  | "join"
  | "address"
  | "resolve"
  | "connect"
  | "tls"
  | "exchange"
  | "transmit"
  | "listen"
  | "associated";

const STATES: Readonly<Record<Exclude<Activity, "associated">, ChipState>> = {
  "deep sleep": "deepSleep",
  boot: "boot",
  validation: "busy",
  awake: "idle",
  work: "busy",
  "radio start": "boot",
  join: "join",
  address: "receive",
  resolve: "receive",
  connect: "receive",
  tls: "receive",
  exchange: "receive",
  transmit: "transmit",
  listen: "receive",
};

/** How a station that stays associated saves power; the SDK has no automatic light sleep yet. */
export type PowerSave = "modemSleep" | "lightSleep";

export function stateOf(activity: Activity, powerSave: PowerSave, dtim: Dtim): ChipState {
  return activity === "associated" ? `${powerSave}${dtim}` : STATES[activity];
}

export const OPERATIONS: Readonly<Record<LinkOperation, Activity>> = {
  associate: "join",
  rejoin: "join",
  notFound: "join",
  notThere: "join",
  address: "address",
  resolve: "resolve",
  tcpConnect: "connect",
  refused: "connect",
  noRoute: "connect",
  handshake: "tls",
  resume: "tls",
  roundTrip: "exchange",
  lost: "listen",
};

/** Groups for a table of few columns. */
export type Group = "sleep" | "boot" | "awake" | "join" | "session" | "associated" | "other";

export const GROUPS: Readonly<Record<Activity, Group>> = {
  "deep sleep": "sleep",
  boot: "boot",
  validation: "boot",
  awake: "awake",
  work: "awake",
  "radio start": "join",
  join: "join",
  address: "join",
  resolve: "session",
  connect: "session",
  tls: "session",
  exchange: "session",
  transmit: "session",
  listen: "session",
  associated: "associated",
};
