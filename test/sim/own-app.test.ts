import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BUILD_TIMEOUT_MS, hasCompiler } from "../support/target";
import { gridmote } from "../tools/harness";

const directory = mkdtempSync(join(tmpdir(), "gridmote-app-"));
afterAll(() => rmSync(directory, { recursive: true }));

function written(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

const scenario = written(
  "scenario.json",
  JSON.stringify({ start: "2026-06-01T00:00:00+02:00", days: 0.1, terminals: [{ device: "own" }] }),
);

const run = (app: string, ...args: string[]) =>
  gridmote(["sim", "--scenario", scenario, "--app", app, "--json", ...args]);

const app = (onReading: string) => `import { HOUR } from "./hour";
interface Kit { streams: object[] }
export default ({ streams }: Kit) => ({ plan: { streams, sessionMs: HOUR }, onReading: ${onReading} });`;

beforeAll(() => {
  written("hour.ts", "export const HOUR: number = 3_600_000;");
});

const engines = [["node"], ["xs"]].filter(([engine]) => engine === "node" || hasCompiler);

describe.each(engines)("an app of one's own on %s", (engine) => {
  const on = ["--engine", engine];

  it(
    "runs with what it imports, in place of the built-in one",
    async () => {
      const good = written(`good-${engine}.ts`, app("() => undefined"));
      const { code, stdout, stderr } = await run(good, ...on);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      const builtIn = await gridmote(["sim", "--scenario", scenario, "--json"]);
      const sessions = (text: string) => JSON.parse(text).terminals[0].energy.sessions;
      expect(sessions(stdout)).toBeGreaterThan(0);
      expect(sessions(stdout)).toBeLessThan(sessions(builtIn.stdout) / 2);
    },
    BUILD_TIMEOUT_MS,
  );

  it("that fails at a reading is named once a terminal, and is no success", async () => {
    const bad = written(`bad-${engine}.ts`, app("(reading: any) => reading.values.pi > 1"));
    const { code, stderr } = await run(bad, ...on);
    expect(code).toBe(1);
    expect(stderr.trimEnd().split("\n")).toEqual([
      expect.stringMatching(/^gridmote: own: the app failed at a reading of point 0 \(TypeError: .*\)$/),
      "gridmote: the app has failed at 145 readings, which are recorded all the same",
    ]);
  });

  it("that does not work is passed over, which is said", async () => {
    const throws = written(
      `throws-${engine}.ts`,
      'export default () => { throw new RangeError("of kit 1"); };',
    );
    const { code, stderr } = await run(throws, ...on);
    expect(code).toBe(1);
    expect(stderr.trimEnd().split("\n")).toEqual([
      "gridmote: own: this app does not work here, the next one is tried (RangeError: of kit 1)",
      "gridmote: the installed app has not run everywhere; what is reported is of the built-in one",
    ]);
  });
});

it.each([
  ["export default 5;", "has no app: export it as default, as src/app/default.ts does"],
  ["export default ((kit) => {", "line 1: Unexpected end of file"],
  [
    'import io from "embedded:io/i2c"; export default () => io;',
    'line 1: Could not resolve "embedded:io/i2c"',
  ],
  ["nothing(); export default () => 1;", "does not load: nothing is not defined"],
])("%s is refused in one line", async (text, message) => {
  const { code, stdout, stderr } = await run(written("wrong.ts", text));
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain(message);
  expect(stderr.trimEnd()).not.toContain("\n");
});
