import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Decoder } from "cbor-x";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readPackage } from "../../tools/ota/package-file";
import { gridmote } from "../tools/harness";
import vectors from "../vectors/cose-sign1.json";

const directory = mkdtempSync(join(tmpdir(), "gridmote-ota-"));
afterAll(() => rmSync(directory, { recursive: true }));
const at = (name: string) => join(directory, name);
const ota = (...args: string[]) => gridmote(["ota", ...args]);
const put = (name: string, content: string | Uint8Array) => {
  writeFileSync(at(name), content);
  return at(name);
};

/** An archive as the SDK's tools make them: XS_A, and in it VERS of XS 17.9. */
function archive(byteLength: number): Uint8Array {
  const bytes = Buffer.alloc(byteLength, 7);
  bytes.writeUInt32BE(byteLength, 0);
  bytes.write("XS_A", 4);
  bytes.writeUInt32BE(12, 8);
  bytes.write("VERS", 12);
  bytes.set([17, 9, 0, 0], 16);
  return bytes;
}

const SBOM = put("sbom.json", '{"bomFormat":"CycloneDX"}');
const APP = put("app.xsa", archive(9000));
const WHOSE = ["--vendor", "example.com", "--class", "meter"];
const pack = (image: string, out: string, ...args: string[]) =>
  ota("pack", image, "--sbom", SBOM, "--out", at(out), ...WHOSE, ...args);

beforeAll(async () => {
  await ota("keygen", at("release.pem"));
  await ota("keygen", "--development", at("dev.pem"));
  await ota("keygen", "--stages", at("stages.secret"));
  await pack(APP, "app.gmu", "--kind", "app", "--key", at("release.pem"), "--version", "5");
});

describe("gridmote ota", () => {
  it("lists its commands, and each has its help", async () => {
    const overview = await ota("--help");
    expect(overview).toMatchObject({ code: 0, stderr: "" });
    expect(await ota()).toMatchObject({ code: 2, stdout: overview.stdout });
    for (const name of ["keygen", "pack", "inspect", "verify", "publish", "withdraw", "status"]) {
      expect(overview.stdout).toMatch(new RegExp(`^  ${name} `, "m"));
      const help = await ota(name, "--help");
      expect(help).toMatchObject({ code: 0, stderr: "" });
      expect(help.stdout).toContain(`Usage: gridmote ota ${name} [options]`);
      expect((await gridmote(["help", "ota", name])).stdout).toBe(help.stdout);
    }
  });
});

describe("gridmote ota keygen", () => {
  it("never overwrites, and keeps private what is private", async () => {
    const before = readFileSync(at("release.pem"));
    const outcome = await ota("keygen", at("release.pem"));
    expect(outcome).toMatchObject({ code: 1, stdout: "" });
    expect(outcome.stderr).toContain("is there already");
    expect(readFileSync(at("release.pem"))).toEqual(before);
    for (const name of ["release.pem", "stages.secret"]) expect(statSync(at(name)).mode & 0o777).toBe(0o600);
  });

  it("marks a development key so that a release refuses it, also without the text around it", async () => {
    const pem = readFileSync(at("dev.pem"), "utf8");
    expect(pem).toContain("DEVELOPMENT");
    const bare = put("bare.pem", pem.slice(pem.indexOf("-----BEGIN")));
    for (const key of [at("dev.pem"), bare]) {
      const args = ["--kind", "app", "--version", "5", "--release", "--key", key];
      expect(await pack(APP, "never.gmu", ...args)).toMatchObject({
        code: 1,
        stderr: "gridmote: the key is for development: a release refuses it\n",
      });
    }
  });
});

