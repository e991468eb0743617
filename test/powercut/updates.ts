import { type CutMoment, cutMoments } from "../../hal-mocks/power";
import { appImage, nativeImage } from "../support/images";
import { type Behaviour, type Frozen, type Package, pack, UpdateNode } from "../support/update-node";

const OLD = 1;
const NEW = 2;
const APP = 11;
const NEXT_APP = 12;
/** A loss of power on trial costs a trial, after which the offer is to come again. */
const SESSIONS = 5;

type Step = Package | { lost: number; of: Package };

interface Scenario {
  /** What the node has from before. */
  before?: (node: UpdateNode) => void;
  behaviours?: Readonly<Record<number, Behaviour>>;
  steps: readonly Step[];
  /** Images that may run at any time, and those that run in the end. 0 is the app that is built in. */
  native: readonly number[];
  app: readonly number[];
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

function scenarios(): Record<string, Scenario> {
  const native = pack("native", 5, nativeImage(NEW), { epoch: 3 });
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
      ...{
        steps: [native, pack("app", 2, appImage(NEXT_APP), { epoch: 3 })],
        native: [OLD, NEW],
        app: [0, NEXT_APP],
      },
      end: { native: NEW, app: NEXT_APP },
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
  first: number;
  second: number;
  mostBoots: number;
  faults: string[];
}

export interface UpdateOptions {
  /** 2: recoveries are cut as well. */
  depth: 1 | 2;
  /** Of the cuts, one in so many, and which. */
  every?: number;
  offset?: number;
  everySecond?: number;
  only?: string;
  mostFaults?: number;
  onProgress?: (share: number) => void;
}

interface CutAt {
  operation: number;
  moment: CutMoment;
}

/** Cuts each scenario at each change of its flash, and again at each change of what follows. */
export function exploreUpdates(options: UpdateOptions): UpdateTally {
  const { depth, every = 1, offset = 0, everySecond = 1, only, mostFaults = 10, onProgress } = options;
  const tally: UpdateTally = { first: 0, second: 0, mostBoots: 0, faults: [] };
  const all = Object.entries(scenarios()).filter(([name]) => !only || name === only);
  let turn = 0;
  for (const [index, [name, scenario]] of all.entries()) {
    const start = begun(scenario);
    const whole = run(scenario, start, []);
    note(tally, `${name}, uncut`, whole);
    for (const cut of cutsOf(whole.operations)) {
      if (turn++ % every !== offset || tally.faults.length >= mostFaults) continue;
      tally.first++;
      const outcome = run(scenario, start, [cut]);
      note(tally, `${name}, ${textOf(cut)}`, outcome);
      if (depth === 1 || cut.moment === "torn") onProgress?.(index / all.length);
      if (depth === 1) continue;
      for (const [place, second] of cutsOf(outcome.operations - cut.operation).entries()) {
        if ((place + turn) % everySecond) continue;
        tally.second++;
        const both = run(scenario, start, [cut, second]);
        note(tally, `${name}, ${textOf(cut)}, then ${textOf(second)}`, both);
      }
    }
    onProgress?.((index + 1) / all.length);
  }
  return tally;
}

function note(tally: UpdateTally, what: string, { fault, boots }: Outcome): void {
  tally.mostBoots = Math.max(tally.mostBoots, boots);
  if (fault) tally.faults.push(`${what}: ${fault}`);
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

interface Outcome {
  operations: number;
  boots: number;
  fault: string | undefined;
}

function begun({ before }: Scenario): Frozen {
  const node = new UpdateNode();
  node.flash("ota_0", nativeImage(OLD));
  before?.(node);
  return node.freeze();
}

function run(scenario: Scenario, start: Frozen, cuts: readonly CutAt[]): Outcome {
  const node = new UpdateNode(start);
  node.behaviours = scenario.behaviours ?? {};
  const left = [...cuts];
  const cutNext = () => {
    const cut = left.shift();
    if (cut) node.power.cutAt(cut.operation, cut.moment, cut.operation);
  };
  node.onCut = cutNext;
  cutNext();
  let boots = 0;
  let fault: string | undefined;
  try {
    for (const step of scenario.steps) {
      node.lost.clear();
      if ("lost" in step) node.lost.add(step.lost);
      node.retained = "lost" in step ? step.of : step;
      node.live("power", SESSIONS);
      boots = Math.max(boots, node.boots);
    }
    fault = judge(scenario, node);
  } catch (error) {
    fault = String(error);
  }
  return { operations: node.power.operations, boots, fault };
}

function judge({ native, app, end }: Scenario, { ran, keyValue }: UpdateNode): string | undefined {
  const stranger = ran.find((did) => !native.includes(did.native) || !app.includes(did.app));
  if (stranger) return `native ${stranger.native} ran with app ${stranger.app}`;
  const last = ran[ran.length - 1];
  if (last.native !== end.native || last.app !== end.app)
    return `it ends with native ${last.native} and app ${last.app}`;
  const host = keyValue.get("config")?.get("host");
  return host === end.host ? undefined : `it ends with host ${host}`;
}
