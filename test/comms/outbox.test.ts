import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createKeyValue, type KeyValueStore } from "../../hal-mocks/key-value";
import { KeyValueOutbox } from "../../src/comms/outbox";

const frame = (...bytes: number[]) => Uint8Array.from(bytes);

function open(store: KeyValueStore, capacity = 10, lastId = 0): KeyValueOutbox {
  return new KeyValueOutbox(createKeyValue(store), capacity, { lastFrameId: lastId, dropped: 0 });
}

describe("an outbox", () => {
  it("gives frames back oldest first, with their points, until they are acknowledged", () => {
    const outbox = open(new Map());
    outbox.append(0, frame(1));
    outbox.append(3, frame(2, 2));
    const first = outbox.next(0)!;
    expect(first).toEqual({ id: 1, point: 0, frame: frame(1) });
    expect(outbox.next(first.id)).toEqual({ id: 2, point: 3, frame: frame(2, 2) });
    expect(outbox.next(2)).toBeUndefined();
    outbox.acknowledge(1);
    outbox.acknowledge(1);
    expect(outbox.next(0)!.id).toBe(2);
    expect(outbox.count).toBe(1);
  });

  it("has everything that was stored after the power was lost", () => {
    const store: KeyValueStore = new Map();
    const before = open(store);
    for (const byte of [1, 2, 3]) before.append(0, frame(byte));
    before.acknowledge(1);
    const after = open(store);
    expect(after.count).toBe(2);
    expect(after.next(0)!.frame).toEqual(frame(2));
  });

  it("gives the oldest first in whatever order the store lists its keys", () => {
    const store: KeyValueStore = new Map();
    const before = open(store);
    for (const byte of [1, 2, 3]) before.append(0, frame(byte));
    // NVS lists its entries as they lie in flash.
    for (const [domain, values] of store) store.set(domain, new Map([...values].reverse()));
    const after = open(store, 3);
    expect(after.lastId).toBe(3);
    expect([0, 1, 2].map((id) => after.next(id)!.frame)).toEqual([frame(1), frame(2), frame(3)]);
    after.append(0, frame(4));
    expect(after.next(0)!.frame).toEqual(frame(2));
  });

  it("gives what comes behind a frame that has vanished from the store", () => {
    const store: KeyValueStore = new Map();
    const outbox = open(store);
    for (const byte of [1, 2, 3]) outbox.append(0, frame(byte));
    const values = store.get("outbox")!;
    const [, second] = [...values.keys()].filter((key) => values.get(key) instanceof Uint8Array);
    values.delete(second);
    expect(outbox.next(1)!.frame).toEqual(frame(3));
  });

  it("never gives an id twice, neither from what it holds nor from what it held", () => {
    const store: KeyValueStore = new Map();
    const before = open(store);
    before.append(0, frame(1));
    before.acknowledge(1);
    const after = open(store, 10, before.lastId);
    after.append(0, frame(2));
    expect(after.next(0)!.id).toBe(2);
  });

  it("drops the oldest when it is full, and counts that for ever", () => {
    const store: KeyValueStore = new Map();
    const outbox = open(store, 2);
    for (const byte of [1, 2, 3, 4]) outbox.append(0, frame(byte));
    expect(outbox.dropped).toBe(2);
    expect(outbox.next(0)!.frame).toEqual(frame(3));
    expect(open(store, 2).dropped).toBe(2);
  });

  it("holds what a list would hold after any sequence of calls and power losses", () => {
    const call = fc.oneof(
      fc.record({ do: fc.constant("append" as const), byte: fc.nat(255) }),
      fc.record({ do: fc.constant("acknowledge" as const), id: fc.nat(40) }),
      fc.record({ do: fc.constant("lose" as const) }),
    );
    fc.assert(
      fc.property(fc.array(call, { maxLength: 60 }), (calls) => {
        const store: KeyValueStore = new Map();
        let outbox = open(store, 5);
        let model: { id: number; byte: number }[] = [];
        let lastId = 0;
        for (const step of calls) {
          if (step.do === "append") {
            outbox.append(0, frame(step.byte));
            model.push({ id: ++lastId, byte: step.byte });
            model = model.slice(-5);
          } else if (step.do === "acknowledge") {
            outbox.acknowledge(step.id);
            model = model.filter(({ id }) => id !== step.id);
          } else outbox = open(store, 5, lastId);
        }
        const held = [];
        for (let next = outbox.next(0); next; next = outbox.next(next.id))
          held.push({ id: next.id, byte: next.frame[0] });
        expect(held).toEqual(model);
      }),
    );
  });
});

