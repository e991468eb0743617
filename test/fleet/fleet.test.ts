import { describe, expect, it } from "vitest";
import { runFleet } from "./fleet";

/** `npm run test:fleet` has 200 nodes. */
describe("a dozen sleepers, at a bad link and with cuts of power", () => {
  it("take what is good, and each bad release is withdrawn before it reaches all", async () => {
    const lines: string[] = [];
    const { outcomes, cuts, faults } = await runFleet({
      ...{ nodes: 12, seed: 3, loss: 0.05, cuts: 0.5, stages: [40, 100] },
      onLine: (line) => lines.push(line),
    });
    expect(faults).toEqual([]);
    expect(cuts).toBeGreaterThan(5);
    for (const { release, confirmed, haltedAt, stages, ended } of outcomes) {
      if (release.behaviour === "good") {
        expect([haltedAt, stages]).toEqual([undefined, [40, 100]]);
        expect(confirmed).toBeGreaterThanOrEqual(10);
        continue;
      }
      const reason = { throws: "threw", loops: "hung", mute: "health" }[release.behaviour];
      expect([release.name, stages, haltedAt! >= 2, confirmed]).toEqual([release.name, [40], true, 0]);
      expect(ended[reason]).toBeGreaterThanOrEqual(2);
    }
    expect(lines.filter((line) => line.includes("is withdrawn"))).toHaveLength(3);
  });
});
