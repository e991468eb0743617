import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BLOCK_BYTES, createFlash, Partition } from "../../hal-mocks/flash";
import { type CutMoment, cutMoments, PowerLoss } from "../../hal-mocks/power";
import { JOURNAL_BLOCKS, Journal } from "../../src/ota/journal";
import { decodeUpdateState, encodeUpdateState, hasBlock, newUpdateState } from "../../src/ota/state";

function open(partition: Partition): Journal {
  return new Journal(createFlash(new Map([["update", partition]])).open({ path: "update" }));
}

function newPartition(): Partition {
  return new Partition({ byteLength: JOURNAL_BLOCKS * BLOCK_BYTES });
}

/** What is written: a state with this version, a block, or both at a new start. */
type Step = { version: number } | { block: number } | "start";

/** @returns what must be there, and, after a cut, what may be there instead. */
function perform(partition: Partition, steps: readonly Step[]): { last: Kept; next: Kept } {
  let journal = open(partition);
  let last: Kept = { version: 0, blocks: [] };
  let next = last;
  try {
    for (const step of steps) {
      if (step === "start") {
        journal = open(partition);
        continue;
      }
      if ("version" in step) {
        next = { version: step.version, blocks: [] };
        journal.state.version = step.version;
        journal.state.have.fill(0);
        journal.save();
      } else {
        next = { ...last, blocks: [...last.blocks, step.block] };
        journal.addBlock(step.block);
      }
      partition.power.check();
      last = next;
    }
  } catch (error) {
    if (partition.power.isOn) throw error;
  }
  return { last, next };
}

interface Kept {
  version: number;
  blocks: number[];
}

function kept(partition: Partition): string {
  const { state } = open(partition);
  const blocks: number[] = [];
  for (let index = 0; index < 336; index++) if (hasBlock(state, index)) blocks.push(index);
  return text({ version: state.version, blocks });
}

function text({ version, blocks }: Kept): string {
  return `${version}: ${[...new Set(blocks)].sort((a, b) => a - b)}`;
}

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ version: fc.integer({ min: 1, max: 2 ** 32 - 1 }) }) },
  { weight: 8, arbitrary: fc.record({ block: fc.integer({ min: 0, max: 335 }) }) },
  { weight: 1, arbitrary: fc.constant("start" as const) },
);

describe("the journal of updates", () => {
  it("keeps the last state and all blocks through any cut, and no byte is written twice", () => {
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 60 }),
        fc.nat(80),
        fc.constantFrom<CutMoment>(...cutMoments),
        (steps, operation, moment) => {
          const partition = newPartition();
          partition.power.cutAt(operation, moment, operation);
          const { last, next } = perform(partition, steps);
          partition.power.restore();
          expect([text(last), text(next)]).toContain(kept(partition));
          // And it goes on from there.
          perform(partition, [{ version: 7 }, { block: 5 }, "start", { block: 6 }]);
          expect(kept(partition)).toBe("7: 5,6");
        },
      ),
      { numRuns: 400 },
    );
  });

  it("goes round its blocks, each erased as often as the others", () => {
    const partition = newPartition();
    const steps = Array.from({ length: 200 }, (_, index): Step => ({ version: index + 1 }));
    perform(partition, steps);
    expect(kept(partition)).toBe("200: ");
    expect(Math.max(...partition.erases) - Math.min(...partition.erases)).toBeLessThanOrEqual(1);
  });

  it("passes over a worn block, and says when there is no other", () => {
    const partition = newPartition();
    const write = partition.write.bind(partition);
    let worn = [1];
    partition.write = (bytes, offset) => {
      write(bytes, offset);
      if (worn.includes(Math.floor(offset / BLOCK_BYTES))) partition.bytes[offset + 28] &= 0x0f;
    };
    for (let version = 1; version < 60; version++) {
      perform(partition, [{ version }]);
      expect(kept(partition)).toBe(`${version}: `);
    }
    worn = [0, 1, 2, 3];
    expect(() => perform(partition, [{ version: 99 }])).toThrow("cannot be written");
    expect(kept(partition)).toBe("59: ");
  });

  it("falls back to an older block when the newest is damaged", () => {
    const partition = newPartition();
    perform(partition, [{ version: 3 }]);
    perform(partition, [{ version: 4 }]);
    partition.bytes[BLOCK_BYTES + 100] ^= 1;
    expect(kept(partition)).toBe("3: ");
  });

  it("throws nothing at any content of the flash", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 512 }), (bytes) => {
        const partition = newPartition();
        for (let at = 0; at + bytes.length < partition.bytes.length; at += BLOCK_BYTES)
          partition.bytes.set(bytes, at);
        expect(() => open(partition)).not.toThrow();
      }),
      { numRuns: 200 },
    );
  });

  it("reads what an image with more, or with less to remember has written", () => {
    const state = { ...newUpdateState(), version: 5, isConfirming: 1 };
    const bytes = encodeUpdateState(state);
    const longer = new Uint8Array([...bytes, 1, 2, 3, 4]);
    expect(decodeUpdateState(longer)).toEqual(state);
    expect(decodeUpdateState(bytes.slice(0, -4))).toEqual({ ...state, isConfirming: 0 });
    expect(decodeUpdateState(bytes.slice(0, 100))).toBeUndefined();
  });

  it("is an error of flash that is off, not a new state", () => {
    const partition = newPartition();
    partition.power.cutAt(0, "before");
    expect(() => partition.erase(0, 1)).toThrow(PowerLoss);
    expect(() => open(partition).save()).toThrow();
  });
});
