import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { broker, suggest } from "../../tools/cli/options";
import { gridmote } from "./harness";

const directory = mkdtempSync(join(tmpdir(), "gridmote-"));
const file = join(directory, "file");
writeFileSync(file, "");
afterAll(() => rmSync(directory, { recursive: true }));

/** Wrong usage: the line after `gridmote: `, and nothing else. */
async function complaint(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await gridmote(args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toMatch(/^gridmote: [^\n]+\n$/);
  return stderr.slice("gridmote: ".length, -1);
}

describe("wrong usage is one line that says what to do", () => {
  it.each([
    [["simm"], 'there is no command "simm"; did you mean "sim"? See gridmote --help'],
    [["toString"], 'there is no command "toString". See gridmote --help'],
    [
      ["--json"],
      "expected a command (sim, decode, calibrate, ota, wifi-key) before --json. See gridmote --help",
    ],
    [["sim", "--dayz", "3"], "unknown option --dayz; did you mean --days? See gridmote sim --help"],
    [["sim", "-days", "3"], "unknown option -days; did you mean --days? See gridmote sim --help"],
    [["sim", "--constructor"], "unknown option --constructor. See gridmote sim --help"],
    [["sim", "--no-json"], "unknown option --no-json. See gridmote sim --help"],
    [["sim", "-x"], "unknown option -x. See gridmote sim --help"],
    [["sim", "--days"], "--days needs a value: --days N"],
    [["sim", "--days="], "--days needs a value: --days N"],
    [["sim", "--out="], "--out needs a value: --out DIR"],
    [["sim", "--days", "--json"], "--days needs a value: --days N"],
    [["sim", "--json=1"], "--json takes no value"],
    [["sim", "--seed", "1.5"], '--seed is "1.5", expected a whole number from 0 to 2147483647'],
    [["sim", "--days", "-1"], '--days is "-1", expected a number above 0, up to 3660'],
    [["sim", "--days", "0x10"], '--days is "0x10", expected a number above 0, up to 3660'],
    [["sim", "--days", "NaN"], '--days is "NaN", expected a number above 0, up to 3660'],
    [["sim", "street.json"], 'unexpected "street.json". See gridmote sim --help'],
    [["sim", "--", "--days"], 'unexpected "--days". See gridmote sim --help'],
    [["sim", "--scenario", "none.json"], '--scenario: there is no file "none.json"'],
    [["sim", "--scenario", directory], `--scenario: "${directory}" is a directory, expected a file`],
    [["sim", "--p1", directory], `--p1: "${directory}" is a directory, expected a file`],
    [["sim", "--p1", file], `${file}: there is no P1 telegram in it: none begins with "/"`],
    [["sim", "--p1", file, "--scenario", file], "either --scenario or --p1, not both"],
    [["sim", "--p1", file, "--days", "1"], "--days is for scenarios: a recording has its own length"],
    [["sim", "--out", file], `--out: cannot write to the directory "${file}" (a file is in its place)`],
    [
      ["sim", "--out", `${file}/x`],
      `--out: cannot write to the directory "${file}/x" (a file is in its way)`,
    ],
    [["decode"], "what shall be decoded? Give --broker mqtt://host:port, or a FILE"],
    [["decode", "a", "b"], 'unexpected "b". See gridmote decode --help'],
    [["decode", "none"], 'there is no file "none"'],
    [["decode", "--broker", "mqtt://h", file], "either --broker or a FILE, not both"],
    [["decode", "--topic", "x", file], "--topic needs --broker"],
    [
      ["decode", "--broker", "mqtt://h", "--topic", "gm/#/f"],
      '--topic is "gm/#/f": + and # stand for whole levels, # for the last ones',
    ],
    [["decode", "--point", "1", file], "--point needs --device"],
    [
      ["decode", "--point", "65536", "--device", "d", file],
      '--point is "65536", expected a whole number from 0 to 65535',
    ],
    [["decode", "--broker", "mqtt://h", "--device", "d"], "--device is for files: topics name the device"],
    [["sim", "--scenario", "a\nb"], '--scenario: there is no file "a b"'],
  ])("%j", async (args, line) => {
    expect(await complaint(...args)).toBe(line);
  });

  it.runIf(process.platform === "linux")("comes back from a directory that nobody can make", async () => {
    const path = "/proc/none/of/these";
    expect(await complaint("sim", "--out", path)).toMatch(`cannot write to the directory "${path}"`);
  });
});

describe("the broker's URL", () => {
  it.each([
    ["mqtt://h", { host: "h", port: 1883 }],
    ["MQTT://h:18/", { host: "h", port: 18 }],
    ["mqtt://[::1]:18", { host: "[::1]", port: 18 }],
    ["mqtt://u:p%40ss@h", { host: "h", port: 1883, user: "u", password: "p@ss" }],
    ["mqtt://u@h", { host: "h", port: 1883, user: "u", password: "" }],
  ])("%s", (url, address) => {
    expect(broker(url, "broker")).toEqual(address);
  });

  it.each([
    "",
    "h",
    "127.0.0.1:1883",
    "localhost:1883",
    "mqtt://",
    "http://u:secret@h",
    "mqtts://u:secret@h",
    "MQTTS://u:secret@h",
    "mqtt://:secret@h",
    "mqtt://u:secret@h:99999",
    "mqtt://u:secret@h:0",
    "mqtt://u:secret@h/path",
    "mqtt://u:secret@h?x=1",
    "mqtt://u:secret@h#x",
    "mqtt://u:secret%@h",
    "mqtt://u:secret@h h",
  ])("is refused, and its password not said: %s", async (url) => {
    const line = await complaint("sim", "--broker", url || " ");
    expect(line).toMatch(/^--broker: expected mqtt:\/\/host:port[,;]/);
    expect(line).not.toContain("secret");
  });
});

describe("help", () => {
  it.each([["sim"], ["decode"]])("of %s, by all names", async (name) => {
    const { code, stdout, stderr } = await gridmote([name, "--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(new RegExp(`^Usage: gridmote ${name} \\[options\\]`));
    expect(stdout).toContain("--broker mqtt://host:port");
    expect((await gridmote([name, "-h"])).stdout).toBe(stdout);
    expect((await gridmote(["help", name])).stdout).toBe(stdout);
  });

  it("lists the commands, as wrong usage when nothing was asked for", async () => {
    const bare = await gridmote([]);
    expect(bare).toMatchObject({ code: 2, stderr: "" });
    expect(bare.stdout).toMatch(/^Usage: gridmote COMMAND .*\n\n {2}sim .*\n {2}decode /);
    for (const name of ["help", "--help", "-h"]) {
      expect(await gridmote([name])).toEqual({ ...bare, code: 0 });
    }
  });

  it("tells the version", async () => {
    expect((await gridmote(["--version"])).stdout).toMatch(/^gridmote \d+\.\d+\.\d+\n$/);
  });
});

it("suggests only what is near", () => {
  expect(suggest("scenaro", ["scenario", "seed"])).toBe("scenario");
  expect(suggest("sed", ["scenario", "seed"])).toBe("seed");
  expect(suggest("dasy", ["days", "seed"])).toBe("days");
  expect(suggest("zzz", ["scenario", "seed"])).toBeUndefined();
});
