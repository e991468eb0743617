import { beforeEach, describe, expect, it } from "vitest";
import { nodeCrypto } from "../../hal-mocks/node/crypto";
import { PowerLoss } from "../../hal-mocks/power";
import { placeOf } from "../../src/ota/package";
import { VERSION } from "../../src/version";
import { appImage, nativeImage } from "../support/images";
import { type Behaviour, DEVICE, pack, UpdateNode } from "../support/update-node";
import { createSigner, IDENTITY, manifestOf } from "../support/updates";

const OLD = 1;
const NEW = 2;
const APP = 11;
const NEXT_APP = 12;

interface Status {
  state: string;
  reason?: string;
  lastRefusal?: string;
  refused: number;
  floors: number[];
  epoch: number;
}

let node: UpdateNode;
beforeEach(() => {
  expect(IDENTITY.build).toBe(VERSION);
  node = new UpdateNode();
  node.flash("ota_0", nativeImage(OLD));
});

function status(): Status {
  return node.updater!.status as Status;
}

/** Lets the node live, and then says what it is. */
function live(sessions = 3) {
  node.live("power", sessions);
  node.updater!.prepare("node", true);
  return node.ran[node.ran.length - 1];
}

describe("a native image", () => {
  it("is fetched, tried and confirmed, and raises the floor", () => {
    node.retained = pack("native", 5, nativeImage(NEW), { epoch: 3 });
    expect(live()).toEqual({ native: NEW, app: 0 });
    expect(status()).toMatchObject({ state: "confirmed", floors: [5, 0, 0], epoch: 3, refused: 0 });
  });

  it.each<[Behaviour, string]>([
    ["throws", "threw"],
    ["hangs", "hung"],
    ["silent", "health"],
    ["dead", "hung"],
    ["starves", "power"],
  ])("that %s is taken back, and the floor stays", (does, reason) => {
    node.behaviours = { [NEW]: does };
    node.retained = pack("native", 5, nativeImage(NEW));
    expect(live(8)).toEqual({ native: OLD, app: 0 });
    expect(status()).toMatchObject({ state: "reverted", reason, floors: [0, 0, 0] });
    expect(node.ran.filter(({ native }) => native === NEW).length).toBeLessThanOrEqual(3);
  });

  it("is left by a restart when the bootloader does not go back, and the reason is said", () => {
    for (const hasOther of [true, false]) {
      const stuck = new UpdateNode();
      stuck.flash("ota_0", nativeImage(OLD));
      stuck.behaviours = { [NEW]: "throws" };
      stuck.retained = pack("native", 5, nativeImage(NEW));
      let asked = 0;
      stuck.changeBoot = (boot) => {
        boot.revert = () => {
          throw new Error("there is no image to go back to");
        };
        if (hasOther) return;
        const { setNext } = boot;
        boot.setNext = () => {
          if (asked++) throw new Error("it is on trial");
          setNext();
        };
      };
      stuck.live("power", 4);
      stuck.updater!.prepare("node", true);
      expect(stuck.ran.at(-1)).toEqual({ native: OLD, app: 0 });
      expect(stuck.updater!.status).toMatchObject({ state: "reverted", reason: "threw", floors: [0, 0, 0] });
      expect(stuck.log.join()).toContain("the bootloader does not go back");
    }
  });

  it.each<[Behaviour, string]>([
    ["throws", "threw"],
    ["hangs", "hung"],
    ["silent", "health"],
    ["starves", "power"],
  ])("that %s is left, and never confirmed, also where the bootloader knows no trials", (does, reason) => {
    const plain = new UpdateNode(undefined, undefined, false);
    plain.flash("ota_0", nativeImage(OLD));
    plain.behaviours = { [NEW]: does };
    plain.retained = pack("native", 5, nativeImage(NEW));
    plain.live("power", 8);
    plain.updater!.prepare("node", true);
    expect(plain.ran.at(-1)).toEqual({ native: OLD, app: 0 });
    expect(plain.updater!.status).toMatchObject({ state: "reverted", reason, floors: [0, 0, 0] });
  });

  it("is confirmed as well where the bootloader knows no trials", () => {
    const plain = new UpdateNode(undefined, undefined, false);
    plain.flash("ota_0", nativeImage(OLD));
    plain.retained = pack("native", 5, nativeImage(NEW));
    plain.live("power", 8);
    plain.updater!.prepare("node", true);
    expect(plain.updater!.status).toMatchObject({ state: "confirmed", floors: [5, 0, 0] });
    expect(plain.ran.at(-1)).toEqual({ native: NEW, app: 0 });
  });

  it("is followed by a better one after one that was taken back", () => {
    node.behaviours = { [NEW]: "throws" };
    node.retained = pack("native", 5, nativeImage(NEW));
    live();
    node.retained = pack("native", 6, nativeImage(3));
    expect(live()).toEqual({ native: 3, app: 0 });
    expect(status()).toMatchObject({ state: "confirmed", floors: [6, 0, 0] });
    node.retained = pack("native", 6, nativeImage(4));
    expect(live()).toEqual({ native: 3, app: 0 });
    expect(status()).toMatchObject({ lastRefusal: "version", refused: 2 });
  });
});

