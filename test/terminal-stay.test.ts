import { describe, expect, it } from "vitest";
import { defaultSettings } from "../hal-mocks/energy/settings";
import { MINUTE, Site } from "./support/site";

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
});
