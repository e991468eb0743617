import { describe, expect, it } from "vitest";
import { P1Meter } from "../hal-mocks/chips/p1-meter";
import { defaultSettings } from "../hal-mocks/energy/settings";
import { House } from "../hal-mocks/world/house";
import { MINUTE, Site, START } from "./support/site";

const SECOND = 1000;

/** Boots, and samples taken, in some minutes of a sleeper. */
async function lived(config: Record<string, unknown>) {
  const site = await Site.open({
    config: { sampleMs: 10 * SECOND, sessionMs: 5 * MINUTE, ...config },
    energy: [defaultSettings],
  });
  await site.pass(12 * MINUTE);
  const [charges] = site.terminal.endCounting();
  const readings = site.terminal.counters!.readings[0];
  return { site, charges, readings };
}

describe("a sleeper", () => {
  it("boots for each reading that is farther away than stayMs", async () => {
    const { charges, readings } = await lived({ stayMs: 0 });
    expect(readings).toBeGreaterThanOrEqual(70);
    expect(charges.boots).toBeGreaterThanOrEqual(readings);
  });

  it("takes several samples a boot where the next one is nearer, and loses none", async () => {
    const { charges, readings, site } = await lived({ stayMs: 20 * SECOND });
    expect(readings).toBeGreaterThanOrEqual(70);
    expect(charges.boots).toBe(1);
    expect(site.terminal.isAsleep).toBe(false);
    site.terminal.press();
    await site.pass(10 * SECOND);
    const good = site.records.filter(({ quality }) => !quality);
    expect(good.length).toBeGreaterThanOrEqual(readings);
  });

  it("boots when its meter is about to speak, and not with its slot, once it knows when that is", async () => {
    const house = new House({ seed: 1, start: START, phases: 1, baseW: 300, pvW: 0, utcOffset: 60 });
    // The meter speaks 0.8 s behind each full second.
    const site = await Site.open({
      config: { sessionMs: 60 * MINUTE },
      chips: (clock) => ({
        serial: new Map([[1, new P1Meter({ clock, values: (time) => house.at(time), offset: 800 })]]),
      }),
      energy: [defaultSettings],
    });
    await site.pass(6 * 60 * MINUTE);
    const [{ awakeSeconds, boots }] = site.terminal.endCounting();
    // Boots and sessions are a tenth of a second a reading; with the slot it would be one.
    expect(boots).toBeGreaterThan(360);
    expect(awakeSeconds / boots).toBeLessThan(0.3);
    const { readings } = site.terminal.counters!;
    expect(readings[0]).toBeGreaterThanOrEqual(359);
    expect(readings.slice(1).every((count) => count === 0)).toBe(true);
  });
});
