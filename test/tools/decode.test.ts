import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { itemsOf } from "../../tools/decode/items";
import { TestBroker } from "./broker";
import { cbor, frame, gridmote, message, type Outcome, start } from "./harness";

const directory = mkdtempSync(join(tmpdir(), "gridmote-"));
afterAll(() => rmSync(directory, { recursive: true }));

function fileOf(...parts: Uint8Array[]): string {
  const path = join(directory, "frames.cbor");
  writeFileSync(path, Buffer.concat(parts));
  return path;
}

/** Device, point and sequence number of each line. */
function linesOf({ stdout }: Outcome): string[] {
  const records = stdout.split("\n").slice(0, -1);
  return records.map((line) => {
    const { device, point, seq } = JSON.parse(line);
    return `${device} ${point} ${seq}`;
  });
}

const first = message("gm/a/0/f", 0);
const second = message("gm/b/3/f", 1);

describe("gridmote decode FILE", () => {
  it("prints each reading as a line of JSON, each frame once", async () => {
    const outcome = await gridmote(["decode", fileOf(first, second, first)]);
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    expect(outcome.stdout.split("\n")[0]).toBe(
      '{"device":"a","point":0,"boot":7,"seq":0,"time":"2026-05-28T20:26:40Z","clock":100}',
    );
    expect(linesOf(outcome)).toEqual(["a 0 0", "a 0 0", "b 3 1", "b 3 1"]);
  });

  it("takes standard input", async () => {
    const outcome = await gridmote(["decode", "-"], Buffer.concat([first, second]));
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    expect(linesOf(outcome)).toHaveLength(4);
  });

  it("takes bare frames of a device that is named", async () => {
    const path = fileOf(cbor(frame()), cbor(frame({ 2: 1 })));
    expect(linesOf(await gridmote(["decode", "--device", "d", path]))).toEqual([
      "d 0 0",
      "d 0 0",
      "d 0 1",
      "d 0 1",
    ]);
    expect(linesOf(await gridmote(["decode", "--device=d", "--point=2", path]))[0]).toBe("d 2 0");
    const unnamed = await gridmote(["decode", path]);
    expect(unnamed).toEqual({
      code: 2,
      stdout: "",
      stderr: `gridmote: ${path}: it holds bare frames: say whose they are with --device ID\n`,
    });
    const pairs = fileOf(first, second);
    expect(await gridmote(["decode", "--device", "d", pairs])).toEqual({
      code: 2,
      stdout: "",
      stderr: `gridmote: ${pairs}: it holds [topic, payload], which name the device: leave --device out\n`,
    });
  });

  it.each<[string, Uint8Array[], string]>([
    ["a null", [cbor(null)], "item 2: not [topic, payload]"],
    ["an undefined", [cbor(undefined)], "item 2: not [topic, payload]"],
    [
      "another topic",
      [cbor(["gm/a/x", Buffer.from("x")])],
      "item 2: the topic is neither gm/<device>/<point>/f nor gm/<device>/<point>/d/<profile>",
    ],
    ["a damaged frame", [cbor(["gm/a/0/f", Buffer.of(0x82)])], "item 2: not CBOR: it is not one whole item"],
  ])("passes over %s", async (_, parts, line) => {
    const outcome = await gridmote(["decode", fileOf(first, ...parts, second)]);
    expect(outcome).toMatchObject({ code: 1, stderr: `gridmote: ${line}\n` });
    expect(linesOf(outcome)).toEqual(["a 0 0", "a 0 0", "b 3 1", "b 3 1"]);
  });

  it.each<[string, Uint8Array, string]>([
    ["it is cut off", second.subarray(0, 5), "it ends in the middle of an item"],
    ["it is no CBOR", Uint8Array.of(0xff), "a break without a begin"],
    ["an item is too deep", new Uint8Array(9999).fill(0x81), "an item is nested deeper than 64"],
    ["an item is too long", Uint8Array.of(0x5a, 0xff, 0, 0, 0), "an item is longer than 1048576 bytes"],
  ])("prints all that is good before %s", async (_, end, line) => {
    const path = fileOf(first, second, end);
    const outcome = await gridmote(["decode", path]);
    expect(outcome).toMatchObject({ code: 1, stderr: `gridmote: ${path}: after 2 whole items: ${line}\n` });
    expect(linesOf(outcome)).toHaveLength(4);
  });

  it("says that an empty file has nothing in it", async () => {
    const path = fileOf();
    expect(await gridmote(["decode", path])).toEqual({
      code: 1,
      stdout: "",
      stderr: `gridmote: ${path}: there is no CBOR item in it\n`,
    });
  });
});

