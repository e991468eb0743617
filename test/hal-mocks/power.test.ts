import { describe, expect, it } from "vitest";
import { BLOCK_BYTES, createFlash, Partition } from "../../hal-mocks/flash";
import { createKeyValue, type KeyValueStore } from "../../hal-mocks/key-value";
import { type CutMoment, Power, PowerLoss } from "../../hal-mocks/power";
import { RetainedMemory } from "../../hal-mocks/retained";

const DATA = new Uint8Array(1024).fill(0x5a);

/** All that one supply feeds. */
function open() {
  const power = new Power();
  const partition = new Partition({ byteLength: 2 * BLOCK_BYTES });
  const retained = new RetainedMemory();
  const store: KeyValueStore = new Map();
  partition.power = power;
  retained.power = power;
  const flash = createFlash(new Map([["p", partition]])).open({ path: "p" });
  const domain = createKeyValue(store, undefined, power).open({ path: "d", format: "uint32" });
  return { power, partition, retained, store, flash, domain };
}

describe("a power cut", () => {
  it("comes at the change that was named, whatever it is a change of, and lasts until power is restored", () => {
    const { power, flash, retained, domain } = open();
    power.cutAt(3, "after");
    flash.eraseBlock(0);
    retained.write(Uint8Array.of(1));
    domain.write("a", 1);
    expect(() => flash.write(DATA, 0)).toThrow(PowerLoss);
    for (const use of [
      () => flash.read(1, 0),
      () => flash.eraseBlock(0),
      () => retained.read(),
      () => retained.write(DATA),
      () => domain.read("a"),
      () => domain.delete("a"),
    ])
      expect(use).toThrow(PowerLoss);
    power.restore();
    expect(new Uint8Array(flash.read(2, 0))).toEqual(Uint8Array.of(0x5a, 0x5a));
    expect(domain.read("a")).toBe(1);
    expect(power.operations).toBe(4);
  });

  const written = (moment: CutMoment, seed = 0) => {
    const { power, flash, partition } = open();
    power.cutAt(0, moment, seed);
    expect(() => flash.write(DATA, 0)).toThrow(PowerLoss);
    power.restore();
    return { flash, count: partition.bytes.filter((byte) => byte === 0x5a).length };
  };

  it("leaves nothing of a write before, all of it after, and a part of it in between, as its seed says", () => {
    expect(written("before").count).toBe(0);
    expect(written("after").count).toBe(DATA.length);
    const counts = Array.from({ length: 40 }, (_, seed) => written("torn", seed).count);
    expect(new Set(counts).size).toBeGreaterThan(20);
    expect(counts).toEqual(Array.from({ length: 40 }, (_, seed) => written("torn", seed).count));
    const { flash } = written("torn", 1);
    expect(() => flash.write(DATA.subarray(0, 16), 1008)).toThrow("written twice");
  });

  it("takes no bit back up in a torn write", () => {
    for (let seed = 0; seed < 40; seed++) {
      const { power, flash, partition } = open();
      power.cutAt(0, "torn", seed);
      expect(() => flash.write(DATA, 16)).toThrow(PowerLoss);
      expect(partition.bytes.every((byte) => (byte & 0x5a) === 0x5a)).toBe(true);
    }
  });

  it("leaves stretches of a block erased, as they were, or mixed, when an erase is torn", () => {
    const { power, flash, partition } = open();
    flash.write(new Uint8Array(BLOCK_BYTES), 0);
    power.cutAt(0, "torn", 3);
    expect(() => flash.eraseBlock(0)).toThrow(PowerLoss);
    power.restore();
    const kinds = Array.from({ length: 16 }, (_, page) => {
      const values = new Set(partition.bytes.subarray(page * 256, (page + 1) * 256));
      return values.size > 1 ? "mixed" : values.has(0) ? "old" : "erased";
    });
    expect(new Set(kinds).size).toBe(3);
    expect(() => flash.write(new Uint8Array(16), 0)).toThrow("written twice");
    flash.eraseBlock(0);
    flash.write(new Uint8Array(16), 0);
    expect([...partition.erases]).toEqual([2, 0]);
  });

  it("changes a value of the key-value store wholly or not at all", () => {
    for (const [moment, value] of [
      ["before", 1],
      ["torn", 1],
      ["after", 2],
    ] as const) {
      const { power, domain } = open();
      domain.write("a", 1);
      power.cutAt(0, moment);
      expect(() => domain.write("a", 2)).toThrow(PowerLoss);
      power.restore();
      expect(domain.read("a")).toBe(value);
    }
  });

  it("tears what is written to retained memory, which knows it", () => {
    const { power, retained } = open();
    retained.write(new Uint8Array(100).fill(1));
    power.cutAt(0, "torn", 5);
    expect(() => retained.write(new Uint8Array(100).fill(2))).toThrow(PowerLoss);
    power.restore();
    expect(retained.read()).toBeUndefined();
    retained.write(new Uint8Array(100).fill(3));
    expect(retained.read()).toEqual(new Uint8Array(100).fill(3));
  });
});

describe("retained memory", () => {
  it("knows when bits of what it holds have flipped", () => {
    const retained = new RetainedMemory();
    retained.flip(1, 3);
    expect(retained.read()).toBeUndefined();
    retained.write(new Uint8Array(100));
    expect(retained.read()).toHaveLength(100);
    retained.flip(1, 3);
    expect(retained.read()).toBeUndefined();
  });
});
