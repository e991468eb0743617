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

interface Release {
  /** In which it is published. */
  minute: number;
  of: Package;
  phase: string;
}

/** An app, a whole firmware, and an app that is bad. */
const all: readonly Release[] = [
  { minute: 1.5, of: pack("app", 1, appImage(APP)), phase: "confirmed" },
  { minute: 4, of: pack("native", 5, nativeImage(NEW)), phase: "confirmed" },
  { minute: 6.5, of: pack("app", 2, appImage(BAD_APP)), phase: "reverted" },
];
/** A firmware alone: what runs on XS is no app that these images stand for. */
const firmware: readonly Release[] = [
  { minute: 1.5, of: pack("native", 5, nativeImage(NEW)), phase: "confirmed" },
];

/** What is published, and by when. */
class Releases {
  readonly #releases: readonly Release[];
  readonly #blocks = new Map<string, Uint8Array>();
  readonly #offers: ReadonlyMap<string, Uint8Array>[];

  constructor(releases: readonly Release[]) {
    this.#releases = releases;
    for (const { of } of releases) {
      const name = hexOf(sha256(of.image).subarray(0, 8));
      for (const [index, block] of blocksOf(of.image).entries())
        this.#blocks.set(`gmu/${name}/${index}`, block);
    }
    this.#offers = releases.map(({ of }) =>
      new Map(this.#blocks).set(offerTopic(IDENTITY.deviceClass), of.announcement),
    );
  }

  /** What the broker keeps. */
  retainedAt(now: number): ReadonlyMap<string, Uint8Array> {
    const release = this.#at(now);
    return release ? this.#offers[this.#releases.indexOf(release)] : this.#blocks;
  }

  /** Why the last update has not come to its end. */
  faultsOf(update: Partition, now: number): string | undefined {
    const release = this.#at(now);
    if (!release) return undefined;
    const state = stateIn(update);
    const phase = phaseOf(state);
    if (state.version === release.of.version && phase === release.phase) return undefined;
    return `update ${state.version} is ${phase}`;
  }

  /** The last one that was published by then. */
  #at(now: number): Release | undefined {
    return this.#releases.filter(({ minute }) => now - START >= minute * MINUTE).at(-1);
  }
}

function updatesOf(history: History, releases: Releases): NodeUpdates {
  return {
    retained: (now) => releases.retainedAt(now),
    settings: { ...IDENTITY, keys: [signer.trusted] },
    badApp: BAD_APP,
    onBoot: (native, app) => void history.ran.push({ native, app }),
    isSettled: (node) =>
      releases.faultsOf(node.memory.images!.partition("update"), node.clock.now) === undefined,
  };
}

function stateIn(update: Partition) {
  return new Journal(createFlash(new Map([["update", update]])).open({ path: "update" })).state;
}

function floorsIn(update: Partition): number[] {
  const { floorNative, floorApp, floorConfig, floorEpoch } = stateIn(update);
  return [floorNative, floorApp, floorConfig, floorEpoch];
}

/** A node with its readings, its sessions and a meter, to which updates come, for so many minutes. */
function worldOf(published: readonly Release[], minutes: number): World {
  const releases = new Releases(published);
  return {
    async scenario(seams) {
      const memory = new Memory(undefined, nativeImage(OLD));
      const history = new History();
      const options = {
        memory,
        history,
        poweredAt: START,
        now: START,
        seams,
        updates: updatesOf(history, releases),
      };
      const node = new Node(options);
      const cuts = new Cuts(node, memory, history, START);
      await node.pass(minutes * MINUTE);
      await node.close();
      const { operations } = memory;
      const fault = releases.faultsOf(memory.images!.partition("update"), node.clock.now);
      return { history, operations, wakes: node.wakes, cuts: cuts.all, faults: fault ? [fault] : [] };
    },

    async recover(cut: Cut, { seams, isCut, machine } = {}) {
      const memory = new Memory(cut.frozen);
      const history = new History(cut.history, cut.history.cuts, cut.history.times);
      const now = cut.now + OFF_MS[cut.loss];
      const poweredAt = cut.loss === "power" ? now : cut.poweredAt;
      const resetReason = cut.loss === "power" ? "power" : "watchdog";
      const updates = updatesOf(history, releases);
      const node = new Node({ memory, history, poweredAt, now, seams, updates, resetReason, machine });
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
}

export const updating = worldOf(all, MINUTES);
export const updatingFirmware = worldOf(firmware, 5);
