import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { BUILD_TIMEOUT_MS, target, warnWithoutCompiler } from "../support/target";

const ROOT = join(import.meta.dirname, "..", "..");

/** Evaluates a module of target/ with `code`, in a process of its own. */
function evaluate(code: string) {
  const args = ["--input-type=module", "--eval", code];
  return spawnSync(process.execPath, args, { cwd: join(ROOT, "target"), encoding: "utf8" });
}

describe("npm run target", () => {
  it.runIf(process.platform === "linux")("says in one line which package brings a missing compiler", () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(ROOT, "target", "target.mjs")], {
      encoding: "utf8",
      env: { ...process.env, CC: "no-such-compiler" },
    });
    expect(status).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^target: there is no C compiler "no-such-compiler": .*build-essential.*\n$/);
  });

  it("says what it does not understand", () => {
    expect(target(["run"])).toMatchObject({ status: 2, stderr: "target: run what? A program is missing\n" });
    expect(target(["--fast"])).toMatchObject({ status: 2, stderr: 'target: unexpected argument "--fast"\n' });
  });

  it("builds nothing of a tarball that is not the pinned one", () => {
    const { status, stderr } = evaluate(`
      import { checkIntegrity } from "./fetch.mjs";
      checkIntegrity(Buffer.from("other"));`);
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/@agoric\/xsnap@0\.15\.0 is sha512-\S+, expected sha512-ZBm4DZxbt/);
  });

  it("takes the types from a module and leaves the rest", () => {
    const { status, stdout, stderr } = evaluate(`
      import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
      import { transpile } from "./modules.mjs";
      const folder = mkdtempSync("${join(tmpdir(), "gridmote-transpile-")}");
      writeFileSync(folder + "/x.ts", "import type { A } from './a';\\nimport { B } from './b';\\nexport const x: A = 1;\\nlet y = 2;");
      const [{ source }] = await transpile(folder, ["x.ts"], folder);
      console.log(readFileSync(source, "utf8"));
      rmSync(folder, { recursive: true });`);
    expect(stderr).toBe("");
    expect(status).toBe(0);
    expect(stdout.split("\n").filter((line) => !line.startsWith("//") && line)).toEqual([
      'import { B } from "./b";',
      "export const x = 1;",
      "let y = 2;",
    ]);
  });
});

describe.runIf(warnWithoutCompiler())("npm run target with a compiler", () => {
  it("builds the second time only what changed: nothing", { timeout: BUILD_TIMEOUT_MS }, () => {
    expect(target([])).toMatchObject({ status: 0, stderr: "" });
    const { status, stdout } = target([]);
    expect(status).toBe(0);
    expect(stdout).toContain("engine: 0 files compiled, 0 programs linked");
    expect(stdout).toContain("image is up to date");
  });
});
