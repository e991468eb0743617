import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AedesPublishPacket } from "aedes";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { nodeCrypto } from "../../hal-mocks/node/crypto";
import { isInStage, readAnnouncement, readOffer } from "../../src/ota/package";
import { createSigningKey, trustedKeyOf, writeKeyPair } from "../../tools/ota/key-files";
import { pack } from "../../tools/ota/pack";
import { encodePackage } from "../../tools/ota/package-file";
import { imageOf, manifestOf, refusal } from "../support/updates";
import { TestBroker } from "../tools/broker";
import { gridmote } from "../tools/harness";

const directory = mkdtempSync(join(tmpdir(), "gridmote-publish-"));
afterAll(() => rmSync(directory, { recursive: true }));
const at = (name: string) => join(directory, name);
const key = createSigningKey(false);
const keys = [trustedKeyOf(key)];
const SECRET = new Uint8Array(32).fill(9);
const OFFER = `gmu/${"22".repeat(16)}/offer`;

/** Of 3 blocks, and one whose table does not fit in the announcement. */
const small = imageOf(9000);
const large = imageOf(65 * 4096);
const release = { ...manifestOf(small), base: { build: "0.1.0", engine: "13.3" } };

let broker: TestBroker;
let published: { topic: string; payload: Buffer; qos: number; retain: boolean }[];

beforeAll(() => {
  writeKeyPair(at("release.pem"), key);
  writeFileSync(at("stages"), `gridmote stage secret ${Buffer.from(SECRET).toString("hex")}\n`);
  writeFileSync(at("other"), `gridmote stage secret ${"00".repeat(32)}\n`);
  writeFileSync(at("small.gmu"), encodePackage(pack(small, release, key, { stageSecret: SECRET })));
  writeFileSync(at("large.gmu"), encodePackage(pack(large, release, key)));
});

beforeEach(async () => {
  broker = await TestBroker.open();
  published = [];
  broker.aedes.on("publish", ({ topic, payload, qos, retain }: AedesPublishPacket) => {
    if (topic.startsWith("gmu/")) published.push({ topic, payload: Buffer.from(payload), qos, retain });
  });
});

afterEach(() => broker.stop());

const ota = (command: string, name: string, ...args: string[]) =>
  gridmote(["ota", command, at(name), "--broker", broker.url, ...args]);
const publish = (name: string, ...args: string[]) =>
  ota("publish", name, "--key", at("release.pub.pem"), ...args);
const staged = (percent: string, ...args: string[]) =>
  publish("small.gmu", "--stages", at("stages"), "--percent", percent, ...args);