describe("an app", () => {
  it("is copied to where it runs, and takes turns with the one before", () => {
    node.retained = pack("app", 1, appImage(APP));
    expect(live()).toEqual({ native: OLD, app: APP });
    node.retained = pack("app", 2, appImage(NEXT_APP));
    expect(live()).toEqual({ native: OLD, app: NEXT_APP });
    node.retained = pack("app", 3, appImage(APP));
    expect(live()).toEqual({ native: OLD, app: APP });
    expect(status()).toMatchObject({ state: "confirmed", floors: [0, 3, 0] });
  });

  it.each<[Behaviour, string]>([
    ["throws", "threw"],
    ["hangs", "hung"],
    ["silent", "health"],
  ])("that %s gives way to the one before", (does, reason) => {
    node.retained = pack("app", 1, appImage(APP));
    live();
    node.behaviours = { [NEXT_APP]: does };
    node.retained = pack("app", 2, appImage(NEXT_APP));
    expect(live(8)).toEqual({ native: OLD, app: APP });
    expect(status()).toMatchObject({ state: "reverted", reason, floors: [0, 1, 0] });
  });

  it("whose confirmation cannot be written is on trial until it can: no floor has risen", () => {
    node.retained = pack("app", 1, appImage(APP));
    live();
    node.retained = pack("app", 2, appImage(NEXT_APP), { epoch: 7 });
    node.onTrial = () => {
      node.onTrial = () => {};
      const updater = node.updater!;
      const update = node.partition("update");
      const { write } = update;
      update.write = () => {
        throw new Error("it does not answer");
      };
      updater.onReading(true);
      updater.onDelivered();
      expect(status()).toMatchObject({ state: "trial", floors: [0, 1, 0], epoch: 2 });
      update.write = write;
      updater.onDelivered();
      expect(status()).toMatchObject({ state: "confirmed", floors: [0, 2, 0], epoch: 7 });
    };
    expect(live()).toEqual({ native: OLD, app: NEXT_APP });
    expect(live()).toEqual({ native: OLD, app: NEXT_APP });
  });

  it("is given up after some copies by a platform that tells no restart from a loss of power", () => {
    node.restartReason = "power";
    node.retained = pack("app", 5, appImage(APP));
    expect(live(3)).toEqual({ native: OLD, app: 0 });
    expect(status()).toMatchObject({ state: "reverted", reason: "hung", floors: [0, 0, 0] });
    expect(node.boots).toBeLessThan(15);
  });

  it("that another version has as well is fetched into the other slot", () => {
    node.retained = pack("app", 1, appImage(APP));
    live();
    node.retained = pack("app", 2, appImage(APP));
    expect(live(1)).toEqual({ native: OLD, app: APP });
    expect(status()).toMatchObject({ state: "confirmed", floors: [0, 2, 0], refused: 0 });
  });

  it("is confirmed by a session only behind a good reading, and not once it has failed", () => {
    node.retained = pack("app", 1, appImage(APP));
    node.onTrial = () => {
      const updater = node.updater!;
      expect(updater.onReading(false)).toBe(false);
      updater.onDelivered();
      expect(status().state).toBe("trial");
      updater.fail("threw");
      updater.onReading(true);
      updater.onDelivered();
      expect(status().state).toBe("trial");
    };
    expect(live()).toEqual({ native: OLD, app: 0 });
    expect(status()).toMatchObject({ state: "reverted", reason: "threw" });
  });

  it("waits for charge, and meanwhile can be withdrawn, or change in its slot", () => {
    node.hasCharge = false;
    node.retained = pack("app", 1, appImage(APP));
    expect(live()).toEqual({ native: OLD, app: 0 });
    expect(status()).toMatchObject({ state: "verified" });
    node.retained = "withdrawn";
    live();
    expect(status()).toMatchObject({ state: "refused", reason: "withdrawn" });
    node.retained = pack("app", 1, appImage(APP));
    live();
    expect(status()).toMatchObject({ state: "verified" });
    node.partition("mod_0").bytes[5000] ^= 1;
    node.hasCharge = true;
    live(1);
    expect(status()).toMatchObject({ state: "refused", reason: "digest" });
    expect(live()).toEqual({ native: OLD, app: APP });
  });

  it("that fails gives way to the built-in one when there was none before", () => {
    node.behaviours = { [APP]: "throws" };
    node.retained = pack("app", 1, appImage(APP));
    expect(live()).toEqual({ native: OLD, app: 0 });
  });

  it("that was there from the factory comes back when the next one fails", () => {
    node.flash("xs", appImage(APP));
    expect(live()).toEqual({ native: OLD, app: APP });
    node.behaviours = { [NEXT_APP]: "hangs" };
    node.retained = pack("app", 1, appImage(NEXT_APP));
    expect(live()).toEqual({ native: OLD, app: APP });
    expect(status()).toMatchObject({ state: "reverted", reason: "hung" });
  });

  it("that was changed where it runs is copied again before it runs", () => {
    node.retained = pack("app", 1, appImage(APP));
    live();
    node.partition("xs").bytes[5000] ^= 1;
    expect(live()).toEqual({ native: OLD, app: APP });
    node.partition("xs").bytes[5000] ^= 1;
    node.partition("mod_0").bytes[5000] ^= 1;
    expect(live()).toEqual({ native: OLD, app: 0 });
  });
});

