import { describe, expect, it } from "vitest";
import { BLOCK_BYTES, createFlash, Partition } from "../../hal-mocks/flash";
import { FlashOutbox, MAX_FRAME_BYTES } from "../../src/comms/outbox";
import type { Flash, FlashStorage } from "../../src/hal";
import { bytesOf, drain, gapOf, metaOf, RingModel, ringOf } from "../support/ring";

const frame = (...bytes: number[]) => Uint8Array.from(bytes);
const ids = (outbox: FlashOutbox) => drain(outbox).map(({ id }) => id);

function open(storage: FlashStorage, clean = true, known: { lastFrameId?: number; dropped?: number } = {}) {
  return new FlashOutbox(storage, { clean, ...known });
}

/** Frames of some 360 bytes as stored: 11 in a block. */
function fill(outbox: FlashOutbox, count: number, from = 0): void {
  for (let seq = from; seq < from + count; seq++)
    expect(outbox.append(metaOf(seq), bytesOf(seq, 300), frame(seq & 0xff, seq >> 8))).toBe(true);
}

describe("an outbox in flash", () => {
  it("gives frames and events back oldest first, with their points and notes, until acknowledged", () => {
    const outbox = open(ringOf(4).storage);
    outbox.append(metaOf(3), frame(1), frame(9));
    outbox.appendEvent(2, frame(2, 2));
    outbox.append(metaOf(4), frame());
    const nothing = frame();
    expect(outbox.next(0)).toEqual({ id: 1, kind: "frame", point: 0, payload: frame(1), note: frame(9) });
    expect(outbox.next(1)).toEqual({ id: 2, kind: "event", point: 2, payload: frame(2, 2), note: nothing });
    expect(outbox.next(2)).toEqual({ id: 3, kind: "frame", point: 1, payload: nothing, note: nothing });
    expect(outbox.next(3)).toBeUndefined();
    outbox.acknowledge(1);
    outbox.acknowledge(1);
    outbox.acknowledge(7);
    expect(ids(outbox)).toEqual([2, 3]);
    expect([outbox.count, outbox.has(1), outbox.has(2), outbox.has(4)]).toEqual([2, false, true, false]);
  });

  it("takes acknowledgements in any order, and has them after a boot as far as they have no hole", () => {
    const { storage } = ringOf(4);
    const before = open(storage);
    fill(before, 6);
    for (const id of [3, 1, 5]) before.acknowledge(id);
    expect(ids(before)).toEqual([2, 4, 6]);
    before.close();
    before.close();
    expect(ids(open(storage))).toEqual([2, 3, 4, 5, 6]);
    const after = open(storage);
    after.acknowledge(3);
    after.acknowledge(2);
    expect(ids(open(storage))).toEqual([4, 5, 6]);
  });

  it("has what was stored, and what was dropped, after the power was lost at any time but within a call", () => {
    const { storage } = ringOf(4);
    const before = open(storage);
    fill(before, 60);
    const held = drain(before);
    const after = open(storage, false);
    expect(drain(after)).toEqual(held);
    expect([after.count, after.dropped, after.lastId]).toEqual([before.count, before.dropped, before.lastId]);
    expect(after.lastNote).toEqual(frame(59, 0));
  });

  it("never gives an id twice, neither from what it holds nor from what it held", () => {
    const { storage } = ringOf(4);
    expect(open(storage, true, { lastFrameId: 40, dropped: 7 })).toMatchObject({ count: 0, dropped: 7 });
    const outbox = open(storage, true, { lastFrameId: 40 });
    fill(outbox, 1);
    expect(ids(outbox)).toEqual([41]);
    outbox.acknowledge(41);
    const again = open(storage);
    expect(again.lastId).toBe(41);
    expect(open(storage, true, { lastFrameId: 45 })).toMatchObject({ count: 0, lastId: 45 });
  });

  it("refuses a frame that can never fit and takes the longest that can, also with a gap and the longest note", () => {
    const outbox = open(ringOf(4).storage);
    const note = bytesOf(1, 255);
    expect(outbox.append(metaOf(0), new Uint8Array(MAX_FRAME_BYTES + 300), note)).toBe(false);
    expect(outbox.append(metaOf(0), frame(1), new Uint8Array(256))).toBe(false);
    for (let seq = 0; seq < 9; seq++)
      expect(outbox.append(metaOf(seq), bytesOf(seq, MAX_FRAME_BYTES), note)).toBe(true);
    expect(outbox.lastNote).toEqual(note);
  });

  it("refuses a partition that is too small, in one line, and leaves it closed", () => {
    expect(() => open(ringOf(3).storage)).toThrow(
      "outbox: the partition has 3 blocks of 4096 bytes, expected at least 4 of 4096",
    );
    expect(() => open(createFlash(new Map()))).toThrow('no partition "outbox"');
  });
});

