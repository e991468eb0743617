import { createHash } from "node:crypto";
import { type CutMoment, cutMoments } from "../../hal-mocks/power";
import { VERSION } from "../../src/version";
import { appImage, nativeImage } from "../support/images";
import { type Behaviour, type Frozen, type Package, pack, UpdateNode } from "../support/update-node";

const OLD = 1;
const NEW = 2;
const APP = 11;
const BAD = 3;
const NEXT_APP = 12;
/** A loss of power on trial costs a trial, after which the offer is to come again. */
const SESSIONS = 5;

type Step = Package | { lost: number; of: Package };

interface Scenario {
  /** What the node has from before. */
  before?: (node: UpdateNode) => void;
  behaviours?: Readonly<Record<number, Behaviour>>;
  /** Of native images. */
  engines?: Readonly<Record<number, string>>;
  steps: readonly Step[];
  /** Images that may run at any time, and those that run in the end. 0 is the app that is built in. */
  native: readonly number[];
  app: readonly number[];
  /** Of native images, the apps that may run on them; default: all. */
  on?: Readonly<Record<number, readonly number[]>>;
  end: { native: number; app: number; host?: string };
}

const settings = (host: string) => Uint8Array.from(Buffer.from(JSON.stringify({ host })));
const withApp = (node: UpdateNode) => {
  node.retained = pack("app", 1, appImage(APP));
  node.live("power", 2);
};
const withFactoryApp = (node: UpdateNode) => {
  node.flash("xs", appImage(APP));
  node.live("power", 1);
};
const withHost = (node: UpdateNode) => {
  node.keyValue.set("config", new Map([["host", "old"]]));
};

/** An app is bytecode of one engine. */
const PAIR_ENGINES = { [NEW]: "13.4", [BAD]: "13.5" };
const native = pack("native", 5, nativeImage(NEW), { epoch: 3 });
const appForNew = pack("app", 2, appImage(NEXT_APP), {
  epoch: 3,
  base: { build: VERSION, engine: PAIR_ENGINES[NEW] },
});
const withNew = (node: UpdateNode) => {
  withApp(node);
  node.retained = native;
  node.live("power", 2);
};
const withPair = (node: UpdateNode) => {
  withNew(node);
  node.retained = appForNew;
  node.live("power", 2);
};

function scenarios(): Record<string, Scenario> {
  const app = pack("app", 2, appImage(NEXT_APP));
  const both = { native: [OLD], app: [APP, NEXT_APP] };
  return {
    "native install": { steps: [native], native: [OLD, NEW], app: [0], end: { native: NEW, app: 0 } },
    "native revert": {
      ...{ behaviours: { [NEW]: "hangs" }, steps: [native], native: [OLD, NEW], app: [0] },
      end: { native: OLD, app: 0 },
    },
    "native that never starts": {
      ...{ behaviours: { [NEW]: "dead" }, steps: [native], native: [OLD], app: [0] },
      end: { native: OLD, app: 0 },
    },
    "first app install": {
      steps: [app],
      native: [OLD],
      app: [0, NEXT_APP],
      end: { native: OLD, app: NEXT_APP },
    },
    "first app revert": {
      ...{ behaviours: { [NEXT_APP]: "throws" }, steps: [app], native: [OLD], app: [0, NEXT_APP] },
      end: { native: OLD, app: 0 },
    },
    // While it is copied back, or not yet known to be whole, the one that is built in runs.
    "app install": { before: withApp, steps: [app], ...both, end: { native: OLD, app: NEXT_APP } },
    "app revert": {
      ...{ before: withApp, behaviours: { [NEXT_APP]: "throws" }, steps: [app], ...both },
      end: { native: OLD, app: APP },
    },
    "factory app revert": {
      ...{ before: withFactoryApp, behaviours: { [NEXT_APP]: "silent" } },
      ...{ steps: [app], ...both, end: { native: OLD, app: APP } },
    },
    "native and app pair": {
      ...{ before: withApp, engines: PAIR_ENGINES, steps: [native, appForNew] },
      ...{ native: [OLD, NEW], app: [0, APP, NEXT_APP], on: { [OLD]: [0, APP], [NEW]: [0, NEXT_APP] } },
      end: { native: NEW, app: NEXT_APP },
    },
    "revert of the native image of a pair": {
      ...{ before: withPair, engines: PAIR_ENGINES, behaviours: { [BAD]: "hangs" } },
      ...{ steps: [pack("native", 6, nativeImage(BAD), { epoch: 3 })], native: [NEW, BAD] },
      ...{ app: [0, NEXT_APP], on: { [BAD]: [0] }, end: { native: NEW, app: NEXT_APP } },
    },
    "revert of the app of a pair": {
      ...{ before: withNew, engines: PAIR_ENGINES, behaviours: { [NEXT_APP]: "throws" }, steps: [appForNew] },
      ...{ native: [NEW], app: [0, NEXT_APP], end: { native: NEW, app: 0 } },
    },
    resume: {
      ...{ steps: [{ lost: 2, of: native }, native], native: [OLD, NEW], app: [0] },
      end: { native: NEW, app: 0 },
    },
    "settings install": {
      ...{ before: withHost, steps: [pack("config", 1, settings("new"))], native: [OLD], app: [0] },
      end: { native: OLD, app: 0, host: "new" },
    },
    "settings revert": {
      ...{ before: withHost, behaviours: { [OLD]: "silent" }, steps: [pack("config", 1, settings("new"))] },
      ...{ native: [OLD], app: [0], end: { native: OLD, app: 0, host: "old" } },
    },
  };
}

