import { describe, expect, it } from "vitest";
import { explore } from "./cuts";
import { patchedModule } from "./patched";
import { updatePatches } from "./plants";
import type * as Updates from "./updates";
import { exploreUpdates } from "./updates";
import { updating } from "./updating";

describe("a node with readings and sessions, whose power is cut as it takes updates", () => {
  it("has lost, changed and repeated no reading, and comes to the end of each update", async () => {
    const tally = await explore({ world: updating, depth: 1, every: 61 });
    expect(tally.faults).toEqual([]);
    expect(tally.first).toBeGreaterThan(15);
  });
});

describe("an update whose power is cut at any change of its flash, and again as it recovers", () => {
  it("ends with the new image or the old one, whole, and the floor never falls", () => {
    const tally = exploreUpdates({ depth: 2, every: 131, everySecond: 31 });
    expect(tally.faults).toEqual([]);
    expect(tally.first).toBeGreaterThan(10);
    expect(tally.second).toBeGreaterThan(20);
    expect(tally.mostBoots).toBeLessThan(20);
  });

  it.each(Object.entries(updatePatches))("would be found if it had %s", async (_what, patch) => {
    const patched = await patchedModule<typeof Updates>("updates", patch);
    const { faults } = patched.exploreUpdates({ depth: 1, every: 3, only: patch.scenario, mostFaults: 1 });
    expect(faults).not.toEqual([]);
  });
});
