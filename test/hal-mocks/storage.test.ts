import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BLOCK_BYTES, createFlash, Partition } from "../../hal-mocks/flash";
import { createKeyValue, type KeyValueStore } from "../../hal-mocks/key-value";
import { RetainedMemory } from "../../hal-mocks/retained";
import { DeepSleep } from "../../hal-mocks/sleep";

describe("key-value", () => {
  it("keeps values in their format, copied in and out, from boot to boot", () => {
    const store: KeyValueStore = new Map();
    const first = createKeyValue(store);
    const domain = first.open({ path: "gridmote" });
    const bytes = Uint8Array.of(1, 2, 3);
    domain.write("blob", bytes);
    bytes.fill(9);
    domain.format = "string";
    domain.write("text", "größer");
    domain.format = "uint32";
    domain.write("number", 2 ** 32 + 5);
    domain.close();
    expect(first.writes).toBe(3);

    const again = createKeyValue(store).open({ path: "gridmote", mode: "r" });
    const read = again.read("blob") as ArrayBuffer;
    new Uint8Array(read).fill(7);
    expect([...new Uint8Array(again.read("blob") as ArrayBuffer)]).toEqual([1, 2, 3]);
    again.format = "string";
    expect(again.read("text")).toBe("größer");
    again.format = "uint32";
    expect(again.read("number")).toBe(5);
    expect(again.read("nothing")).toBeUndefined();
    expect([...again]).toEqual(["blob", "text", "number"]);
  });

  it("has NVS's limits: 15 characters, one type a key, a domain only by writing", () => {
    const storage = createKeyValue();
    const domain = storage.open({ path: "123456789012345", format: "string" });
    domain.write("123456789012345", "fits");
    expect(() => domain.write("1234567890123456", "x")).toThrow("15 characters");
    expect(() => storage.open({ path: "1234567890123456" })).toThrow("15 characters");
    expect(() => storage.open({ path: "unknown", mode: "r" })).toThrow("no domain");
    domain.format = "uint32";
    expect(() => domain.read("123456789012345")).toThrow(TypeError);
  });

  it("throws when it is full, and takes the room of what is replaced or deleted", () => {
    // Two domains; a number takes an entry, 64 bytes of a buffer take 4.
    const storage = createKeyValue(new Map(), 2 + 1 + 4);
    const numbers = storage.open({ path: "numbers", format: "uint32" });
    const buffers = storage.open({ path: "buffers" });
    numbers.write("n", 1);
    buffers.write("b", new Uint8Array(64));
    expect(() => numbers.write("m", 1)).toThrow("no space");
    numbers.write("n", 2);
    buffers.write("b", new Uint8Array(32));
    numbers.write("m", 1);
    expect(() => buffers.write("b", new Uint8Array(33))).toThrow("no space");
    numbers.delete("m");
    buffers.write("b", new Uint8Array(33));
  });

  it("refuses writes when open for reading, and everything when closed", () => {
    const storage = createKeyValue();
    storage.open({ path: "d", format: "string" }).write("k", "v");
    const reader = storage.open({ path: "d", format: "string", mode: "r" });
    expect(() => reader.write("k", "w")).toThrow("reading only");
    expect(() => reader.delete("k")).toThrow("reading only");
    expect(reader.read("k")).toBe("v");
    reader.close();
    expect(() => reader.read("k")).toThrow("closed");
  });

  it("counts what wears the flash", () => {
    const storage = createKeyValue();
    const domain = storage.open({ path: "d", format: "string" });
    domain.write("k", "v");
    domain.delete("k");
    domain.delete("k");
    expect(storage.writes).toBe(2);
    expect(domain.read("k")).toBeUndefined();
  });
});

