// Builds the bytecode compiler and the engine from XS's sources and our own C.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { Missing, which } from "../tools/sdk/sdk.mjs";
import { fetchSources, sourcesKey } from "./fetch.mjs";

const OURS = join(import.meta.dirname, "engine");
const SHARED_FLAGS = [
  ...["-std=gnu11", "-O2", "-D_GNU_SOURCE", "-ffunction-sections", "-fdata-sections", "-fno-common"],
  // XS reads slots as more than one type. An image holds addresses of the program: they must stay the same.
  ...["-fno-strict-aliasing", "-fno-pie"],
  ...["-DINCLUDE_XSPLATFORM", '-DXSPLATFORM="platform.h"', "-DmxRun=1", "-DmxParse=1", "-DmxNoConsole=1"],
  // Without it a deep recursion runs over the stack and says nothing.
  "-DmxBoundsCheck=1",
];
const OUR_FLAGS = ["-Wall", "-Wextra", "-Werror"];
const LINK_FLAGS = ["-no-pie", "-Wl,--gc-sections", "-Wl,--wrap=fxCaptureErrorStack"];
const LIBRARIES = ["-lm", "-lpthread"];
/** An image lies at a fixed address, and the engine finds its own file as Linux has it. */
const MACHINES = ["x64", "arm64"];
const MAINS = { compile: "compile.c", engine: "engine.c" };

/** What is built unless something else is asked for. */
const PLAIN = { name: "", flags: [], compileOptions: [] };
/** Counts bytecodes, of such as a board has: without lines. */
export const METERED = { name: "metered", flags: ["-DmxMetering=1"], compileOptions: ["--no-lines"] };

export function keyOf(...parts) {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part).update("\0");
  return hash.digest("hex").slice(0, 16);
}

/** @throws Missing when there is none, or XS cannot be built here. */
export function findCompiler(env = process.env) {
  if (process.platform !== "linux" || !MACHINES.includes(process.arch))
    throw new Missing(`XS is built on Linux, x86-64 or arm64: this is ${process.platform}, ${process.arch}`);
  const name = env.CC || "cc";
  const path = name.includes("/") ? name : which(name, env.PATH ?? "");
  if (!path || !existsSync(path))
    throw new Missing(
      `there is no C compiler "${name}": apt-get install build-essential, or set CC to another`,
    );
  return path;
}

function compilerKey(compiler) {
  return spawnSync(compiler, ["--version"], { encoding: "utf8" }).stdout ?? "";
}

function sourcesOf(folder) {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".c"))
    .sort()
    .map((name) => join(folder, name));
}

/** One object for each source, named after what it was made of: what is there need not be made. */
function planObjects(compiler, xs, folder, variant) {
  const headers = readdirSync(OURS)
    .filter((name) => name.endsWith(".h"))
    .map((name) => readFileSync(join(OURS, name)));
  const includes = ["includes", "platforms", "sources"].map((part) => join(xs, part));
  const shared = [...SHARED_FLAGS, ...variant.flags];
  const common = [compilerKey(compiler), sourcesKey, ...shared];
  const platform = readFileSync(join(OURS, "platform.h"));
  const plan = (source, flags, ...parts) => ({
    source,
    object: join(folder, `${basename(source, ".c")}-${keyOf(...common, ...flags, ...parts)}.o`),
    args: [...shared, ...flags, `-I${OURS}`],
  });
  const ours = sourcesOf(OURS).map((source) => plan(source, OUR_FLAGS, ...headers, readFileSync(source)));
  const theirs = sourcesOf(join(xs, "sources")).map((source) => plan(source, ["-w"], platform));
  for (const { args } of [...ours, ...theirs]) args.push(...includes.flatMap((path) => ["-isystem", path]));
  return { ours, theirs };
}

function compile(compiler, { source, object, args }) {
  const temporary = `${object}.${process.pid}`;
  const child = spawn(compiler, [...args, "-c", source, "-o", temporary], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      if (code !== 0) return reject(new Error(`${basename(source)} does not compile`));
      renameSync(temporary, object);
      resolve();
    });
  });
}

/** As many at once as there are processors. */
async function compileAll(compiler, plans) {
  const waiting = [...plans];
  const worker = async () => {
    for (let plan = waiting.pop(); plan; plan = waiting.pop()) await compile(compiler, plan);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
}

function removeAllBut(kept, folder) {
  const names = new Set(kept.map((path) => basename(path)));
  for (const name of readdirSync(folder)) if (!names.has(name)) rmSync(join(folder, name), { force: true });
}

function link(compiler, program, objects) {
  const key = keyOf(...objects, ...LINK_FLAGS);
  const keyFile = `${program}.key`;
  if (existsSync(program) && existsSync(keyFile) && readFileSync(keyFile, "utf8") === key) return false;
  const temporary = `${program}.${process.pid}`;
  const args = [...LINK_FLAGS, ...objects, ...LIBRARIES, "-o", temporary];
  const { status } = spawnSync(compiler, args, { stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0) throw new Error(`${basename(program)} does not link`);
  renameSync(temporary, program);
  writeFileSync(keyFile, key);
  return true;
}

/**
 * A variant has a folder of its own below `folder`; the sources are the same.
 * @returns the two programs, the folder they are in, the options of the compiler, how many objects were compiled, and
 * how many programs were linked.
 * @throws Missing
 */
export async function buildEngine(folder, env = process.env, variant = PLAIN) {
  const compiler = findCompiler(env);
  const place = join(folder, variant.name);
  const objects = join(place, "objects");
  mkdirSync(objects, { recursive: true });
  const { ours, theirs } = planObjects(compiler, fetchSources(folder), objects, variant);
  const all = [...ours, ...theirs];
  const missing = all.filter(({ object }) => !existsSync(object));
  await compileAll(compiler, missing);
  removeAllBut(
    all.map(({ object }) => object),
    objects,
  );
  const { compileOptions } = variant;
  const built = { folder: place, compileOptions, compiled: missing.length, linked: 0 };
  for (const [name, main] of Object.entries(MAINS)) {
    const others = Object.values(MAINS).filter((other) => other !== main);
    const parts = all.filter(({ source }) => !others.includes(basename(source)));
    built[name] = join(place, name);
    const linked = link(
      compiler,
      built[name],
      parts.map(({ object }) => object),
    );
    if (linked) built.linked++;
  }
  return built;
}