describe("an app and the firmware that it needs", () => {
  const forNew = { base: { build: VERSION, engine: "13.4" } };

  beforeEach(() => {
    node.engines = { [NEW]: "13.4" };
  });

  it("come one after the other: what was refused before is taken once its firmware is confirmed", () => {
    const app = pack("app", 2, appImage(NEXT_APP), forNew);
    node.retained = pack("app", 1, appImage(APP));
    live();
    node.retained = app;
    expect(live()).toEqual({ native: OLD, app: APP });
    expect(status()).toMatchObject({ refused: 1, lastRefusal: "base" });
    node.retained = pack("native", 5, nativeImage(NEW));
    expect(live()).toEqual({ native: NEW, app: 0 });
    node.retained = app;
    expect(live()).toEqual({ native: NEW, app: NEXT_APP });
    // The bootloader passes over an image that is damaged: the app is not one for the other.
    node.partition("ota_1").bytes[0] = 0;
    expect(live()).toEqual({ native: OLD, app: 0 });
  });

  it("that is taken back leaves the app of the firmware before", () => {
    node.behaviours = { [NEW]: "hangs" };
    node.retained = pack("app", 1, appImage(APP));
    live();
    node.retained = pack("native", 5, nativeImage(NEW));
    expect(live()).toEqual({ native: OLD, app: APP });
    expect(node.ran).toContainEqual({ native: NEW, app: 0 });
  });
});

describe("settings", () => {
  const text = (json: object) => Uint8Array.from(Buffer.from(JSON.stringify(json)));

  it("are changed, taken away, and put back when a node does not come back with them", () => {
    node.keyValue.set(
      "config",
      new Map([
        ["host", "old"],
        ["port", "1884"],
      ]),
    );
    node.retained = pack("config", 1, text({ host: "new", port: null, sessionMs: 60_000 }));
    live();
    expect(status()).toMatchObject({ state: "confirmed", floors: [0, 0, 1] });
    expect([node.setting("host"), node.setting("port"), node.setting("sessionMs")]).toEqual([
      "new",
      undefined,
      "60000",
    ]);
    node.behaviours = { [OLD]: "silent" };
    node.retained = pack("config", 2, text({ host: "nowhere", port: "1885" }));
    live(8);
    expect(status()).toMatchObject({ state: "reverted", reason: "health", floors: [0, 0, 1] });
    expect([node.setting("host"), node.setting("port")]).toEqual(["new", undefined]);
  });

  it.each([
    ["that are not known", text({ hots: "new" })],
    ["that are secrets", text({ wifiPassword: "x" })],
    ["out of range", text({ port: 70_000 })],
    ["that are no object", Uint8Array.from([1, 2])],
  ])("%s are refused", (_what, image) => {
    node.retained = pack("config", 1, image);
    live();
    expect(status()).toMatchObject({ state: "refused", reason: "settings" });
    expect(node.keyValue.get("config")?.size ?? 0).toBe(0);
  });
});