describe("gridmote ota pack", () => {
  it("gives the same bytes for the same input, but for the signature", async () => {
    const args = ["--kind", "app", "--key", at("release.pem"), "--version", "5"];
    expect(await pack(APP, "again.gmu", ...args)).toMatchObject({ code: 0 });
    const [one, two] = ["app.gmu", "again.gmu"].map((name) => readPackage(readFileSync(at(name))));
    expect(two.table).toEqual(one.table);
    expect(two.blocks).toEqual(one.blocks);
    const signed = (offer: Uint8Array) => offer.slice(0, -64);
    expect(signed(two.offer)).toEqual(signed(one.offer));
    expect(two.offer).not.toEqual(one.offer);
  });

  it("makes a file that any CBOR library reads", () => {
    const [offer, table, ...blocks] = new Decoder().decodeMultiple(
      readFileSync(at("app.gmu")),
    ) as Uint8Array[];
    expect(offer[0]).toBe(0xd2);
    expect(table.length).toBe(3 * 16);
    expect(Buffer.concat(blocks)).toEqual(readFileSync(APP));
  });

  it("takes the engine's version from the archive, and refuses what is none", async () => {
    const { stdout } = await ota("inspect", at("app.gmu"), "--json");
    expect(JSON.parse(stdout)).toMatchObject({ kind: "app", base: { engine: "17.9" }, blocks: 3 });
    const args = ["--kind", "app", "--key", at("release.pem"), "--version", "5"];
    const cut = put("cut.xsa", archive(9000).subarray(0, 100));
    const text = put("text.xsa", "export default 1;");
    for (const [image, why] of [
      [cut, "it is cut or padded"],
      [text, "is no archive of bytecode"],
    ]) {
      const outcome = await pack(image, "never.gmu", ...args);
      expect(outcome.code).toBe(1);
      expect(outcome.stderr).toContain(why);
    }
    const asked = await pack(APP, "never.gmu", ...args, "--engine", "13.3");
    expect(asked.code).toBe(2);
  });

  it("takes settings that nodes take, and no others", async () => {
    const args = ["--kind", "config", "--key", at("release.pem"), "--version", "1"];
    const good = put("good.json", '{ "sessionMs": 60000, "host2": null, "frame": "dense" }');
    expect(await pack(good, "config.gmu", ...args)).toMatchObject({ code: 0 });
    const { blocks } = readPackage(readFileSync(at("config.gmu")));
    expect(Buffer.concat(blocks).toString()).toBe('{"frame":"dense","host2":null,"sessionMs":"60000"}');
    for (const [json, why] of [
      ['{"wifiPassword":"secret"}', 'an update cannot set "wifiPassword"'],
      ['{"device":"other"}', 'an update cannot set "device"'],
      ['{"colour":"red"}', 'an update cannot set "colour"'],
      ['{"port":0}', "port is"],
      ["[1]", "no JSON object"],
      ["{", "is no JSON"],
    ]) {
      const outcome = await pack(put("bad.json", json), "never.gmu", ...args);
      expect(outcome.code).toBe(1);
      expect(outcome.stderr).toContain(why);
    }
  });

  it("makes nothing that no node could take", async () => {
    const put2 = (name: string, byteLength: number, first: number) =>
      put(name, new Uint8Array(byteLength).fill(first));
    const args = ["--key", at("release.pem"), "--version", "1"];
    for (const [kind, image, why] of [
      ["app", put("big.xsa", archive(16_385)), "16385 bytes, and an image of kind app at most 16384"],
      ["app", put("huge.xsa", archive(2 ** 24)), "at most 16384"],
      ["native", put2("big.bin", 336 * 4096 + 1, 0xe9), "an image of kind native at most 1376256"],
      ["native", put2("text.bin", 4000, 0x20), "is no firmware for ESP32"],
    ]) {
      const outcome = await pack(image, "never.gmu", "--kind", kind, ...args);
      expect(outcome).toMatchObject({ code: 1, stdout: "" });
      expect(outcome.stderr).toContain(why);
      expect(outcome.stderr.trimEnd()).not.toContain("\n");
    }
    expect(
      await pack(put2("good.bin", 336 * 4096, 0xe9), "good.gmu", "--kind", "native", ...args),
    ).toMatchObject({
      code: 0,
    });
    const noBill = await pack(APP, "never.gmu", "--kind", "app", ...args, "--sbom", put("no.json", "[]"));
    expect(noBill.stderr).toContain("is no bill of materials");
  });

  it("warns of a trial that has no time for its readings", async () => {
    const args = ["--kind", "config", "--key", at("release.pem"), "--version", "1", "--health", "1h"];
    const slow = put("slow.json", '{"sampleMs":3600000}');
    expect((await pack(slow, "slow.gmu", ...args)).stderr).toContain(
      "gridmote: a trial of 3600 s is short for a reading each 3600 s: give --health 14400s or more\n",
    );
    const quick = put("quick.json", '{"sampleMs":900000,"host2":null}');
    expect((await pack(quick, "quick.gmu", ...args)).stderr).not.toContain("short");
  });

  it("writes both of its files or none", async () => {
    put("half.gmu.cdx.json", "{}");
    const outcome = await pack(
      APP,
      "half.gmu",
      "--kind",
      "app",
      "--key",
      at("release.pem"),
      "--version",
      "5",
    );
    expect(outcome).toMatchObject({ code: 1, stdout: "" });
    expect(existsSync(at("half.gmu"))).toBe(false);
    put("half.pub.pem", "of another key");
    expect((await ota("keygen", at("half.pem"))).stderr).toContain('half.pub.pem" is there already');
    expect(existsSync(at("half.pem"))).toBe(false);
  });

  it("says in one line what is missing or wrong", async () => {
    for (const [args, why] of [
      [["pack"], "Give an IMAGE"],
      [["pack", APP, "--kind", "app"], "--key is missing"],
      [["pack", APP, "--health", "1y"], "expected 60s to 7d"],
      [["pack", APP, "--hardware", "4-3"], "expected a board's revision"],
      [["pack", APP, "--vendor", "nobody"], "expected a domain"],
      [["pack", APP, "--key", SBOM, "--kind", "app", ...WHOSE, "--version", "1"], "holds no such key"],
      [
        ["pack", APP, "--key", at("release.pub.pem"), "--kind", "app", ...WHOSE, "--version", "1"],
        "holds a public key",
      ],
      [["verify", at("app.gmu")], "--key is missing"],
      [["publish", at("app.gmu"), "--broker", "mqtt://127.0.0.1:1"], "--key is missing"],
      [["packs"], 'did you mean "ota pack"?'],
    ] as const) {
      const outcome = await ota(...args);
      expect(outcome.code).toBe(2);
      expect(outcome.stderr).toContain(why);
      expect(outcome.stderr.trimEnd()).not.toContain("\n");
    }
  });
});