/** What was found. */
export interface UpdateTally {
  /** Cuts of the scenarios, and of the recoveries from them. */
  first: number;
  second: number;
  /** Those that were run: what a cut leaves may be what another one has left. */
  runs: number;
  mostBoots: number;
  faults: string[];
}

export interface UpdateOptions {
  /** 2: recoveries are cut as well. */
  depth: 1 | 2;
  /** Of the scenarios' cuts, one in so many, and which. */
  every?: number;
  offset?: number;
  /** One in so many of the cuts of a recovery. */
  everySecond?: number;
  /** One scenario. Default: all. */
  only?: string;
  /** Ends after so many faults. */
  mostFaults?: number;
  onProgress?: (share: number) => void;
}

export function emptyUpdateTally(): UpdateTally {
  return { first: 0, second: 0, runs: 0, mostBoots: 0, faults: [] };
}

interface CutAt {
  operation: number;
  moment: CutMoment;
}

/** A node without power, in a scenario. */
interface Place {
  frozen: Frozen;
  step: number;
  /** Sleeps that are still to come in that step. */
  left: number;
  floors: readonly number[];
  /** What has run before. */
  ran: UpdateNode["ran"];
}

/** Cuts each scenario at each change of its flash, and again at each change of what follows. */
export function exploreUpdates(options: UpdateOptions): UpdateTally {
  const tally = emptyUpdateTally();
  const { only } = options;
  const all = Object.entries(scenarios()).filter(([name]) => only === undefined || name === only);
  let turn = 0;
  for (const [index, [name, scenario]] of all.entries()) {
    turn = new Exploration(name, scenario, tally, options).run(turn);
    options.onProgress?.((index + 1) / all.length);
  }
  return tally;
}

class Exploration {
  readonly #name: string;
  readonly #scenario: Scenario;
  readonly #tally: UpdateTally;
  readonly #options: UpdateOptions;
  /** What cuts have left that were recovered from, and of which the recoveries were cut as well. */
  readonly #recovered = new Set<string>();
  readonly #expanded = new Set<string>();

  constructor(name: string, scenario: Scenario, tally: UpdateTally, options: UpdateOptions) {
    this.#name = name;
    this.#scenario = scenario;
    this.#tally = tally;
    this.#options = options;
  }