describe("an outbox that is full", () => {
  it("drops the oldest and says so in an event: how many, which, and from when to when", () => {
    const outbox = open(ringOf(4).storage);
    fill(outbox, 40);
    const records = drain(outbox);
    const gaps = records.filter(({ kind }) => kind === "event").map(gapOf);
    expect(gaps).toHaveLength(2);
    expect(gaps[0]).toMatchObject({ first: 0, last: 10, frames: 11, events: 0 });
    expect(gaps[1].first).toBe(11);
    expect(outbox.dropped).toBe(gaps[0].frames + gaps[1].frames);
    expect(records.filter(({ kind }) => kind === "frame")[0].payload).toEqual(bytesOf(outbox.dropped, 300));
    const sum = Array.from({ length: 11 }, (_, seq) => metaOf(seq).readings).reduce((a, b) => a + b);
    expect(gaps[0].readings).toBe(sum);
    expect([gaps[0].from, gaps[0].to]).toEqual([metaOf(0).start, metaOf(10).end]);
  });

  it("lets acknowledged ones go first, and then drops nothing", () => {
    const outbox = open(ringOf(4).storage);
    for (let seq = 0; seq < 200; seq++) {
      fill(outbox, 1, seq);
      if (outbox.count > 10) outbox.acknowledge(outbox.next(0)!.id);
    }
    expect(outbox.dropped).toBe(0);
    expect(drain(outbox).every(({ kind }) => kind === "frame")).toBe(true);
  });

  it("adds up what it has dropped of statements, so that nothing is stated twice or not at all", () => {
    const outbox = open(ringOf(4).storage);
    outbox.appendEvent(0, frame(1));
    fill(outbox, 1000);
    const gaps = drain(outbox).filter(({ kind }) => kind === "event");
    const frames = gaps.map(gapOf).reduce((sum, gap) => sum + gap.frames, 0);
    expect(frames).toBe(outbox.dropped);
    expect(frames + outbox.count - gaps.length).toBe(1000);
    expect(gaps.map(gapOf).reduce((sum, gap) => sum + gap.events, 0)).toBe(1);
  });

  it("finds a frame by its number though what it has dropped for it took the id that was to be the frame's", () => {
    const { storage } = ringOf(4);
    const outbox = open(storage);
    let seq = 0;
    let next = 0;
    do {
      next = outbox.lastId + 1;
      fill(outbox, 1, seq++);
    } while (outbox.lastId === next);
    const { boot } = metaOf(0);
    const after = open(storage);
    expect([after.has(next), after.lastId]).toEqual([true, next + 1]);
    expect(after.hasFrame(next, boot, seq - 1)).toBe(true);
    expect([after.hasFrame(next, boot, seq), after.hasFrame(next + 2, boot, seq - 1)]).toEqual([
      false,
      false,
    ]);
  });

  it("states dropped events without a frame as such", () => {
    const outbox = open(ringOf(4).storage);
    for (let count = 0; count < 40; count++) outbox.appendEvent(0, bytesOf(count, 300));
    const [gap] = drain(outbox).filter(({ payload }) => payload.length < 100);
    expect(gapOf(gap)).toMatchObject({
      first: null,
      last: null,
      frames: 0,
      events: 12,
      from: null,
      to: null,
    });
    expect(outbox.dropped).toBe(0);
  });

  it("does not drop what waits only to write an acknowledgement", () => {
    const { storage } = ringOf(4);
    fill(open(storage), 60);
    const outbox = open(storage, false);
    const { count, dropped } = outbox;
    for (let left = count; left > 0; left--) outbox.acknowledge(outbox.next(0)!.id);
    expect([outbox.count, outbox.dropped]).toEqual([0, dropped]);
    expect(open(storage)).toMatchObject({ count: 0, dropped });
  });

  it("gives what is new in a block from whose old log it gave something last", () => {
    const outbox = open(ringOf(4).storage);
    fill(outbox, 11);
    expect(outbox.next(10)!.id).toBe(11);
    let seq = 11;
    for (let gaps = 0; gaps < 3; seq++) {
      fill(outbox, 1, seq);
      gaps = outbox.lastId - seq - 1;
    }
    fill(outbox, 1, seq);
    expect(outbox.next(outbox.lastId - 1)!.payload).toEqual(bytesOf(seq, 300));
    expect(outbox.damaged).toBe(0);
  });

  it("acknowledging what was dropped meanwhile does nothing", () => {
    const outbox = open(ringOf(4).storage);
    fill(outbox, 60);
    const before = ids(outbox);
    outbox.acknowledge(1);
    expect(ids(outbox)).toEqual(before);
  });
});

