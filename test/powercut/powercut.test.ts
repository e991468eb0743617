import { describe, expect, it } from "vitest";
import { Partition } from "../../hal-mocks/flash";
import { cutMoments, PowerLoss } from "../../hal-mocks/power";
import type * as Cuts from "./cuts";
import { type ExploreOptions, explore } from "./cuts";
import { scenario } from "./explore";
import { Memory } from "./memory";
import { patchedModule } from "./patched";
import { patches, plants } from "./plants";

/** One in so many, primes, so that they spread over all kinds of operations. */
const sample: ExploreOptions = { depth: 2, every: 61, everySecond: 29 };
/** Until the first fault that is found. */
const search: ExploreOptions = { depth: 1, every: 1, mostFaults: 1 };

describe("a node whose power is cut at any operation, and again as it recovers", () => {
  it("has lost, changed and repeated nothing that was stored, but for what it states", async () => {
    const tally = await explore(sample);
    expect(tally.faults).toEqual([]);
    expect(tally.first).toBeGreaterThan(40);
    expect(tally.second).toBeGreaterThan(40);
    // With a full outbox, each of some 25 frames is acknowledged; the rest is a few wakes' and one session's.
    expect(tally.mostOperations).toBeLessThan(80);
    expect(tally.mostWakes).toBeLessThan(20);
  });

  it("has lived through all there is: undated frames, failed sessions, wrap-around and overflow", async () => {
    const { history, cuts } = await scenario();
    expect(history.stored.length).toBeGreaterThan(20);
    const parts = new Set(cuts.map(({ part, moment, loss }) => `${part} ${moment} ${loss}`));
    expect([...parts].sort()).toEqual([
      ...["flash after power", "flash after reset", "flash before power", "flash before reset"],
      ...["flash torn power", "keyValue after power", "keyValue after reset"],
      ...["keyValue before power", "keyValue before reset"],
      ...["retained after power", "retained after reset", "retained before power", "retained before reset"],
      ...["retained torn power", "retained torn reset"],
    ]);
    const { flash } = cuts[cuts.length - 1].frozen;
    expect(Math.min(...flash.erases)).toBeGreaterThan(0);
    expect(Math.max(...flash.erases)).toBeGreaterThan(1);
    expect(history.received.some(({ topic }) => topic.endsWith("/e"))).toBe(true);
  });
});

describe("memory that keeps what a cut would leave", () => {
  it.each(cutMoments)("has the bytes that a flash has whose power goes: %s", (moment) => {
    const first = Uint8Array.from({ length: 512 }, (_, index) => index);
    const memory = new Memory();
    const kept: Partition[] = [];
    memory.onMoment = (_part, at, { flash }) => {
      if (at === moment) kept.push(flash);
    };
    memory.flash.write(first, 0);
    memory.flash.erase(0, 1);
    for (const [operation, { bytes }] of kept.entries()) {
      const partition = new Partition({ byteLength: bytes.length });
      partition.power.cutAt(operation, moment, operation);
      expect(() => {
        partition.write(first, 0);
        partition.erase(0, 1);
      }).toThrow(PowerLoss);
      expect(bytes).toEqual(partition.bytes);
    }
    expect(kept).toHaveLength(2);
  });
});

describe("the check finds", () => {
  it.each(Object.entries(plants))("%s", async (what, seams) => {
    // That shows late, and often: not all of the cuts before need be made.
    const every = what.startsWith("an acknowledgement") ? 5 : 1;
    const { faults } = await explore({ ...search, every, seams });
    expect(faults).not.toEqual([]);
  });

  it.each(Object.entries(patches))("%s", async (_what, patch) => {
    const patched = await patchedModule<typeof Cuts>("cuts", patch);
    const { faults } = await patched.explore(search);
    expect(faults).not.toEqual([]);
  });
});
