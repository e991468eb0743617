import { spawnSync } from "node:child_process";
import { realpathSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { BUILD_TIMEOUT_MS, Tree, target, warnWithoutCompiler } from "../support/target";

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

  it("prints what it understands", () => {
    for (const args of [["--help"], ["run", "--help"]]) {
      const { status, stdout, stderr } = target(args);
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      for (const word of ["list", "run", "archive", "terminal", "--root", "--deadline", "--stack"])
        expect(stdout).toContain(word);
    }
  });

  describe("says in one line what is wrong with", () => {
    const tree = new Tree({ "src/main.ts": "", "folder.ts/program.ts": "", "notes.md": "" });
    const other = new Tree({ "program.ts": "" });
    symlinkSync(join(other.root, "program.ts"), join(tree.root, "link.ts"));
    afterAll(() => {
      tree.remove();
      other.remove();
    });
    const toOther = join("..", basename(other.root), "program.ts");
    const root = realpathSync(tree.root);
    const outside = `is not below ${root}: move it there, or let --root name its folder`;
    const noFile = `in ${root} is no TypeScript file: name one that ends in .ts`;

    it.each([
      ["nope.ts", `there is no nope.ts in ${root}: give a program's path from there`],
      ["/no/such.ts", `there is no /no/such.ts in ${root}: give a program's path from there`],
      ["src", `src ${noFile}`],
      ["folder.ts", `folder.ts ${noFile}`],
      ["notes.md", `notes.md ${noFile}`],
      [toOther, `${toOther} ${outside}`],
      [join(other.root, "program.ts"), `${join(other.root, "program.ts")} ${outside}`],
      ["link.ts", `link.ts ${outside}`],
    ])("a program: %s", (program, line) => {
      for (const command of ["run", "archive"])
        expect(target([command, "--root", tree.root, program])).toEqual({
          status: 2,
          stdout: "",
          stderr: `target: ${line}\n`,
        });
    });

    it.each([
      [other.root, `there is no src/main.ts in ${other.root}: let --root name a folder that has one`],
      ["/no/such", "there is no src/main.ts in /no/such: let --root name a folder that has one"],
    ])("a root: %s", (root, line) => {
      for (const args of [[], ["list"], ["run", "program.ts"], ["archive", "program.ts"]])
        expect(target([...args, "--root", root])).toEqual({
          status: 2,
          stdout: "",
          stderr: `target: ${line}\n`,
        });
    });

    it("a root that is not named", () => {
      for (const args of [["--root"], ["list", "--root"], ["run", "program.ts", "--root"]])
        expect(target(args)).toEqual({
          status: 2,
          stdout: "",
          stderr: "target: --root needs a folder: put it behind\n",
        });
    });
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
  describe("runs a program that is named", () => {
    const tree = new Tree({
      "src/main.ts": 'import "./module";\n',
      "src/module.ts": "export const one = 1;\n",
      "programs/fine.ts": 'export default (): string => "fine";\n',
    });
    const elsewhere = new Tree({});
    const link = join(elsewhere.root, "link");
    symlinkSync(tree.root, link);
    afterAll(() => {
      tree.remove();
      elsewhere.remove();
    });

    it.each([
      ["by its path from the root", tree.root, "programs/fine.ts"],
      ["in a roundabout way", tree.root, "./src/../programs/fine.ts"],
      ["by its absolute path", tree.root, join(tree.root, "programs", "fine.ts")],
      ["below a link to the root", link, "programs/fine.ts"],
      ["by its absolute path through that link", link, join(link, "programs", "fine.ts")],
    ])("%s", (_how, root, program) => {
      const fine = { status: 0, stdout: "fine\n", stderr: "" };
      expect(target(["run", "--root", root, program])).toEqual(fine);
    });

    it("but not without a default export", () => {
      for (const command of ["run", "archive"])
        expect(target([command, "--root", tree.root, "src/module.ts"])).toEqual({
          status: 2,
          stdout: "",
          stderr: "target: src/module.ts has no default export: a program's is the function that runs\n",
        });
    });
  });
});
