import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { EngineFiles } from "../../target/host/engine";
import type { XsFiles } from "../../tools/sim/machine";

const ROOT = join(import.meta.dirname, "..", "..");

/** The first build compiles all of XS. */
export const BUILD_TIMEOUT_MS = 300_000;

export interface Outcome {
  status: number | null;
  stdout: string;
  stderr: string;
}

export interface ImageDescription {
  engine: string;
  compile: string;
  image: string;
  fileBytes: number;
  modules: { name: string; codeBytes: number; slots: number }[];
}

/** Whether XS can be built here; in CI it is an error when it cannot. */
export function hasCompiler(): boolean {
  const there = process.platform === "linux" && !spawnSync(process.env.CC || "cc", ["--version"]).error;
  if (!there && process.env.CI)
    throw new Error("a C compiler is missing, and CI skips nothing: .ci/run installs it");
  return there;
}

/** The same, with one line of warning: for one of the files of tests, so that it is one line. */
export function warnWithoutCompiler(): boolean {
  const there = hasCompiler();
  if (!there)
    console.warn("SKIPPED: tests on XS, which need Linux and a C compiler (Debian: build-essential)");
  return there;
}

function run(command: string, args: readonly string[], input: Uint8Array | undefined): Outcome {
  const options = { cwd: ROOT, encoding: "utf8", input: input ?? "", maxBuffer: 64 * 1024 * 1024 } as const;
  const { status, stdout, stderr, error } = spawnSync(command, args, options);
  if (error) throw error;
  return { status, stdout, stderr };
}

/** `npm run target` with these arguments. */
export function target(args: readonly string[], input?: Uint8Array): Outcome {
  return run(process.execPath, [join(ROOT, "target", "target.mjs"), ...args], input);
}

/** A program of the engine by itself. */
export function engine(path: string, args: readonly string[]): Outcome {
  return run(path, args, undefined);
}

/** The image of the firmware, or of another folder that has a src/main.ts. */
export function describeImage(root = ROOT): ImageDescription {
  const { status, stdout, stderr } = target(["list", "--root", root]);
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as ImageDescription;
}

/** What `Engine` is started with to serve a program of test/target/programs. */
export function served(name: string): EngineFiles {
  const { status, stdout, stderr } = target(["archive", `test/target/programs/${name}.ts`]);
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as EngineFiles;
}

/** What a program of test/target/programs prints on XS. */
export function onXs(name: string, input?: Uint8Array): string {
  const { status, stdout, stderr } = target(["run", `test/target/programs/${name}.ts`], input);
  if (status !== 0) throw new Error(stderr || stdout);
  return stdout.replace(/\n$/, "");
}

/** A folder of sources of its own. */
export class Tree {
  readonly root = mkdtempSync(join(tmpdir(), "gridmote-tree-"));

  constructor(files: Readonly<Record<string, string>>) {
    for (const [path, text] of Object.entries(files)) this.write(path, text);
  }

  write(path: string, text: string | Uint8Array): string {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  }

  /** Runs a program with this body on the image of the tree. */
  run(body: string, options: readonly string[] = [], imports = ""): Outcome {
    this.write("program.ts", `${imports}\nexport default function program(): string {\n${body}\n}\n`);
    return target(["run", "--root", this.root, ...options, "program.ts"]);
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** What a terminal on XS is started with. */
export function terminalFiles(): XsFiles {
  const { status, stdout, stderr } = target(["terminal"]);
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as XsFiles;
}

/** An archive of modules of JavaScript, by their names. */
export function compileModules(
  tree: Tree,
  compile: string,
  modules: Readonly<Record<string, string>>,
): string {
  const args = Object.entries(modules).flatMap(([name, source]) => {
    const file = tree.write(`${name}.js`, `${source}\n//# sourceMappingURL=map\n`);
    const lines = source.split("\n").map((_, index) => (index ? "AACA" : "AAAA"));
    const map = JSON.stringify({ version: 3, sources: [name], mappings: lines.join(";") });
    return [name, file, tree.write(`${name}.map`, map)];
  });
  const archive = join(tree.root, "archive");
  const outcome = engine(compile, [archive, ...args]);
  if (outcome.status !== 0) throw new Error(outcome.stderr);
  return archive;
}

/** An archive of one module of JavaScript. */
export function compileModule(tree: Tree, compile: string, name: string, source: string): string {
  return compileModules(tree, compile, { [name]: source });
}