const topics = () => published.map(({ topic }) => topic.replace(/gmu\/[0-9a-f]{16}\//, ""));
const last = () => readAnnouncement(published.at(-1)!.payload);
const state = (device: string, update: object) =>
  broker.publish(`gm/${device}/s`, JSON.stringify({ state: "sleeping", version: "0.1.0", update }), 1, {
    retain: true,
  });

describe("gridmote ota publish", () => {
  it("puts every block on the broker, retained and acknowledged, and the offer last", async () => {
    expect(await staged("100")).toMatchObject({ code: 0 });
    expect(topics()).toEqual(["0", "1", "2", OFFER]);
    for (const { qos, retain } of published) expect({ qos, retain }).toEqual({ qos: 1, retain: true });
    expect(Buffer.concat(published.slice(0, 3).map(({ payload }) => payload))).toEqual(Buffer.from(small));
    const { offer, table } = last()!;
    expect(table.length).toBe(48);
    expect(readOffer(offer, keys, nodeCrypto).byteLength).toBe(9000);
    const status = await ota("status", "small.gmu", "--json");
    expect(JSON.parse(status.stdout).content).toMatchObject({ there: 3, of: 3 });
  });

  it("sends a table that is too long as messages of its own", async () => {
    expect(await publish("large.gmu")).toMatchObject({ code: 0 });
    expect(topics().slice(0, 3)).toEqual(["t0", "0", "1"]);
    expect(published[0].payload.length).toBe(65 * 16);
    expect(last()!.table.length).toBe(0);
  });

  it("raises the percentage by the offer alone, and a node believes no more than was published", async () => {
    await staged("10");
    const ten = last()!;
    published = [];
    expect(await staged("35")).toMatchObject({ code: 0 });
    expect(topics()).toEqual([OFFER]);
    const manifest = readOffer(ten.offer, keys, nodeCrypto);
    const devices = Array.from({ length: 400 }, (_, index) => `node-${index}`);
    const inStage = (announced: { percent: number; token: Uint8Array }) =>
      devices.filter((device) => isInStage(manifest, announced, device, nodeCrypto));
    const first = inStage(ten);
    const second = inStage(last()!);
    expect(first.length).toBeGreaterThan(20);
    expect(first.length).toBeLessThan(60);
    expect(second.length).toBeGreaterThan(110);
    expect(second.length).toBeLessThan(170);
    // Who was asked first stays asked.
    expect(second).toEqual(expect.arrayContaining(first));
    for (const percent of [0, 9, 11, 100]) expect(refusal(() => inStage({ ...ten, percent }))).toBe("stage");
  });

  it("refuses what it cannot prove, and what nodes would refuse", async () => {
    const complaints = [
      await publish("small.gmu"),
      await publish("small.gmu", "--stages", at("other")),
      await publish("large.gmu", "--percent", "10"),
      await publish("small.gmu", "--for", "1s"),
    ].map(({ code, stderr }) => `${code} ${stderr}`);
    expect(complaints[0]).toContain("2 gridmote: --stages is missing");
    expect(complaints[1]).toContain("is not the stage secret");
    expect(complaints[2]).toContain("the package has no stages");
    expect(complaints[3]).toContain("--for needs --watch");
    const damaged = readFileSync(at("small.gmu"));
    damaged[damaged.length - 1] ^= 1;
    writeFileSync(at("damaged.gmu"), damaged);
    expect((await publish("damaged.gmu")).stderr).toContain("refused: block");
    expect(published).toEqual([]);
  });

  it("withdraws by itself when too many nodes fail, and says so", async () => {
    await staged("100");
    const { image } = JSON.parse((await gridmote(["ota", "inspect", at("small.gmu"), "--json"])).stdout);
    const update = { kind: "app", version: 5, image };
    await state("a", { ...update, state: "confirmed" });
    await state("b", { ...update, state: "reverted", reason: "threw" });
    await state("c", { ...update, state: "reverted", reason: "power" });
    await state("d", { ...update, state: "reverted", reason: "hung", image: "0123456789abcdef" });
    const watching = ["--watch", "--for", "1s"];
    expect(await staged("100", ...watching)).toMatchObject({ code: 0 });
    expect(last()).toBeDefined();
    await state("e", { ...update, state: "reverted", reason: "health" });
    const halted = await staged("100", ...watching);
    expect(halted.code).toBe(1);
    expect(halted.stdout).toContain("2 nodes failed: app 5 is withdrawn");
    expect(last()).toBeUndefined();
    expect(published.at(-1)).toMatchObject({ topic: OFFER, retain: true });
    const status = await ota("status", "small.gmu");
    expect(status.stdout).toMatch(/^b +sleeping +0\.1\.0 +app 5 +reverted +\w{16} +threw$/m);
    expect(status.stdout).toContain(
      "3 of 3 messages on the broker, confirmed 1, under way 0, failed 2, not taken 1",
    );
  });
});

describe("gridmote ota withdraw", () => {
  it("never leaves an empty message where a node listens, unless it is told to delete", async () => {
    await staged("100");
    published = [];
    expect(await ota("withdraw", "small.gmu", "--blocks")).toMatchObject({ code: 0 });
    expect(topics()).toEqual([OFFER, "0", "1", "2"]);
    for (const { payload } of published) expect(payload.length).toBeGreaterThan(0);
    expect(readAnnouncement(published[0].payload)).toBeUndefined();
    expect(await ota("status", "small.gmu", "--json")).toMatchObject({ code: 1 });
    published = [];
    expect(await ota("withdraw", "small.gmu", "--delete")).toMatchObject({ code: 0 });
    expect(published.map(({ payload }) => payload.length)).toEqual([0, 0, 0]);
  });

  it("leaves alone the offer that has taken its place", async () => {
    await staged("100");
    await publish("large.gmu");
    published = [];
    expect(await ota("withdraw", "small.gmu")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("was not offered"),
    });
    expect(published).toEqual([]);
  });

  it("says that there is no broker", async () => {
    await broker.stop();
    const outcome = await ota("withdraw", "small.gmu");
    expect(outcome).toMatchObject({ code: 1 });
    expect(outcome.stderr).toContain("no broker at");
  });
});