describe("a node refuses, counts, and goes on", () => {
  const app = appImage(APP);

  it("what another one has signed", () => {
    node.retained = pack("app", 1, app, {}, createSigner());
    expect(live()).toEqual({ native: OLD, app: 0 });
    expect(status()).toMatchObject({ state: "idle", refused: 1, lastRefusal: "key" });
  });

  it.each<[string, Parameters<typeof pack>[3]]>([
    ["class", { deviceClass: new Uint8Array(16) }],
    ["hardware", { hardware: { low: 9, high: 9 } }],
    ["base", { base: { build: "0.0.9", engine: IDENTITY.engine } }],
  ])("what is for another %s", (reason, changed) => {
    node.retained = pack("app", 1, app, changed);
    live();
    expect(status()).toMatchObject({ state: "idle", refused: 1, lastRefusal: reason });
  });

  it("an image that is too large for its slot", () => {
    node.retained = pack("app", 1, new Uint8Array(4 * 4096 + 1));
    live();
    expect(status()).toMatchObject({ state: "idle", refused: 1, lastRefusal: "full" });
    node.retained = pack("app", 1, new Uint8Array(4 * 4096));
    node.lost.add(3);
    live(1);
    expect(status()).toMatchObject({ state: "receiving", blocks: 3 });
  });

  it("an image whose blocks have changed in its slot: all of them come again", () => {
    node.retained = pack("app", 1, app);
    node.lost.add(2);
    live(1);
    node.partition("mod_0").bytes[5000] ^= 1;
    node.lost.clear();
    live(1);
    expect(status()).toMatchObject({ state: "refused", reason: "digest", blocks: 0 });
    expect(live()).toEqual({ native: OLD, app: APP });
  });

  it("a table that has changed in flash, and takes the one of the offer again", () => {
    node.retained = pack("app", 1, app);
    node.lost.add(2);
    live(1);
    node.partition("update").bytes[4 * 4096 + 35] ^= 1;
    node.lost.clear();
    live(1);
    expect(live(1)).toEqual({ native: OLD, app: APP });
    expect(status()).toMatchObject({ state: "confirmed", refused: 0 });
  });

  it("nothing while it is not its turn, and takes it when the percentage reaches it", () => {
    const staged = pack("app", 1, app, {}, undefined, true);
    const place = placeOf(manifestOf(app), DEVICE, nodeCrypto);
    node.retained = staged.offeredTo(place);
    expect(live()).toEqual({ native: OLD, app: 0 });
    expect(status()).toMatchObject({ state: "idle", refused: 0 });
    node.retained = staged.offeredTo(place + 1);
    expect(live()).toEqual({ native: OLD, app: APP });
  });

  it("any other offer while one is on trial", () => {
    node.retained = pack("app", 1, app);
    node.onTrial = () => {
      node.updater!.prepare("node", true);
      node.updater!.take(node.updater!.offerTopic, pack("app", 7, appImage(NEXT_APP)).announcement);
      node.updater!.take(node.updater!.offerTopic, Uint8Array.of(0x81, 0));
      expect(status()).toMatchObject({ state: "trial", version: 1, refused: 0 });
    };
    expect(live()).toEqual({ native: OLD, app: APP });
  });

  it("a table that is another one, until the broker has the right one", () => {
    const right = pack("app", 1, app);
    const other = pack("app", 1, appImage(NEXT_APP));
    // Nobody signs it where it stands.
    const announcement = right.announcement.slice();
    announcement.set(other.announcement.subarray(-48), announcement.length - 48);
    node.retained = { ...right, announcement };
    live();
    expect(status()).toMatchObject({ state: "refused", reason: "table", refused: 1 });
    node.retained = right;
    expect(live()).toEqual({ native: OLD, app: APP });
  });

  it("any number of messages that are no offer, without wearing its flash for each", () => {
    node.live("power", 1);
    const updater = node.updater!;
    updater.prepare("node", true);
    const before = node.power.operations;
    for (let index = 0; index < 1000; index++)
      updater.take(updater.offerTopic, Uint8Array.of(index & 255, index >> 8));
    expect(status()).toMatchObject({ state: "idle", refused: 8 });
    expect(node.power.operations - before).toBeLessThan(30);
    // The next session listens again.
    node.retained = pack("app", 1, app);
    expect(live()).toEqual({ native: OLD, app: APP });
  });

  it("a block that is another one, until the broker has the right one", () => {
    node.retained = pack("app", 1, app);
    node.wrong.set(1, new Uint8Array(4096));
    live(1);
    expect(status()).toMatchObject({ state: "refused", reason: "block", refused: 1 });
    node.wrong.clear();
    expect(live()).toEqual({ native: OLD, app: APP });
  });

  it("blocks that have vanished half way, after some sessions, and takes up what it has when they are back", () => {
    node.retained = pack("app", 1, app);
    node.lost.add(2);
    live(3);
    expect(status()).toMatchObject({ state: "refused", reason: "vanished", blocks: 2, of: 3 });
    node.lost.clear();
    node.lost.add(0).add(1);
    expect(live()).toEqual({ native: OLD, app: APP });
  });

  it("no block that is late: only sessions in a row in which nothing comes are too many", () => {
    node.retained = pack("app", 1, app);
    node.lost.add(1).add(2);
    live(2);
    node.lost.delete(1);
    live(2);
    expect(status()).toMatchObject({ state: "receiving", blocks: 2, refused: 0 });
  });

  it("blocks whose place something else has taken: at once, since no session would miss them", () => {
    node.retained = pack("app", 1, app);
    node.wrong.set(2, Uint8Array.of(0));
    live(1);
    expect(status()).toMatchObject({ state: "refused", reason: "vanished", blocks: 2, of: 3 });
    node.wrong.clear();
    expect(live()).toEqual({ native: OLD, app: APP });
  });

  it("a message that is longer than any may be, once", () => {
    node.live("power", 1);
    const updater = node.updater!;
    updater.prepare("node", true);
    for (const byteLength of [5000, 5000, 70_000])
      expect(updater.accept(updater.offerTopic, byteLength)).toBeUndefined();
    expect(updater.accept("gmu/0123456789abcdef/0", 5000)).toBeUndefined();
    expect(status()).toMatchObject({ state: "idle", refused: 2, lastRefusal: "oversize" });
    updater.take(updater.offerTopic, pack("app", 1, app).announcement);
    const [topic] = updater.wanted(1);
    expect(updater.accept(topic, 4097)).toBeUndefined();
    updater.miss();
    expect(status()).toMatchObject({ state: "refused", reason: "oversize", refused: 3 });
    node.retained = pack("app", 1, app);
    expect(live()).toEqual({ native: OLD, app: APP });
  });

  it("an image of more blocks than it can remember, however large the slot is", () => {
    const blocks = { ...UpdateNode.blocks, ota_0: 400, ota_1: 400 };
    const large = new UpdateNode(undefined, blocks);
    large.flash("ota_0", nativeImage(OLD));
    large.retained = pack("native", 1, new Uint8Array(336 * 4096 + 1).fill(0xe9));
    large.live("power", 1);
    large.updater!.prepare("node", true);
    expect(large.updater!.status).toMatchObject({ state: "idle", lastRefusal: "full" });
  });

  it("an update that was withdrawn or replaced half way", () => {
    node.retained = pack("app", 1, app);
    node.lost.add(2);
    live(1);
    expect(status()).toMatchObject({ state: "receiving" });
    node.retained = "withdrawn";
    live(1);
    expect(status()).toMatchObject({ state: "refused", reason: "withdrawn", refused: 1 });
    node.retained = pack("app", 2, app);
    live(1);
    node.lost.clear();
    node.retained = pack("app", 3, appImage(NEXT_APP));
    expect(live()).toEqual({ native: OLD, app: NEXT_APP });
    expect(status()).toMatchObject({ refused: 2, lastRefusal: "replaced", floors: [0, 3, 0] });
  });

  it("a worn sector, wherever it is", () => {
    for (const name of ["mod_0", "update", "xs"]) {
      const worn = new UpdateNode(node.freeze());
      const partition = worn.partition(name);
      const write = partition.write.bind(partition);
      partition.write = (bytes, offset) => {
        write(bytes, offset);
        // The journal's blocks, but for one, are good.
        if (name !== "update" || Math.floor(offset / 4096) === 4 || offset < 4096)
          partition.bytes[offset] &= 0x0f;
      };
      worn.retained = pack("app", 1, app);
      worn.live("power", 3);
      worn.updater!.prepare("node", true);
      const { native, app: runs } = worn.ran[worn.ran.length - 1];
      expect([name, native, runs]).toEqual([name, OLD, 0]);
      expect(worn.updater!.status).toMatchObject({ lastRefusal: "worn" });
    }
  });

  it("nothing that the power was lost under: it is tried again, but not for ever", () => {
    node.retained = pack("app", 1, app);
    let trials = 0;
    for (let boot = 0; boot < 8; boot++) {
      node.onTrial = () => {
        trials++;
        throw new PowerLoss();
      };
      node.live("power", 1);
    }
    expect(trials).toBe(3);
    expect(live()).toEqual({ native: OLD, app: 0 });
    expect(status()).toMatchObject({ state: "reverted", reason: "power" });
  });
});
