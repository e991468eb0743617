import { describe, expect, it, vi } from "vitest";
import type { App } from "../../src/app/interface";
import { hexOf } from "../../src/ota/topics";
import { Updater } from "../../src/ota/updater";
import { blocksOf, encodeWithdrawal, sha256, tableOf } from "../../tools/ota/package";
import type { UpdateSetup } from "../../tools/sim/terminal";
import { appImage, nativeImage, tagOf } from "../support/images";
import { MINUTE, Site } from "../support/site";
import { type Package, pack, signer } from "../support/update-node";
import { IDENTITY, imageOf } from "../support/updates";

const CLASS = hexOf(IDENTITY.deviceClass);
const OLD = 1;
const NEW = 2;
const APP = 11;
const BAD_APP = 12;
const QUIET_APP = 13;
const METER_3 = 2;

/** What an app does, by its tag. */
function appOf(xs: Uint8Array): App | undefined {
  const tag = tagOf(xs);
  if (tag !== APP && tag !== BAD_APP && tag !== QUIET_APP) return undefined;
  const isQuiet = tag === QUIET_APP;
  return () => ({
    plan: {
      streams: [
        {
          point: 0,
          sensor: "p1",
          profile: METER_3,
          sampleMs: 30_000,
          timeoutMs: 12_000,
          batch: isQuiet ? 99 : 5,
        },
      ],
      sessionMs: isQuiet ? 86_400_000 : 300_000,
    },
    onReading() {
      if (tag === BAD_APP) throw new Error("a bad release");
      return undefined;
    },
  });
}

const update: UpdateSetup = {
  settings: { ...IDENTITY, keys: [signer.trusted] },
  blocks: { ota_0: 70, ota_1: 70, xs: 4, mod_0: 4, mod_1: 4 },
  native: nativeImage(OLD),
  appOf,
};
const config = { mode: "sleeper", sampleMs: 60_000, sessionMs: 300_000, batch: 5, backoffMs: 10_000 };

function publish(site: Site, { image, announcement }: Package, blocks = blocksOf(image)): void {
  const name = hexOf(sha256(image).subarray(0, 8));
  const table = tableOf(image);
  if (table.length > 1024)
    for (let part = 0; part * 4096 < table.length; part++)
      site.publish(`gmu/${name}/t${part}`, table.slice(part * 4096, (part + 1) * 4096), true);
  for (const [index, block] of blocks.entries()) site.publish(`gmu/${name}/${index}`, block, true);
  site.publish(`gmu/${CLASS}/offer`, announcement, true);
}

interface Report {
  version: string;
  update?: { state: string; reason?: string; floors: number[]; blocks?: number; lastRefusal?: string };
}

function reports(site: Site): Report[] {
  return site.states.map((text) => JSON.parse(text) as Report).filter(({ update: said }) => said);
}

const last = (site: Site) => reports(site)[reports(site).length - 1].update!;

/** No reading is missing, none is there twice, and registers only grow. */
function expectReadings(site: Site, atLeast: number): void {
  const clocks = site.records.map(({ clock }) => Number(clock));
  expect(new Set(clocks).size).toBe(clocks.length);
  expect(clocks.length).toBeGreaterThanOrEqual(atLeast);
  const gaps = clocks.slice(1).map((clock, index) => clock - clocks[index]);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(61);
  expect(site.events).toEqual([]);
}