describe("gridmote decode --format", () => {
  const undated = cbor(["gm/a/0/f", Buffer.from(cbor(frame({ 2: 5, 3: null })))]);

  it.each([
    ["influx", "gridmote,device=a,point=0 clock=100 1780000000000000000"],
    ["senml", '[{"bn":"gm/a/0/","bt":1780000000,"bu":"s","n":"clock","v":100},{"n":"clock","v":160,"t":60}]'],
    ["homeassistant", /^homeassistant\/device\/gridmote_a_0_1\/config \{"device":/],
    ["jsonl", /^\{"device":"a",/],
  ])("%s writes readings so", async (format, expected) => {
    const outcome = await gridmote(["decode", "--format", format, fileOf(first)]);
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    expect(outcome.stdout.split("\n")[0]).toEqual(
      typeof expected === "string" ? expected : expect.stringMatching(expected),
    );
  });

  it("takes a precision, and primary units", async () => {
    const influx = await gridmote(["decode", "--format=influx", "--precision", "s", fileOf(first)]);
    expect(influx.stdout).toMatch(/ 1780000000\n.* 1780000060\n$/);
    const senml = await gridmote(["decode", "--format=senml", "--primary-units", fileOf(first)]);
    expect(senml).toMatchObject({ code: 0, stdout: expect.stringContaining('"n":"clock"') });
  });

  it.each(["influx", "senml", "senml-cbor"])("%s says what it leaves out", async (format) => {
    const outcome = await gridmote(["decode", "--format", format, fileOf(undated)]);
    expect(outcome).toEqual({
      code: 0,
      stdout: "",
      stderr: "gridmote: item 1: 2 readings without a time are left out\n",
    });
  });

  it.each([
    [
      ["--format", "csv"],
      '--format is "csv", expected jsonl or senml or senml-cbor or influx or homeassistant',
    ],
    [["--precision", "s"], "--precision needs --format influx"],
    [["--format", "influx", "--primary-units"], "--primary-units needs --format senml or senml-cbor"],
    [["--format", "homeassistant", "--publish"], "--publish needs --broker and --format homeassistant"],
  ])("refuses %j", async (options, line) => {
    expect(await gridmote(["decode", ...options, fileOf(first)])).toEqual({
      code: 2,
      stdout: "",
      stderr: `gridmote: ${line}\n`,
    });
  });
});

it("takes a sequence apart alike, however it is cut into pieces", async () => {
  const items = [
    first,
    cbor(null),
    cbor([1, [2, { a: 3n ** 30n }], "text"]),
    second,
    Uint8Array.of(0x9f, 0x5f, 0x41, 1, 0xff, 0xff),
  ];
  const whole = Buffer.concat(items);
  async function* pieces(cuts: number[]) {
    let from = 0;
    for (const cut of [...cuts.sort((a, b) => a - b), whole.length]) {
      yield whole.subarray(from, cut);
      from = cut;
    }
  }
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(whole.length)), async (cuts) => {
      const found: string[] = [];
      for await (const item of itemsOf(pieces(cuts))) found.push(Buffer.from(item).toString("hex"));
      expect(found).toEqual(items.map((item) => Buffer.from(item).toString("hex")));
    }),
  );
});