describe("the newest note", () => {
  it("is not there in an empty ring, nor when none was stored", () => {
    const { storage } = ringOf(4);
    const outbox = open(storage);
    expect(outbox.lastNote).toBeUndefined();
    outbox.append(metaOf(0), frame(1));
    expect(open(storage).lastNote).toBeUndefined();
  });

  it("is kept when its frame is acknowledged, dropped, and long overwritten", () => {
    const { storage } = ringOf(4);
    const outbox = open(storage);
    outbox.append(metaOf(0), frame(1), frame(7, 7));
    outbox.acknowledge(1);
    for (let count = 0; count < 200; count++) outbox.appendEvent(0, bytesOf(count, 300));
    expect(outbox.lastNote).toEqual(frame(7, 7));
    expect(open(storage).lastNote).toEqual(frame(7, 7));
    expect(open(storage, false).lastNote).toEqual(frame(7, 7));
  });
});

describe("a ring of blocks", () => {
  it("is erased evenly", () => {
    const { partition, storage } = ringOf(6);
    let outbox = open(storage);
    for (let seq = 0; seq < 1500; seq++) {
      fill(outbox, 1, seq);
      if (seq % 3) outbox.acknowledge(outbox.next(0)!.id);
      if (seq % 50 === 0) outbox = open(storage);
    }
    const { erases } = partition;
    expect(Math.min(...erases)).toBeGreaterThan(15);
    expect(Math.max(...erases) - Math.min(...erases)).toBeLessThanOrEqual(1);
  });

  it("keeps each block's count of erases, also when a header is lost", () => {
    const { partition, storage } = ringOf(4);
    const outbox = open(storage);
    fill(outbox, 300);
    const counts = () =>
      Array.from(
        { length: 4 },
        (_, block) => new Uint32Array(partition.bytes.buffer, block * BLOCK_BYTES, 8)[4],
      );
    expect(counts()).toEqual([...partition.erases]);
    partition.bytes[2 * BLOCK_BYTES] ^= 1;
    fill(outbox, 44);
    expect(counts()).toEqual([...partition.erases]);
  });

  it("is not erased, nor written, by being opened, whatever the last end was", () => {
    const { partition, storage } = ringOf(4);
    fill(open(storage), 5);
    const before = partition.bytes.slice();
    for (let count = 0; count < 20; count++) {
      const outbox = open(storage, count % 2 === 0);
      outbox.next(0);
      outbox.close();
    }
    expect(partition.bytes).toEqual(before);
  });

  it("goes on in its newest block after a clean end, and in a new one after another", () => {
    const { partition, storage } = ringOf(4);
    const erases = () => partition.erases.reduce((sum, count) => sum + count);
    fill(open(storage), 1);
    fill(open(storage), 1);
    expect(erases()).toBe(1);
    const unclean = open(storage, false);
    expect(unclean.isClean).toBe(false);
    fill(unclean, 1);
    expect(unclean.isClean).toBe(true);
    expect(erases()).toBe(2);
    fill(open(storage), 1);
    expect(erases()).toBe(2);
  });

  it("works with 512 KB", () => {
    const model = new RingModel(128);
    for (let seq = 0; seq < 700; seq++) model.append(1000, 16);
    model.check();
    model.reopen(false);
    expect(model.lost.frames).toBeGreaterThan(300);
  });

  it("is opened with a bounded number of reads, whatever it holds", () => {
    const { partition, storage } = ringOf(128);
    const opened = () => {
      let reads = 0;
      let bytes = 0;
      const counted: FlashStorage = {
        open(options) {
          const flash = storage.open(options);
          const { read } = flash;
          flash.read = ((target: Uint8Array, offset: number) => {
            reads++;
            bytes += target.byteLength;
            return read.call(flash, target, offset);
          }) as Flash["read"];
          return flash;
        },
      };
      open(counted, false);
      return { reads, bytes };
    };
    const outbox = open(storage);
    let worst = 0;
    for (let turn = 0; turn < 150; turn++) {
      fill(outbox, 10, turn * 10);
      if (turn % 10 === 0) worst = Math.max(worst, opened().reads);
    }
    partition.bytes.forEach((_, index) => {
      if (index % BLOCK_BYTES > 32) partition.bytes[index] = (index * 2_654_435_761) >>> 24;
    });
    const damaged = opened();
    // Headers, and a few blocks through a window of 256 bytes.
    expect(worst).toBeLessThan(128 + 32);
    expect(damaged.reads).toBeLessThan(128 + 3 * 64);
    partition.bytes.fill(0);
    expect(opened()).toEqual({ reads: 128, bytes: 4096 });
  });
});

