import { execFile } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, it, vi } from "vitest";
import { concat, telegram } from "../support/dsmr";
import { BUILD_TIMEOUT_MS, hasCompiler, terminalFiles } from "../support/target";
import { gridmote, start } from "./harness";

const directory = mkdtempSync(join(tmpdir(), "gridmote-"));
afterAll(() => rmSync(directory, { recursive: true }));
const SHORT = ["--days", "0.05"];

const launcher = new URL("../../tools/launch.mjs", import.meta.url).pathname;
const shell = (script: string) =>
  promisify(execFile)("bash", ["-c", script], { cwd: directory, env: { ...process.env, LAUNCH: launcher } });

function filesOf(path: string): Record<string, string> {
  return Object.fromEntries(readdirSync(path).map((name) => [name, readFileSync(join(path, name), "utf8")]));
}

/** The report without what differs from run to run, and the files. */
async function simulated(name: string, ...args: string[]) {
  const out = join(directory, name);
  const outcome = await gridmote(["sim", ...SHORT, "--json", "--out", out, ...args]);
  expect(outcome).toMatchObject({ code: 0, stderr: "" });
  const { timing, ...report } = JSON.parse(outcome.stdout);
  expect(timing).toEqual({ elapsedMs: expect.any(Number) });
  return { report, files: filesOf(out) };
}

describe("gridmote sim --json", () => {
  it("gives the same bytes for the same seed, and others for another", async () => {
    const one = await simulated("one", "--seed", "7");
    expect(await simulated("two", "--seed", "7")).toEqual(one);
    const other = await simulated("other", "--seed", "8");
    const houses = ["house-1", "house-2", "house-3"];
    const endings = ["-power.csv", "-power.svg", ".jsonl"];
    expect(Object.keys(one.files)).toEqual(
      houses.flatMap((house) => endings.map((ending) => `${house}${ending}`)),
    );
    expect(one.report).toMatchObject({ seed: 7, ok: true });
    for (const name in one.files) expect(other.files[name]).not.toBe(one.files[name]);
    const hashes = (report: { terminals: { sha256: string }[] }) =>
      report.terminals.map(({ sha256 }) => sha256);
    hashes(one.report).forEach((hash, index) => {
      expect(hashes(other.report)[index]).not.toBe(hash);
    });
  });

  it("writes in --out what it counts, in place of what was there", async () => {
    mkdirSync(join(directory, "filled"));
    writeFileSync(join(directory, "filled", "house-1.jsonl"), "old\n");
    const { report, files } = await simulated("filled");
    for (const { device, readings } of report.terminals) {
      const lines = files[`${device}.jsonl`].split("\n").slice(0, -1);
      expect(lines.length).toBeGreaterThanOrEqual(readings);
      for (const line of lines) expect(JSON.parse(line)).toMatchObject({ device, point: 0 });
    }
  });

  it("fails in one line when a file of --out cannot be written", async () => {
    mkdirSync(join(directory, "blocked", "house-2.jsonl"), { recursive: true });
    const out = join(directory, "blocked");
    expect(await gridmote(["sim", ...SHORT, "--json", "--out", out])).toEqual({
      code: 1,
      stdout: "",
      stderr: `gridmote: --out: cannot write "${out}/house-2.jsonl" (it is a directory)\n`,
    });
  });
});

describe("gridmote sim --engine", () => {
  it("takes two words", async () => {
    expect(await gridmote(["sim", "--engine", "v8"])).toEqual({
      code: 2,
      stdout: "",
      stderr: 'gridmote: --engine is "v8", expected node or xs\n',
    });
  });

  it.runIf(process.platform === "linux")("says which package brings a missing compiler", async () => {
    vi.stubEnv("CC", "no-such-compiler");
    const { code, stdout, stderr } = await gridmote(["sim", ...SHORT, "--engine", "xs"]);
    vi.unstubAllEnvs();
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^gridmote: XS cannot be built: there is no C compiler .*build-essential.*\n$/);
  });

  it.runIf(hasCompiler())("xs prints and writes what node does", { timeout: BUILD_TIMEOUT_MS }, async () => {
    terminalFiles();
    expect(await simulated("xs", "--engine", "xs")).toEqual(await simulated("node", "--engine", "node"));
  });
});