describe("flash", () => {
  const create = (writeAlign = 1) => {
    const partition = new Partition({ byteLength: 4 * BLOCK_BYTES, writeAlign });
    return { partition, flash: createFlash(new Map([["outbox", partition]])).open({ path: "outbox" }) };
  };

  it("reads 0xFF where it is erased, and says its shape", () => {
    const { flash } = create(16);
    expect([...new Uint8Array(flash.read(3, 100))]).toEqual([255, 255, 255]);
    expect(flash.status()).toEqual({
      size: 16_384,
      blockLength: 4096,
      blocks: 4,
    });
  });

  it("writes no byte twice between erases, and names the offset", () => {
    const { flash, partition } = create();
    flash.write(Uint8Array.of(1, 2, 3), 4095);
    expect(() => flash.write(Uint8Array.of(255, 255), 4096)).toThrow("offset 4096 is written twice");
    expect(() => flash.write(Uint8Array.of(0, 0), 4094)).toThrow("offset 4095 is written twice");
    expect([...new Uint8Array(flash.read(5, 4094))]).toEqual([255, 1, 2, 3, 255]);
    flash.eraseBlock(1);
    flash.write(Uint8Array.of(9), 4096);
    expect([...new Uint8Array(flash.read(3, 4095))]).toEqual([1, 9, 255]);
    expect([...partition.erases]).toEqual([0, 1, 0, 0]);
  });

  it("counts a byte of 0xFF as written: the cipher does", () => {
    const { flash } = create();
    flash.write(Uint8Array.of(255), 0);
    expect(() => flash.write(Uint8Array.of(1), 0)).toThrow("written twice");
  });

  it("checks bounds, alignment and mode before it touches anything", () => {
    const { flash, partition } = create(16);
    expect(() => flash.write(new Uint8Array(15), 0)).toThrow("not aligned");
    expect(() => flash.write(new Uint8Array(16), 8)).toThrow("not aligned");
    expect(() => flash.write(new Uint8Array(32), 16_368)).toThrow(RangeError);
    expect(() => flash.read(1, 16_384)).toThrow(RangeError);
    expect(() => flash.read(1, -1)).toThrow(RangeError);
    expect(() => flash.eraseBlock(4)).toThrow(RangeError);
    expect(() => flash.eraseBlock(2, 1)).toThrow(RangeError);
    const reader = createFlash(new Map([["p", partition]])).open({ path: "p", mode: "r" });
    expect(() => reader.write(new Uint8Array(16), 0)).toThrow("reading only");
    expect(() => reader.eraseBlock(0)).toThrow("reading only");
    expect(partition.bytes.every((byte) => byte === 255)).toBe(true);
    flash.close();
    expect(() => flash.status()).toThrow("closed");
  });

  it("behaves as its model under any sequence of writes and erases", () => {
    const step = fc.oneof(
      fc.record({ write: fc.uint8Array({ maxLength: 300 }), at: fc.nat(4 * BLOCK_BYTES) }),
      fc.record({ erase: fc.nat(3) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { flash } = create();
        const model: (number | undefined)[] = new Array(4 * BLOCK_BYTES).fill(undefined);
        for (const action of steps) {
          if ("erase" in action) {
            flash.eraseBlock(action.erase);
            model.fill(undefined, action.erase * BLOCK_BYTES, (action.erase + 1) * BLOCK_BYTES);
            continue;
          }
          const { write, at } = action;
          const allowed =
            at + write.length <= model.length && write.every((_, i) => model[at + i] === undefined);
          if (!allowed) expect(() => flash.write(write, at)).toThrow();
          else {
            flash.write(write, at);
            write.forEach((byte, i) => {
              model[at + i] = byte;
            });
          }
        }
        const bytes = new Uint8Array(flash.read(model.length, 0));
        expect(model.every((byte, i) => bytes[i] === (byte ?? 255))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});

describe("retained memory", () => {
  it("copies in and out, and is lost with the power", () => {
    const memory = new RetainedMemory(4);
    expect(memory.read()).toBeUndefined();
    const bytes = Uint8Array.of(1, 2);
    memory.write(bytes);
    bytes[0] = 9;
    memory.read()!.fill(7);
    expect([...memory.read()!]).toEqual([1, 2]);
    expect(() => memory.write(new Uint8Array(5))).toThrow(RangeError);
    expect([...memory.read()!]).toEqual([1, 2]);
    memory.lose();
    expect(memory.read()).toBeUndefined();
    expect(() => new RetainedMemory(0)).toThrow(RangeError);
  });
});

describe("deep sleep", () => {
  it("records what was asked for, once a boot", () => {
    const seen: number[] = [];
    const sleep = new DeepSleep(({ ms }) => seen.push(ms));
    expect(() => sleep.deep(Number.NaN, [])).toThrow(RangeError);
    sleep.deep(5000, ["timer"]);
    expect(sleep.request).toEqual({ ms: 5000, wakeOn: ["timer"] });
    expect(() => sleep.deep(1, [])).toThrow("sleeps already");
    sleep.wake();
    expect(sleep.request).toBeUndefined();
    expect(seen).toEqual([5000]);
  });
});
