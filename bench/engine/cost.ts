import type { Engine, Measurement } from "../../target/host/engine";

/** Bytecodes, slots and chunk bytes that were taken. */
export interface Taken {
  meter: number;
  slots: number;
  chunks: number;
}

/** What one operation on XS has cost. */
export interface Cost extends Taken {
  /** The same of what is there for the bench only: the platform's stand-in, or the program around the operation. */
  harness: Taken;
  /** In use before it, and at most while it ran without a collection. */
  slotsBefore: number;
  chunksBefore: number;
  peakSlots: number;
  peakChunks: number;
  /** Taken and not kept. */
  garbageSlots: number;
  garbageChunks: number;
  functions: FunctionCost[];
}

/** Of a function of the sources, its callees not included. */
export interface FunctionCost extends Taken {
  module: string;
  name: string;
}

/** Large enough that no operation meets a collection by itself. */
export const LIMITS = { chunks: 32 * 1024 * 1024, slots: 512 * 1024, stack: 8192, deadlineMs: 60_000 };

/**
 * Collects garbage, and returns what ends the measurement.
 * @param isHarness says of a module whether it is there for the bench only.
 */
export function beginMeasuring(engine: Engine, isHarness: (module: string) => boolean): () => Cost {
  const before = engine.measure(true);
  return () => {
    const after = engine.measure(false);
    if (after.slots !== after.peakSlots)
      throw new Error("bench: the heap is too small, garbage was collected");
    const kept = engine.measure(true);
    return costOf(before, after, kept, isHarness);
  };
}

function costOf(
  before: Measurement,
  after: Measurement,
  kept: Measurement,
  isHarness: (module: string) => boolean,
): Cost {
  const functions = after.functions!.map(([module, name, meter, slots, chunks]) => ({
    module,
    name,
    meter,
    slots,
    chunks,
  }));
  const harness = sum(functions.filter(({ module }) => isHarness(module)));
  const own = sum(functions.filter(({ module }) => !isHarness(module)));
  return {
    ...own,
    harness,
    slotsBefore: before.slots,
    chunksBefore: before.chunks,
    peakSlots: after.peakSlots,
    peakChunks: after.peakChunks,
    garbageSlots: after.slots - kept.slots,
    garbageChunks: after.chunks - kept.chunks,
    functions: functions.sort(byCost),
  };
}

/** The engine gives them in the order of addresses, which is another one each time. */
function byCost(a: FunctionCost, b: FunctionCost): number {
  const byName = `${a.module} ${a.name}` < `${b.module} ${b.name}` ? -1 : 1;
  return b.meter - a.meter || b.slots - a.slots || b.chunks - a.chunks || byName;
}

function sum(parts: readonly Taken[]): Taken {
  const total = { meter: 0, slots: 0, chunks: 0 };
  for (const { meter, slots, chunks } of parts) {
    total.meter += meter;
    total.slots += slots;
    total.chunks += chunks;
  }
  return total;
}
