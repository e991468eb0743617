import { Checker } from "./check";
import { type Cut, type Outcome, type RecoveryOptions, recover, scenario } from "./explore";
import type { Seams } from "./node";

/** What was found. */
export interface Tally {
  /** Cuts of the scenario, and of the recoveries from them. */
  first: number;
  second: number;
  /** Those that were run: what a cut leaves may be what another one has left. */
  runs: number;
  mostOperations: number;
  mostWakes: number;
  /** What did not hold, with the cuts that it needs. */
  faults: string[];
}

/** What a node lives through, and how it goes on after a cut of that. */
export interface World {
  scenario: (seams?: Seams) => Promise<Outcome>;
  recover: (cut: Cut, options?: RecoveryOptions) => Promise<Outcome>;
}

export interface ExploreOptions {
  /** Default: outages, and no updates. */
  world?: World;
  /** 2: recoveries are cut as well. */
  depth: 1 | 2;
  /** Of the scenario's cuts, one in so many. */
  every?: number;
  /** Which of them. */
  offset?: number;
  /** One in so many of the cuts of a recovery. */
  everySecond?: number;
  seams?: Seams;
  /** Ends after so many faults. */
  mostFaults?: number;
  onProgress?: (share: number) => void;
}

export function emptyTally(): Tally {
  return { first: 0, second: 0, runs: 0, mostOperations: 0, mostWakes: 0, faults: [] };
}

/** Cuts a node at each operation of the scenario, and again at each operation of what follows. */
export async function explore(options: ExploreOptions): Promise<Tally> {
  const { depth, every = 1, offset = 0, everySecond = 1, seams, mostFaults = 10, onProgress } = options;
  const { world = { scenario, recover } } = options;
  const tally = emptyTally();
  const checker = new Checker();
  const whole = await world.scenario(seams);
  const uncut = [...checker.faults(whole.history), ...(whole.faults ?? [])];
  tally.faults.push(...uncut.map((fault) => `uncut: ${fault}`));

  const run = async (cut: Cut, isCut: boolean): Promise<Cut[]> => {
    tally.runs++;
    const { cuts } = cut.history;
    try {
      const outcome = await world.recover(cut, { seams, isCut });
      const { history, operations, wakes, cuts: further, faults = [] } = outcome;
      tally.mostOperations = Math.max(tally.mostOperations, operations);
      tally.mostWakes = Math.max(tally.mostWakes, wakes);
      for (const fault of [...checker.faults(history), ...faults])
        tally.faults.push(`${cuts.join(", then ")}: ${fault}`);
      return further;
    } catch (error) {
      tally.faults.push(`${cuts.join(", then ")}: ${error}`);
      return [];
    }
  };

  const first = grouped(whole.cuts, momentOf);
  const expanded = new Set(grouped(whole.cuts, memoryOf).map(([cut]) => cut));
  for (const [index, group] of first.entries()) {
    if (index % every !== offset) continue;
    if (tally.faults.length >= mostFaults) break;
    tally.first += group.length;
    const isCut = depth === 2 && expanded.has(group[0]);
    for (const [place, further] of grouped(await run(group[0], isCut), memoryOf).entries()) {
      if ((place + index) % everySecond) continue;
      tally.second += further.length;
      await run(further[0], false);
    }
    onProgress?.((index + 1) / first.length);
  }
  return tally;
}

/** Numbers objects, by which they are. */
class Known {
  readonly #numbers = new Map<object, number>();

  of(object: object): number {
    const number = this.#numbers.get(object) ?? this.#numbers.size;
    this.#numbers.set(object, number);
    return number;
  }
}

/** Cuts for which `keyOf` says the same. */
function grouped(cuts: readonly Cut[], keyOf: (cut: Cut, known: Known) => string): Cut[][] {
  const groups = new Map<string, Cut[]>();
  const known = new Known();
  for (const cut of cuts) {
    const key = keyOf(cut, known);
    const group = groups.get(key);
    if (group) group.push(cut);
    else groups.set(key, [cut]);
  }
  return [...groups.values()];
}

/** Which bytes a cut leaves, whenever it comes. Retained memory that is torn is none. */
function memoryOf({ loss, part, moment, frozen }: Cut, known: Known): string {
  const { flash, keyValue, retained, images = flash } = frozen;
  const parts: (string | number)[] = [loss, known.of(flash), known.of(keyValue), known.of(images)];
  if (loss === "reset") parts.push(part === "retained" && moment === "torn" ? "torn" : known.of(retained));
  return parts.join(" ");
}

/** What a cut leaves, and of which history: between two of the same nobody could tell. */
function momentOf(cut: Cut, known: Known): string {
  const { loss, frozen, history, now } = cut;
  const { received, stored, taken } = history;
  const { flash, keyValue, retained, images = flash } = frozen;
  const memory = [flash, keyValue, images, ...(loss === "reset" ? [retained] : [])].map((part) =>
    known.of(part),
  );
  return [loss, ...memory, now, received.length, stored.length, taken.length].join(" ");
}
