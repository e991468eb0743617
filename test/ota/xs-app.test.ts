import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hexOf } from "../../src/ota/topics";
import { blocksOf, sha256 } from "../../tools/ota/package";
import type { XsFiles } from "../../tools/sim/machine";
import { nativeImage } from "../support/images";
import { MINUTE, Site } from "../support/site";
import {
  BUILD_TIMEOUT_MS,
  compileModule,
  describeImage,
  hasCompiler,
  Tree,
  terminalFiles,
} from "../support/target";
import { type Package, pack, signer } from "../support/update-node";
import { IDENTITY } from "../support/updates";

const PLAN = `{
  streams: [{ point: 0, sensor: "p1", profile: 2, sampleMs: 30000, timeoutMs: 12000, batch: 5 }],
  sessionMs: 300000,
}`;
const GOOD = `export default () => ({ plan: ${PLAN} });`;
const HANGS = `export default () => ({ plan: ${PLAN}, onReading() { for (;;); } });`;
const THROWS = `export default () => ({ plan: ${PLAN}, onReading() { throw new Error("bad"); } });`;
/** Milliseconds of processor time. */
const DEADLINE_MS = 1_000;

describe.runIf(hasCompiler())("on XS, an app that comes over MQTT", () => {
  const tree = new Tree({});
  let xs: XsFiles;
  beforeAll(() => {
    const { engine, image, provider } = terminalFiles();
    xs = { engine, image, provider };
  }, BUILD_TIMEOUT_MS);
  afterAll(() => tree.remove());

  function packApp(version: number, source: string): Package {
    const archive = compileModule(tree, describeImage().compile, "app", source);
    return pack("app", version, new Uint8Array(readFileSync(archive)), { healthMs: 300_000 });
  }

  function publish(site: Site, { image, announcement }: Package): void {
    const name = hexOf(sha256(image).subarray(0, 8));
    for (const [index, block] of blocksOf(image).entries()) site.publish(`gmu/${name}/${index}`, block, true);
    site.publish(`gmu/${hexOf(IDENTITY.deviceClass)}/offer`, announcement, true);
  }

  const open = () =>
    Site.open({
      xs,
      limits: { chunks: 78_848, slots: 4928, stack: 768, deadlineMs: DEADLINE_MS },
      update: {
        settings: { ...IDENTITY, keys: [signer.trusted] },
        blocks: { ota_0: 4, ota_1: 4, xs: 4, mod_0: 4, mod_1: 4, update: 8 },
        native: nativeImage(1),
      },
      config: { mode: "sleeper", sampleMs: 60_000, sessionMs: 120_000, batch: 5 },
    });

  const last = (site: Site) =>
    JSON.parse(site.states.filter((text) => text.includes('"update"')).at(-1)!).update as object;

  function steps(site: Site): number[] {
    const clocks = site.records.map(({ clock }) => Number(clock));
    return clocks.slice(1).map((clock, index) => clock - clocks[index]);
  }

  it(
    "runs in a new engine and proves itself; one that loops, or throws, gives way to it",
    async () => {
      const site = await open();
      try {
        publish(site, packApp(1, GOOD));
        await site.pass(4 * MINUTE);
        expect(last(site)).toMatchObject({ state: "confirmed", version: 1, floors: [0, 1, 0] });
        expect(site.log).toContain("site: gridmote: the installed app is loaded");
        for (const [version, source, reason] of [
          [2, HANGS, "hung"],
          [3, THROWS, "threw"],
        ] as const) {
          publish(site, packApp(version, source));
          await site.pass(9 * MINUTE);
          expect(last(site)).toMatchObject({ state: "reverted", version, reason, floors: [0, 1, 0] });
          expect(steps(site).at(-1)).toBe(30);
        }
        expect(Math.min(...steps(site))).toBeGreaterThan(0);
        expect(site.events).toEqual([]);
      } finally {
        await site.terminal.close();
      }
    },
    BUILD_TIMEOUT_MS,
  );
});