describe("a sleeper", () => {
  it("takes an app from the broker, runs it, and says so", async () => {
    const site = await Site.open({ update, config });
    await site.pass(12 * MINUTE);
    publish(site, pack("app", 1, appImage(APP)));
    await site.pass(20 * MINUTE);
    expect(last(site)).toMatchObject({ state: "confirmed", kind: "app", version: 1, floors: [0, 1, 0] });
    const clocks = site.records.map(({ clock }) => Number(clock));
    expect(clocks[clocks.length - 1] - clocks[clocks.length - 2]).toBe(30);
    expectReadings(site, 40);
    expect(new Set(site.records.map(({ boot }) => boot)).size).toBe(1);
  });

  it("takes a native image over several sessions, and keeps its readings", async () => {
    const site = await Site.open({ update, config });
    const image = imageOf(66 * 4096 + 77);
    image.set(nativeImage(NEW).subarray(0, 8));
    publish(site, pack("native", 1, image, { healthMs: 900_000 }));
    await site.pass(MINUTE);
    expect(last(site)).toMatchObject({ state: "receiving", of: 67 });
    await site.pass(30 * MINUTE);
    expect(last(site)).toMatchObject({ state: "confirmed", floors: [1, 0, 0] });
    expect(tagOf(site.terminal.images!.bootloader.running.bytes)).toBe(NEW);
    expectReadings(site, 30);
  });

  it("counts no session as delivered in which no frame was acknowledged", async () => {
    const delivered = vi.spyOn(Updater.prototype, "onDelivered");
    try {
      // A reading in ten minutes, and each minute a session that says how it is.
      const often = { sampleMs: 10 * MINUTE, sessionMs: MINUTE, batch: 1, statusMs: MINUTE };
      const site = await Site.open({ update, config: { ...config, ...often } });
      await site.pass(30 * MINUTE);
      const { sessions, frames } = site.terminal.counters!;
      expect(sessions).toBeGreaterThan(10);
      expect(frames).toBeLessThan(5);
      expect(delivered.mock.calls.length).toBeGreaterThan(0);
      expect(delivered.mock.calls.length).toBeLessThanOrEqual(frames);
    } finally {
      delivered.mockRestore();
    }
  });

  it("takes a reading out of turn where the next slot comes after the trial's time", async () => {
    const site = await Site.open({ update, config: { ...config, sampleMs: 60 * MINUTE } });
    publish(site, pack("native", 1, nativeImage(NEW), { healthMs: 2 * MINUTE }));
    await site.pass(20 * MINUTE);
    expect(last(site)).toMatchObject({ state: "confirmed", floors: [1, 0, 0] });
    expect(site.records.length).toBe(2);
  });

  it("goes back from an app that throws at its first reading, and says why", async () => {
    const site = await Site.open({ update, config });
    publish(site, pack("app", 1, appImage(BAD_APP)));
    await site.pass(15 * MINUTE);
    expect(last(site)).toMatchObject({ state: "reverted", reason: "threw", floors: [0, 0, 0] });
    expectReadings(site, 12);
  });

  it("goes back from an image with which it does not reach the broker", async () => {
    const site = await Site.open({ update, config });
    publish(site, pack("native", 1, nativeImage(NEW), { healthMs: 300_000 }));
    const { images, link } = site.terminal;
    let trials = 0;
    let isNew = false;
    for (let second = 0; second < 1500; second++) {
      await site.pass(1000);
      const wasNew: boolean = isNew;
      isNew = tagOf(images!.bootloader.running.bytes) === NEW;
      if (isNew === wasNew) continue;
      if (isNew) {
        trials++;
        link.down();
      } else link.up();
    }
    expect([isNew, trials]).toEqual([false, 3]);
    expect(last(site)).toMatchObject({ state: "reverted", reason: "health", floors: [0, 0, 0] });
    expectReadings(site, 23);
  });

  it("opens no flash in a wake that only samples, and looks again after a reset", async () => {
    const site = await Site.open({ update, config });
    publish(site, pack("app", 1, appImage(QUIET_APP)));
    await site.pass(10 * MINUTE);
    expect(last(site)).toMatchObject({ state: "confirmed" });
    const { hal, images } = site.terminal;
    const flash = hal.storage.flash!;
    const opened: string[] = [];
    const open = flash.open.bind(flash);
    flash.open = (options) => {
      opened.push(options.path);
      return open(options);
    };
    const readings = () => site.terminal.counters!.readings[0];
    const before = readings();
    await site.pass(10 * MINUTE);
    expect([readings() - before, opened]).toEqual([20, []]);
    // What runs then is another one: nobody has looked yet.
    images!.partition("xs").bytes[5000] ^= 1;
    site.terminal.reset("keep");
    await site.pass(MINUTE);
    expect(opened).toContain("update");
    expect(images!.partition("xs").bytes.slice(0, 9092)).toEqual(appImage(QUIET_APP));
  });

  it("goes on in the old image after the power was lost on trial, and tries again", async () => {
    const site = await Site.open({ update, config });
    publish(site, pack("native", 1, nativeImage(NEW)));
    const { images } = site.terminal;
    while (tagOf(images!.bootloader.running.bytes) !== NEW) await site.pass(1000);
    site.terminal.reset("lose");
    await site.pass(1000);
    expect(tagOf(images!.bootloader.running.bytes)).toBe(OLD);
    await site.pass(10 * MINUTE);
    expect(tagOf(images!.bootloader.running.bytes)).toBe(NEW);
    expect(last(site)).toMatchObject({ state: "confirmed" });
  });

  it("says that blocks are not there, and that an update was withdrawn", async () => {
    const site = await Site.open({ update, config: { ...config, statusMs: 60_000 } });
    const update1 = pack("app", 1, appImage(APP));
    publish(site, update1, blocksOf(update1.image).slice(0, 2));
    await site.pass(20 * MINUTE);
    expect(reports(site).map(({ update: said }) => said!.reason)).toContain("vanished");
    site.publish(`gmu/${CLASS}/offer`, encodeWithdrawal(), true);
    await site.pass(12 * MINUTE);
    expect(site.log.filter((line) => line.includes("failed"))).toEqual([]);
    expectReadings(site, 25);
  });

  it("is not shut out by the shortest sessions that there can be", async () => {
    const site = await Site.open({ update, config: { ...config, awakeMs: 5_000 } });
    publish(site, pack("app", 1, appImage(APP)));
    await site.pass(12 * MINUTE);
    expect(last(site)).toMatchObject({ state: "confirmed" });
  });

  it("fetches nothing while its battery is low", async () => {
    let volts = 3.2;
    const site = await Site.open({
      update,
      config: { ...config, supplyLowMv: 3300 },
      prepare: (hal) => {
        hal.supply = { read: () => volts };
      },
    });
    publish(site, pack("app", 1, appImage(APP)));
    await site.pass(45 * MINUTE);
    expect(last(site)).toMatchObject({ state: "receiving", blocks: 0 });
    volts = 3.6;
    await site.pass(45 * MINUTE);
    expect(last(site)).toMatchObject({ state: "confirmed" });
  });
});

describe("a resident", () => {
  it("takes an app while its session stays open", async () => {
    const site = await Site.open({ update, config: { ...config, mode: "resident" } });
    await site.pass(7 * MINUTE);
    publish(site, pack("app", 1, appImage(APP)));
    await site.pass(15 * MINUTE);
    expect(last(site)).toMatchObject({ state: "confirmed", floors: [0, 1, 0] });
    expectReadings(site, 25);
  });
});
