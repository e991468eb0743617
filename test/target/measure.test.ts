import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { beginMeasuring, type Cost, LIMITS } from "../../bench/engine/cost";
import { type BenchFiles, buildFiles } from "../../bench/engine/files";
import { Engine } from "../../target/host/engine";
import { BUILD_TIMEOUT_MS, hasCompiler } from "../support/target";

const BUFFER_BYTES = 1024;

describe.runIf(hasCompiler())("a metered engine", () => {
  let files: BenchFiles;
  let engine: Engine;
  beforeAll(() => {
    files = buildFiles();
  }, BUILD_TIMEOUT_MS);
  afterEach(() => engine.close());

  function measure(...event: readonly unknown[]): Cost {
    const archives = [files.programs.idle];
    engine = new Engine({ engine: files.engine, image: files.image, archives }, LIMITS, () => undefined);
    engine.boot();
    const endMeasuring = beginMeasuring(engine, () => false);
    engine.event(...event);
    return endMeasuring();
  }

  it("counts the same for each turn of a loop", async () => {
    const meters: number[] = [];
    for (const turns of [0, 100, 200, 400]) {
      meters.push(measure("loop", turns).meter);
      await engine.close();
    }
    const perTurn = (meters[1] - meters[0]) / 100;
    expect(Number.isInteger(perTurn) && perTurn > 5 && perTurn < 20).toBe(true);
    expect(meters).toEqual([0, 100, 200, 400].map((turns) => meters[0] + turns * perTurn));
  });

  it("finds the garbage of buffers that nobody holds, and who has made it", async () => {
    const none = measure("buffers", 0);
    await engine.close();
    const some = measure("buffers", 50);
    const bytesEach = (some.garbageChunks - none.garbageChunks) / 50;
    expect(bytesEach).toBeGreaterThanOrEqual(BUFFER_BYTES);
    expect(bytesEach).toBeLessThan(BUFFER_BYTES + 32);
    expect(some.chunks - none.chunks).toBe(some.garbageChunks - none.garbageChunks);
    expect(some.functions).toMatchObject([{ module: "bench/programs/idle.ts", name: "onEvent" }]);
    expect(some.functions[0].meter).toBe(some.meter);
    expect(some.peakChunks - some.chunksBefore).toBeGreaterThanOrEqual(50 * BUFFER_BYTES);
  });

  it("charges no function with what the engine makes of an event", () => {
    const { slots, chunks, garbageChunks } = measure("nothing");
    expect({ slots, chunks }).toEqual({ slots: 0, chunks: 0 });
    expect(garbageChunks).toBeGreaterThan(0);
  });
});