describe("gridmote sim", () => {
  it("prints a table on standard output and its progress beside it", async () => {
    const { code, stdout, stderr } = await gridmote(["sim", ...SHORT]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^street: 72 min of virtual time/);
    expect(stdout).toMatch(/^house-2 +sleeper +72 /m);
    expect(stdout).toMatch(/\nEverything arrived, once, and exact \(\d+\.\d s\)\.\n$/);
    expect(stderr.split("\n").filter((line) => /^ *\d+ % \d{4}-/.test(line))).toHaveLength(10);
  });

  it("names the wrong field of a scenario, or that it is no JSON, in one line", async () => {
    const path = join(directory, "scenario.json");
    writeFileSync(path, '{ "start": 5 }');
    expect(await gridmote(["sim", "--scenario", path])).toEqual({
      code: 2,
      stdout: "",
      stderr: `gridmote: ${path}: start is 5, expected a time such as 2026-06-01T00:00:00+02:00\n`,
    });
    writeFileSync(path, '{ "start":\n\n tru }');
    const { code, stderr } = await gridmote(["sim", "--scenario", path]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^gridmote: [^\n]+: not JSON: [^\n]+\n$/);
  });

  it.each<[string, string[], object | undefined]>([
    ["house-1", ["--days", "1e-9"], undefined],
    ["a", ["--days", "0.5"], { terminals: [{ device: "a", config: { sampleMs: 86_400_000 } }] }],
    ["b", [], { days: 0.5, terminals: [{ device: "a" }, { device: "b", config: { sampleMs: 86_400_000 } }] }],
  ])("refuses a run in which nothing is to be measured, at %s", async (device, args, fields) => {
    const path = join(directory, "short.json");
    const event = { at: "20:00", broker: "down" };
    writeFileSync(path, JSON.stringify({ start: "2026-06-01T01:00:00Z", events: [event], ...fields }));
    const { code, stdout, stderr } = await gridmote([
      "sim",
      ...args,
      ...(fields ? ["--scenario", path] : []),
    ]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(
      new RegExp(
        `^gridmote: nothing is to be measured at ${device}: the run ends before its first reading \\(sampleMs is \\d+\\)\n$`,
      ),
    );
  });

  it("runs a scenario that begins with a byte order mark", async () => {
    const path = join(directory, "bom.json");
    writeFileSync(path, '\uFEFF{ "start": "2026-06-01T00:00:00Z", "terminals": [{ "device": "a" }] }');
    expect(await gridmote(["sim", "--days", "0.01", "--json", "--scenario", path])).toMatchObject({
      code: 0,
    });
  });
});

describe("gridmote sim --p1", () => {
  const recorded = (second: number) =>
    telegram(["1-3:0.2.8(50)", `0-0:1.0.0(26011513000${second}W)`, "1-0:1.8.1(000012.345*kWh)"]);
  const path = join(directory, "p1.txt");
  async function run(...parts: Uint8Array[]) {
    writeFileSync(path, concat(...parts));
    const json = await gridmote(["sim", "--p1", path, "--json"]);
    return { table: await gridmote(["sim", "--p1", path]), report: JSON.parse(json.stdout) };
  }

  it("says that a recording ends inside a telegram, and does not miss it", async () => {
    const { table, report } = await run(recorded(1), recorded(2), recorded(3).subarray(0, 40));
    expect(table.code).toBe(0);
    expect(table.stdout).toContain("\nThe recording ends inside a telegram, which is not expected.\n");
    expect(report).toMatchObject({ ok: true, endsInsideTelegram: true, damagedTelegrams: 0 });
    expect(report.terminals[0]).toMatchObject({ good: 2, expected: 2, lost: 0 });
  });

  it("counts what is damaged in the recording as bad, not as lost", async () => {
    const damaged = recorded(2);
    damaged[60] ^= 1;
    const { table, report } = await run(recorded(1), damaged, recorded(3));
    expect(table.code).toBe(0);
    expect(table.stdout).toContain("\n1 telegram is damaged in the recording itself and not expected.\n");
    expect(report).toMatchObject({ ok: true, endsInsideTelegram: false, damagedTelegrams: 1 });
    expect(report.terminals[0]).toMatchObject({ good: 2, bad: { checksum: 1 }, expected: 2, lost: 0 });
  });
});

it("refuses a recording without a whole telegram", async () => {
  const path = join(directory, "none.txt");
  writeFileSync(path, "/TST5\r\n\r\n1-0:1.8.1(");
  expect(await gridmote(["sim", "--p1", path])).toEqual({
    code: 2,
    stdout: "",
    stderr: `gridmote: ${path}: nothing is to be measured: there is no whole P1 telegram in it\n`,
  });
});

describe("the process", () => {
  it("works from anywhere, two at once, without a warning", async () => {
    const runs = [1, 2, 3].map(() => start(["sim", "--days", "0.01", "--json"], { cwd: directory }).ended);
    for (const { code, stdout, stderr } of await Promise.all(runs)) {
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(JSON.parse(stdout).ok).toBe(true);
    }
  });

  it("has the exit codes of its errors", async () => {
    const { code, stderr } = await start(["sim", "--dayz"]).ended;
    expect(code).toBe(2);
    expect(stderr).toBe("gridmote: unknown option --dayz; did you mean --days? See gridmote sim --help\n");
  });

  it("is what npx runs", async () => {
    symlinkSync(launcher, join(directory, "gridmote"));
    const { stdout } = await promisify(execFile)(join(directory, "gridmote"), ["--version"]);
    expect(stdout).toMatch(/^gridmote /);
  });

  it("ends quietly when nobody reads on", async () => {
    const script = 'node "$LAUNCH" sim --days 0.01 --json | head -1; echo "$PIPESTATUS"';
    expect(await shell(script)).toEqual({ stdout: "{\n0\n", stderr: "" });
    const noisy = 'node "$LAUNCH" sim --days 0.01 2> >(head -1 >/dev/null) >/dev/null; echo $?';
    expect(await shell(noisy)).toEqual({ stdout: "0\n", stderr: "" });
  });

  it.runIf(process.platform === "linux")("says when its output cannot be written", async () => {
    const { stdout, stderr } = await shell('node "$LAUNCH" --help >/dev/full; echo $?');
    expect(stdout).toBe("1\n");
    expect(stderr).toMatch(/^gridmote: cannot write to standard output: [^\n]+\n$/);
  });
});