describe("gridmote decode --broker", () => {
  let broker: TestBroker;
  beforeEach(async () => {
    broker = await TestBroker.open();
  });
  afterEach(() => broker.stop());

  it.each(["SIGINT", "SIGTERM"] as const)("prints what comes until %s", async (signal) => {
    const subscribed = broker.subscribed("gm/+/+/f");
    const { child, ended, until } = start(["decode", "--broker", broker.url]);
    await subscribed;
    await broker.publish("gm/a/0/f", cbor(frame()));
    await broker.publish("gm/b/0/s", "another topic");
    await broker.publish("gm/b/3/f", cbor(frame({ 2: 1 })));
    await until(({ stdout }) => stdout.split("\n").length > 4);
    child.kill(signal);
    const outcome = await ended;
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    expect(linesOf(outcome)).toEqual(["a 0 0", "a 0 0", "b 3 1", "b 3 1"]);
  });

  it("reads the descriptors that the broker has kept, before any frame", async () => {
    const number = 36_268;
    const descriptor = cbor([
      1,
      [
        [0, 0, "t", "s", 0],
        [921_600, -1, "later", "Bq", 0],
      ],
    ]);
    await broker.publish(`gm/a/0/d/${number}`, descriptor, 1, { retain: true });
    const subscribed = broker.subscribed("gm/+/+/f");
    const { child, ended, until } = start(["decode", "--broker", broker.url]);
    await subscribed;
    await broker.publish("gm/a/0/f", cbor([number, 7, 0, 1_780_000_000, 1, [0, 0, 25]]));
    await until(({ stdout }) => stdout.endsWith("\n"));
    child.kill("SIGINT");
    expect(await ended).toEqual({
      code: 0,
      stderr: "",
      stdout: '{"device":"a","point":0,"boot":7,"seq":0,"time":"2026-05-28T20:26:40Z","later":2.5}\n',
    });
  });

  it("publishes for Home Assistant, retained", async () => {
    const subscribed = broker.subscribed("gm/+/+/f");
    const args = ["decode", "--broker", broker.url, "--format", "homeassistant", "--publish"];
    const { child, ended } = start(args);
    await subscribed;
    const discovered = broker.published("homeassistant/device/gridmote_a_0_1/config");
    const shown = broker.published("gmh/a/0/1");
    await broker.publish("gm/a/0/f", cbor(frame()));
    const [discovery, state] = await Promise.all([discovered, shown]);
    expect([discovery.retain, state.retain]).toEqual([true, true]);
    expect(JSON.parse(discovery.payload)).toHaveProperty("components.clock.device_class", "timestamp");
    expect(JSON.parse(state.payload)).toMatchObject({ clock: "1970-01-01T00:02:40Z", quality: "good" });
    child.kill("SIGINT");
    expect(await ended).toMatchObject({ code: 0, stdout: "", stderr: "" });
  });

  it("waits for a broker that dies, says so once, and goes on", async () => {
    let subscribed = broker.subscribed("gm/a/+/f");
    const { child, ended, until } = start(["decode", "--broker", broker.url, "--topic", "gm/a/+/f"]);
    await subscribed;
    await broker.publish("gm/a/0/f", cbor(frame()));
    await until(({ stdout }) => stdout.split("\n").length > 2);
    await broker.stop();
    await until(({ stderr }) => stderr.endsWith("\n"));
    await new Promise((resolve) => setTimeout(resolve, 300));
    await broker.start();
    subscribed = broker.subscribed("gm/a/+/f");
    await subscribed;
    await broker.publish("gm/a/0/f", cbor(frame()));
    await broker.publish("gm/a/0/f", cbor(frame({ 2: 1 })));
    await until(({ stdout }) => stdout.split("\n").length > 4);
    child.kill("SIGINT");
    const outcome = await ended;
    expect(outcome.code).toBe(0);
    const place = `gridmote: the broker at 127.0.0.1:${broker.port}`;
    expect(outcome.stderr).toBe(`${place} is gone; waiting for it\n${place} is back\n`);
    expect(linesOf(outcome)).toEqual(["a 0 0", "a 0 0", "a 0 1", "a 0 1"]);
  });

  it("fails in one line when nobody listens", async () => {
    const { url, port } = broker;
    await broker.stop();
    for (const command of ["decode", "sim"]) {
      expect(await gridmote([command, "--broker", url, ...(command === "sim" ? ["--json"] : [])])).toEqual({
        code: 1,
        stdout: "",
        stderr: `gridmote: no broker at mqtt://127.0.0.1:${port} (connection refused): is one running there?\n`,
      });
    }
  });
});
