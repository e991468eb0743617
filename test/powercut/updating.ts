import type { Partition } from "../../hal-mocks/flash";
import { createFlash } from "../../hal-mocks/flash";
import { Journal } from "../../src/ota/journal";
import { phaseOf } from "../../src/ota/state";
import { hexOf, offerTopic } from "../../src/ota/topics";
import { blocksOf, sha256 } from "../../tools/ota/package";
import { appImage, nativeImage } from "../support/images";
import { type Package, pack, signer } from "../support/update-node";
import { IDENTITY } from "../support/updates";
import type { World } from "./cuts";
import { type Cut, Cuts, MINUTE, OFF_MS, START } from "./explore";
import { History } from "./history";
import { Memory } from "./memory";
import { Node, type NodeUpdates } from "./node";

const OLD = 1;
const NEW = 2;
const APP = 11;
const BAD_APP = 12;
const MINUTES = 9;
/** Sessions are a minute apart; a trial that has lost its power is tried again in one of them. */
const MOST_WAKES = 120;

/** What is published, and in which minute: an app, a whole firmware, and an app that is bad. */
const releases: readonly { minute: number; of: Package; phase: string }[] = [
  { minute: 1.5, of: pack("app", 1, appImage(APP)), phase: "confirmed" },
  { minute: 4, of: pack("native", 5, nativeImage(NEW)), phase: "confirmed" },
  { minute: 6.5, of: pack("app", 2, appImage(BAD_APP)), phase: "reverted" },
];

/** The last one that was published by then. */
function releaseAt(now: number): (typeof releases)[number] | undefined {
  return releases.filter(({ minute }) => now - START >= minute * MINUTE).at(-1);
}

const blocks = new Map<string, Uint8Array>();
for (const { of } of releases) {
  const name = hexOf(sha256(of.image).subarray(0, 8));
  for (const [index, block] of blocksOf(of.image).entries()) blocks.set(`gmu/${name}/${index}`, block);
}
const offers = releases.map(({ of }) =>
  new Map(blocks).set(offerTopic(IDENTITY.deviceClass), of.announcement),
);

function retainedAt(now: number): ReadonlyMap<string, Uint8Array> {
  const release = releaseAt(now);
  return release ? offers[releases.indexOf(release)] : blocks;
}

function updatesOf(history: History): NodeUpdates {
  return {
    retained: retainedAt,
    settings: { ...IDENTITY, keys: [signer.trusted] },
    badApp: BAD_APP,
    onBoot: (native, app) => void history.ran.push({ native, app }),
    isSettled: (node) => faultsOf(node.memory.images!.partition("update"), node.clock.now) === undefined,
  };
}

function stateIn(update: Partition) {
  return new Journal(createFlash(new Map([["update", update]])).open({ path: "update" })).state;
}

/** Why the last update has not come to its end. */
function faultsOf(update: Partition, now: number): string | undefined {
  const release = releaseAt(now);
  if (!release) return undefined;
  const state = stateIn(update);
  const phase = phaseOf(state);
  if (state.version === release.of.version && phase === release.phase) return undefined;
  return `update ${state.version} is ${phase}`;
}

function floorsIn(update: Partition): number[] {
  const { floorNative, floorApp, floorConfig, floorEpoch } = stateIn(update);
  return [floorNative, floorApp, floorConfig, floorEpoch];
}

/** A node with its readings, its sessions and a meter, to which updates come. */
export const updating: World = {
  async scenario(seams) {
    const memory = new Memory(undefined, nativeImage(OLD));
    const history = new History();
    const options = { memory, history, poweredAt: START, now: START, seams, updates: updatesOf(history) };
    const node = new Node(options);
    const cuts = new Cuts(node, memory, history, START);
    await node.pass(MINUTES * MINUTE);
    await node.close();
    const { operations } = memory;
    const fault = faultsOf(memory.images!.partition("update"), node.clock.now);
    return { history, operations, wakes: node.wakes, cuts: cuts.all, faults: fault ? [fault] : [] };
  },

  async recover(cut: Cut, { seams, isCut } = {}) {
    const memory = new Memory(cut.frozen);
    const history = new History(cut.history, cut.history.cuts, cut.history.times);
    const now = cut.now + OFF_MS[cut.loss];
    const poweredAt = cut.loss === "power" ? now : cut.poweredAt;
    const resetReason = cut.loss === "power" ? "power" : "watchdog";
    const updates = updatesOf(history);
    const node = new Node({ memory, history, poweredAt, now, seams, updates, resetReason });
    const cuts = isCut ? new Cuts(node, memory, history, poweredAt) : undefined;
    try {
      await node.recover(MOST_WAKES);
    } finally {
      await node.close();
    }
    const faults: string[] = [];
    const before = floorsIn(cut.frozen.images!.get("update")!);
    const after = floorsIn(memory.images!.partition("update"));
    if (after.some((floor, index) => floor < before[index]))
      faults.push(`the floor falls from ${before} to ${after}`);
    return { history, operations: memory.operations, wakes: node.wakes, cuts: cuts?.all ?? [], faults };
  },
};