describe("an outbox on a store that is full", () => {
  it("drops the oldest frames until the new one fits, and counts them", () => {
    // The domain, the count of what was dropped, and three frames of 3 entries.
    const outbox = new KeyValueOutbox(createKeyValue(new Map(), 11), 1000, { lastFrameId: 0, dropped: 0 });
    for (let byte = 0; byte < 10; byte++) outbox.append(0, new Uint8Array(29).fill(byte));
    expect(outbox.count).toBe(3);
    expect(outbox.dropped).toBe(7);
    expect(outbox.next(0)!.frame[0]).toBe(7);
  });

  it("refuses a frame that can never fit, and goes on", () => {
    const outbox = new KeyValueOutbox(createKeyValue(new Map(), 11), 1000, { lastFrameId: 0, dropped: 0 });
    expect(outbox.append(0, frame(1))).toBe(true);
    expect(outbox.append(0, new Uint8Array(400))).toBe(false);
    expect(outbox.dropped).toBe(1);
    expect(outbox.count).toBe(0);
    expect(outbox.append(0, frame(2))).toBe(true);
    expect(outbox.next(0)!.frame).toEqual(frame(2));
  });
});

describe("an outbox on a store that fails", () => {
  /** Writes throw as long as `failures` is above 0. */
  function failing() {
    const fault = { failures: 0 };
    const storage = createKeyValue();
    const open = (options: Parameters<typeof storage.open>[0]) => {
      const opened = storage.open(options);
      const { write } = opened;
      opened.write = (key, value) => {
        if (fault.failures-- > 0) throw new Error("flash");
        write.call(opened, key, value);
      };
      return opened;
    };
    const outbox = new KeyValueOutbox({ open }, 1000, { lastFrameId: 0, dropped: 0 });
    for (let byte = 0; byte < 50; byte++) outbox.append(0, new Uint8Array(600).fill(byte));
    return { outbox, fault };
  }

  it("loses nothing when it fails once", () => {
    const { outbox, fault } = failing();
    fault.failures = 1;
    expect(outbox.append(0, frame(1))).toBe(true);
    expect(outbox.count).toBe(51);
    expect(outbox.dropped).toBe(0);
  });

  it("refuses the new frame when it goes on failing, and keeps what waits", () => {
    const { outbox, fault } = failing();
    fault.failures = Number.POSITIVE_INFINITY;
    expect(outbox.append(0, frame(1))).toBe(false);
    expect(outbox.count).toBeGreaterThan(40);
    expect(outbox.dropped + outbox.count).toBe(50);
  });

  it("knows what it has dropped from whoever has seen it, when the store could not keep that", () => {
    expect(new KeyValueOutbox(createKeyValue(), 10, { lastFrameId: 0, dropped: 7 }).dropped).toBe(7);
  });

  it("passes over what another tool has stored under its keys", () => {
    const store: KeyValueStore = new Map();
    const outbox = open(store);
    outbox.append(0, frame(1));
    outbox.append(0, frame(2));
    store.get("outbox")!.set("f000000001", 5).set("dropped", Uint8Array.of(1));
    const after = open(store);
    expect(after.dropped).toBe(0);
    expect(after.next(0)!.frame).toEqual(frame(2));
    expect(after.has(1)).toBe(true);
    expect(after.has(3)).toBe(false);
  });
});