describe("gridmote ota verify", () => {
  const verify = (name: string, ...args: string[]) =>
    ota("verify", at(name), "--key", at("release.pub.pem"), ...args);

  it("finds a package good, with its bill of materials", async () => {
    const outcome = await verify("app.gmu");
    expect(outcome.code).toBe(0);
    expect(outcome.stdout).toContain("app.gmu.cdx.json: its bill of materials");
    expect(outcome.stdout).toContain("app.gmu: good");
  });

  it("names what is wrong", async () => {
    expect((await ota("verify", at("app.gmu"), "--key", at("dev.pub.pem"))).stderr).toContain("refused: key");
    const bytes = readFileSync(at("app.gmu"));
    const damaged = Buffer.from(bytes);
    damaged[damaged.length - 1] ^= 1;
    put("damaged.gmu", damaged);
    expect((await verify("damaged.gmu")).stderr).toContain("refused: block");
    put("short.gmu", bytes.subarray(0, -1));
    expect((await verify("short.gmu")).stderr).toContain("refused: truncated");
    const sbom = await verify("app.gmu", "--sbom", put("other.json", "{}"));
    expect(sbom).toMatchObject({ code: 1 });
    expect(sbom.stderr).toContain("is not the bill of materials of this package");
  });

  it("refuses, for a release, a key that is for development", async () => {
    const outcome = await ota("verify", at("app.gmu"), "--release", "--key", at("dev.pub.pem"));
    expect(outcome).toMatchObject({ code: 1, stdout: "" });
    expect(outcome.stderr).toContain("the key is for development: a release refuses it");
  });

  it("gives the published verdict on examples of others", async () => {
    const files = vectors.examples.map((example, index) => put(`${index}.json`, JSON.stringify(example)));
    const outcome = await ota("verify", "--cose", ...files);
    expect(outcome.code).toBe(0);
    expect(outcome.stdout).toContain("10 of 10 as published, 11 unsupported");
    const differing = { ...vectors.examples[0], fail: true };
    const bad = await ota("verify", "--cose", put("differing.json", JSON.stringify(differing)));
    expect(bad.code).toBe(1);
    expect(bad.stdout).toContain("DIFFERS");
  });
});
