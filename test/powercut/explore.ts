import type { CutMoment } from "../../hal-mocks/power";
import type { Hal } from "../../src/hal";
import type { Machine } from "../../tools/sim/machine";
import { History, type Loss } from "./history";
import { type Frozen, Memory, type Part, withoutPower } from "./memory";
import { Node, type Seams } from "./node";

export const START = Date.UTC(2026, 5, 1);
export const MINUTE = 60_000;
/** How long the power is off, and how long a reset takes. */
export const OFF_MS: Record<Loss, number> = { power: 3_000, reset: 200 };
/** Enough for the longest wait behind a failed session, with samples in between. */
const MOST_WAKES = 40;

/** The scenario's minutes. */
const TIME_KNOWN = 3;
const NETWORK_UP = 2;
const DROPS = [5, 7];
const OUTAGE = [8, 39];
const MINUTES = 43;

/** The state of a node at the moment when its power goes, and how it got there. */
export interface Cut {
  readonly part: Part;
  readonly moment: CutMoment;
  readonly loss: Loss;
  readonly frozen: Frozen;
  readonly history: History;
  readonly poweredAt: number;
  readonly now: number;
}

/** What was seen of one run. */
export interface Outcome {
  history: History;
  operations: number;
  wakes: number;
  /** Every cut of every operation, in their order. */
  cuts: Cut[];
  /** What else did not hold. */
  faults?: string[];
}

/** Collects the cuts of a run. */
export class Cuts {
  readonly all: Cut[] = [];
  readonly #node: Node;
  readonly #history: History;
  readonly #poweredAt: number;

  constructor(node: Node, memory: Memory, history: History, poweredAt: number) {
    this.#node = node;
    this.#history = history;
    this.#poweredAt = poweredAt;
    memory.onMoment = (part, moment, frozen) => this.#onMoment(part, moment, frozen, memory.operations);
  }

  #onMoment(part: Part, moment: CutMoment, frozen: Frozen, operation: number): void {
    const { now } = this.#node.clock;
    if (part === "retained" && moment === "after") this.#history.kept = this.#history.taken.length;
    const name = `${part} ${operation} ${moment} at ${(now - START) / 1000} s`;
    const isTornRetained = part === "retained" && moment === "torn";
    const losses: Loss[] = moment === "torn" && !isTornRetained ? ["power"] : ["power", "reset"];
    for (const loss of losses) {
      const isKept = loss === "reset" && !isTornRetained;
      const history = this.#history.upTo(`${loss}: ${name}`, now, isKept);
      const { underWay } = this.#node;
      if (underWay && moment !== "before")
        history.stored.push({ payload: underWay, isWhole: moment === "after" });
      const left = loss === "power" ? withoutPower(frozen) : frozen;
      this.all.push({ part, moment, loss, frozen: left, history, poweredAt: this.#poweredAt, now });
    }
  }
}

/** The scenario, uncut: from an erased node to one that has lived through outages. */
export async function scenario(seams?: Seams, minutes = MINUTES): Promise<Outcome> {
  const memory = new Memory();
  const history = new History();
  const minute = (now: number) => (now - START) / MINUTE;
  const isIn = (now: number, [from, to]: readonly number[]) => minute(now) >= from && minute(now) < to;
  const node = new Node({
    ...{ memory, history, poweredAt: START, now: START, seams },
    brokerMode: (now) => (isIn(now, DROPS) ? "drops" : "good"),
    knowsTime: (now) => minute(now) >= TIME_KNOWN,
  });
  const cuts = new Cuts(node, memory, history, START);
  node.link.down();
  const at = (when: number, what: () => void) => node.clock.set(what, when * MINUTE);
  at(NETWORK_UP, () => node.link.up());
  at(OUTAGE[0], () => node.link.down());
  at(OUTAGE[1], () => node.link.up());
  await node.pass(minutes * MINUTE);
  await node.close();
  return { history, operations: memory.operations, wakes: node.wakes, cuts: cuts.all };
}

export interface RecoveryOptions {
  seams?: Seams;
  /** Whether the cuts of the recovery are wanted. */
  isCut?: boolean;
  machine?: (hal: Hal) => Machine;
}

/** The power is back: until all that waits is sent. */
export async function recover(cut: Cut, { seams, isCut, machine }: RecoveryOptions = {}): Promise<Outcome> {
  const memory = new Memory(cut.frozen);
  const history = new History(cut.history, cut.history.cuts, cut.history.times);
  const now = cut.now + OFF_MS[cut.loss];
  const poweredAt = cut.loss === "power" ? now : cut.poweredAt;
  const node = new Node({ memory, history, poweredAt, now, seams, machine });
  const cuts = isCut ? new Cuts(node, memory, history, poweredAt) : undefined;
  try {
    await node.recover(MOST_WAKES);
  } finally {
    await node.close();
  }
  return { history, operations: memory.operations, wakes: node.wakes, cuts: cuts?.all ?? [] };
}