describe("an outbox on flash of which parts go bad", () => {
  /** The n-th write, or all writes and erases of a block, fail. */
  function failing(blocks: number) {
    const partition = new Partition({ byteLength: blocks * BLOCK_BYTES });
    const worn = new Set<number>();
    const fault = { writes: 0, reads: 0 };
    const storage: FlashStorage = {
      open(options) {
        const flash = createFlash(new Map([["outbox", partition]])).open(options);
        const { write, read, eraseBlock } = flash;
        flash.write = (bytes, offset) => {
          if (fault.writes-- > 0 || worn.has(Math.floor(offset / BLOCK_BYTES))) throw new Error("worn");
          write.call(flash, bytes, offset);
        };
        flash.eraseBlock = (block) => {
          if (worn.has(block)) throw new Error("worn");
          eraseBlock.call(flash, block);
        };
        flash.read = ((target: Uint8Array, offset: number) => {
          if (fault.reads-- > 0) throw new Error("bus");
          return read.call(flash, target, offset);
        }) as Flash["read"];
        return flash;
      },
    };
    return { partition, storage, worn, fault };
  }

  it("loses nothing when a write fails once", () => {
    const { storage, fault } = failing(6);
    const outbox = open(storage);
    fill(outbox, 5);
    fault.writes = 1;
    fill(outbox, 5, 5);
    expect(ids(outbox)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(ids(open(storage))).toHaveLength(10);
  });

  it("passes over blocks that are worn, turn by turn, and states what it drops", () => {
    for (const worn of [[2], [0, 3], [1, 4]]) {
      const rig = failing(6);
      for (const block of worn) rig.worn.add(block);
      let outbox = open(rig.storage);
      for (let seq = 0; seq < 500; seq++) {
        fill(outbox, 1, seq);
        if (seq % 60 === 59) outbox = open(rig.storage);
      }
      const records = drain(outbox);
      const frames = records.filter(({ kind }) => kind === "frame").length;
      expect(frames + outbox.dropped).toBe(500);
      expect(frames).toBeGreaterThan(11);
      expect(outbox.damaged).toBe(0);
    }
  });

  it("does not take a block for newer that wears out after some turns, and keeps its old log", () => {
    const rig = failing(6);
    let outbox = open(rig.storage);
    fill(outbox, 200);
    rig.worn.add(3);
    for (let seq = 200; seq < 500; seq++) {
      fill(outbox, 1, seq);
      if (seq % 7 === 0) outbox = open(rig.storage);
    }
    expect(outbox.damaged).toBe(0);
    const records = drain(outbox);
    expect(records.filter(({ kind }) => kind === "frame").length + outbox.dropped).toBe(500);
  });

  it("refuses what it cannot store, and keeps what waits", () => {
    const { storage, fault } = failing(4);
    const outbox = open(storage);
    fill(outbox, 30);
    const held = drain(outbox);
    fault.writes = Number.POSITIVE_INFINITY;
    for (let count = 0; count < 10; count++) expect(outbox.append(metaOf(99), frame(1))).toBe(false);
    expect(drain(outbox)).toEqual(held);
    outbox.acknowledge(held[0].id);
    fault.writes = 0;
    fill(outbox, 1, 99);
    expect(drain(outbox).some(({ payload }) => payload.length === 300)).toBe(true);
    expect(drain(open(storage))).toEqual(drain(outbox));
  });

  it("says that a frame is stored that a failing write has stored", () => {
    const { storage } = ringOf(4);
    let failures = 0;
    const outbox = open({
      open(options) {
        const flash = storage.open(options);
        const { write } = flash;
        flash.write = (bytes, offset) => {
          write.call(flash, bytes, offset);
          if (failures-- > 0) throw new Error("late");
        };
        return flash;
      },
    });
    fill(outbox, 2);
    failures = 1;
    fill(outbox, 1, 2);
    expect(outbox.isClean).toBe(false);
    fill(outbox, 1, 3);
    expect(ids(outbox)).toEqual([1, 2, 3, 4]);
    expect(ids(open(storage))).toEqual([1, 2, 3, 4]);
  });

  it("keeps what cannot be read for now", () => {
    const { storage, fault } = failing(6);
    fill(open(storage), 30);
    const outbox = open(storage);
    fault.reads = 2;
    outbox.next(0);
    fault.reads = 0;
    expect(ids(outbox)).toHaveLength(30);
    expect(outbox.damaged).toBe(0);
  });

  it("gives what comes behind damaged records, counts these, and waits for them no more", () => {
    const { partition, storage } = ringOf(6);
    fill(open(storage), 30);
    // The head of the second record, and the payload of the fourth.
    const recordBytes = 352;
    partition.bytes[32 + recordBytes + 5] ^= 4;
    partition.bytes[32 + 3 * recordBytes + 100] ^= 4;
    const outbox = open(storage);
    expect(outbox.count).toBe(30);
    expect(ids(outbox)).toEqual([1, 3, ...Array.from({ length: 26 }, (_, index) => index + 5)]);
    expect([outbox.damaged, outbox.count, outbox.has(2)]).toEqual([2, 28, false]);
    for (const id of ids(outbox)) outbox.acknowledge(id);
    expect(open(storage).count).toBe(0);
  });

  it("loses a block whose header is damaged, counts its records, and gives all others", () => {
    const { partition, storage } = ringOf(6);
    fill(open(storage), 30);
    partition.bytes[BLOCK_BYTES + 9] ^= 1;
    const outbox = open(storage);
    expect(ids(outbox)).toEqual([
      ...Array.from({ length: 11 }, (_, index) => index + 1),
      23,
      24,
      25,
      26,
      27,
      28,
      29,
      30,
    ]);
    expect([outbox.damaged, outbox.count]).toEqual([11, 19]);
  });

  it("begins a new block when the end of the newest one is damaged, though it was told that all is well", () => {
    const { partition, storage } = ringOf(4);
    fill(open(storage), 3);
    partition.bytes[32 + 2 * 352 + 60] ^= 1;
    const outbox = open(storage);
    expect(outbox.isClean).toBe(false);
    fill(outbox, 1, 3);
    expect(partition.erases[1]).toBe(1);
    expect(ids(outbox)).toHaveLength(3);
    expect(outbox.lastNote).toEqual(frame(3, 0));
  });

  it("takes no note from a damaged record, also when it was told that all is well", () => {
    const { partition, storage } = ringOf(4);
    const before = open(storage);
    fill(before, 3);
    before.appendEvent(0, frame(1));
    partition.bytes[32 + 2 * 352 + 32 + 300] ^= 1;
    const outbox = open(storage);
    expect(outbox.lastNote).toEqual(frame(1, 0));
    expect(ids(outbox)).toEqual([1, 2, 4]);
  });

  it("finds a note behind when that in the newest block is damaged", () => {
    const { partition, storage } = ringOf(4);
    fill(open(storage), 11);
    const outbox = open(storage, false);
    outbox.appendEvent(0, frame(1));
    partition.bytes[BLOCK_BYTES + 32 + 33] ^= 1;
    expect(open(storage).lastNote).toEqual(frame(10, 0));
  });

  it("holds nothing, and works, on a partition full of something else", () => {
    const { partition, storage } = ringOf(4);
    partition.bytes.forEach((_, index) => {
      partition.bytes[index] = (index * 2_654_435_761) >>> 13;
    });
    const outbox = open(storage);
    expect(outbox).toMatchObject({ count: 0, dropped: 0, lastId: 0 });
    fill(outbox, 50);
    expect(outbox.count).toBeGreaterThan(11);
  });
});