  /** @returns how many cuts of all scenarios there were so far. */
  run(before: number): number {
    const { depth, every = 1, offset = 0, everySecond = 1, mostFaults = 10 } = this.#options;
    const tally = this.#tally;
    const start = begun(this.#scenario);
    const { operations } = this.#recover(start, "uncut");
    let turn = before;
    if (tally.faults.length >= mostFaults) return turn;
    for (const cut of cutsOf(operations)) {
      if (turn++ % every !== offset || tally.faults.length >= mostFaults) continue;
      tally.first++;
      const what = textOf(cut);
      const place = this.#cut(start, cut, what, this.#expanded);
      if (!place) continue;
      const recovery = this.#recover(place, what);
      if (depth === 1) continue;
      for (const [index, second] of cutsOf(recovery.operations).entries()) {
        if ((index + turn) % everySecond) continue;
        tally.second++;
        const both = `${what}, then ${textOf(second)}`;
        const next = this.#cut(place, second, both, this.#recovered);
        if (next) this.#recover(next, both);
      }
    }
    return turn;
  }

  /** What a cut leaves; undefined when that is `known` already. */
  #cut(from: Place, { operation, moment }: CutAt, what: string, known: Set<string>): Place | undefined {
    const node = this.#node(from);
    node.power.cutAt(operation, moment, operation);
    let isCut = false;
    node.onCut = () => {
      isCut = true;
      return true;
    };
    const step = this.#live(node, from, what, () => isCut);
    if (!isCut || step === undefined) return undefined;
    const { left, floors, ran } = node;
    const place = { frozen: node.freeze(), step, left, floors, ran };
    const key = keyOf(place);
    if (known.has(key)) return undefined;
    known.add(key);
    return place;
  }

  /** The power is back, and stays. */
  #recover(from: Place, what: string): { operations: number } {
    const node = this.#node(from);
    this.#tally.runs++;
    if (this.#live(node, from, what, () => false) !== undefined) {
      const fault = judge(this.#scenario, node);
      if (fault) this.#fault(what, fault);
    }
    return { operations: node.power.operations };
  }

  #node({ frozen, floors, ran }: Place): UpdateNode {
    const node = new UpdateNode(frozen);
    const { behaviours = {}, engines = {} } = this.#scenario;
    Object.assign(node, { behaviours, engines });
    node.floors = floors;
    node.ran.push(...ran);
    return node;
  }

  /** @returns the step at which it has ended; undefined, and noted, when it has failed. */
  #live(
    node: UpdateNode,
    { step: first, left }: Place,
    what: string,
    isOver: () => boolean,
  ): number | undefined {
    const { steps } = this.#scenario;
    try {
      for (let step = first; step < steps.length; step++) {
        const given = steps[step];
        node.lost.clear();
        if ("lost" in given) node.lost.add(given.lost);
        node.retained = "lost" in given ? given.of : given;
        node.live("power", step === first ? left : SESSIONS);
        this.#tally.mostBoots = Math.max(this.#tally.mostBoots, node.boots);
        if (isOver()) return step;
      }
      return steps.length;
    } catch (error) {
      this.#fault(what, String(error));
      return undefined;
    }
  }

  #fault(what: string, fault: string): void {
    this.#tally.faults.push(`${this.#name}, ${what}: ${fault}`);
  }
}

function textOf({ operation, moment }: CutAt): string {
  return `cut ${moment} operation ${operation}`;
}

function cutsOf(operations: number): CutAt[] {
  const cuts: CutAt[] = [];
  for (let operation = 0; operation < operations; operation++)
    for (const moment of cutMoments) cuts.push({ operation, moment });
  return cuts;
}

/** What decides about all that follows. What ran before is judged by what runs at the end of each. */
function keyOf({ frozen, step, left, floors, ran }: Place): string {
  const hash = createHash("sha1");
  for (const [name, { bytes }] of frozen.partitions) hash.update(name).update(bytes);
  const kinds = [...new Set(ran.map(({ native, app }) => `${native} ${app}`))].sort();
  hash.update(
    JSON.stringify([[...frozen.keyValue].map(([name, of]) => [name, [...of]]), step, left, floors, kinds]),
  );
  return hash.digest("hex");
}

function begun({ before, engines = {} }: Scenario): Place {
  const node = new UpdateNode();
  node.engines = engines;
  node.flash("ota_0", nativeImage(OLD));
  before?.(node);
  return { frozen: node.freeze(), step: 0, left: SESSIONS, floors: [0, 0, 0, 0], ran: [] };
}

function judge({ native, app, on = {}, end }: Scenario, { ran, keyValue }: UpdateNode): string | undefined {
  const stranger = ran.find(
    (did) => !native.includes(did.native) || !(on[did.native] ?? app).includes(did.app),
  );
  if (stranger) return `native ${stranger.native} ran with app ${stranger.app}`;
  const last = ran[ran.length - 1];
  if (last.native !== end.native || last.app !== end.app)
    return `it ends with native ${last.native} and app ${last.app}`;
  const host = keyValue.get("config")?.get("host");
  return host === end.host ? undefined : `it ends with host ${host}`;
}
