// Makes images and archives of TypeScript modules.
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, posix, relative } from "node:path";
import { keyOf } from "./build.mjs";
import { loadOrder, programOrder, transpile } from "./modules.mjs";

/** The device's entry needs the platform: it is no part of an image. */
export const MAIN = "src/main.ts";
/** Says which modules an app is made of, and what they are called. */
const APP_MANIFEST = "src/app/manifest.json";
/** What the node's partitions and the update have room for. */
const APP_BYTES = 16 * 1024;
/** What stands in for src/main.ts when a terminal runs here. */
const PROVIDER = "target/provider/terminal.ts";
/** Images and archives that nobody has used for so long are removed. */
const UNUSED_MS = 3_600_000;
/** The module that calls a program. Beside the sources, so that its import is a plain one. */
const CALLER = "caller.ts";

function run(program, args) {
  const { status, signal, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  if (error) throw error;
  if (status !== 0) throw new Error(stderr.trim() || `${program} ended with ${signal}`);
  return stdout;
}

function compileTo(archive, modules, { compile, compileOptions }) {
  const files = modules.flatMap(({ name, source, map }) => [name, source, map]);
  run(compile, [...compileOptions, archive, ...files]);
}

/** The modules of the firmware below `root`, in the order in which they are frozen. */
export async function firmwareModules(root) {
  return (await loadOrder(root, [MAIN])).filter((path) => path !== MAIN);
}

/** The image of the firmware below `root`, made anew only when a module or the engine has changed. */
export async function makeImage(root, folder, built) {
  const { compile, engine, compileOptions } = built;
  const modules = await firmwareModules(root);
  const sources = modules.map((path) => readFileSync(join(root, path)));
  const programs = [compile, engine].map((path) => readFileSync(path));
  const image = join(
    folder,
    "images",
    `${keyOf(...modules, ...sources, ...programs, ...compileOptions)}.image`,
  );
  if (isThere(image)) return { image, modules, made: false };
  await inTemporary(async (temporary) => {
    const archive = join(temporary, "archive");
    compileTo(archive, await transpile(root, modules, temporary), built);
    run(engine, ["freeze", archive, join(temporary, "image")]);
    const arriving = `${image}.${process.pid}`;
    writeFileSync(arriving, readFileSync(join(temporary, "image")));
    renameSync(arriving, image);
  });
  return { image, modules, made: true };
}

/** Says that `file` is in use, or makes room for it. */
function isThere(file) {
  if (existsSync(file)) {
    const now = new Date();
    utimesSync(file, now, now);
    return true;
  }
  mkdirSync(dirname(file), { recursive: true });
  removeUnused(dirname(file));
  return false;
}

function removeUnused(folder) {
  const limit = Date.now() - UNUSED_MS;
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).mtimeMs < limit) rmSync(path, { force: true });
  }
}

async function inTemporary(body) {
  const temporary = mkdtempSync(join(tmpdir(), "gridmote-target-"));
  try {
    return await body(temporary);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function transpileCaller(program, folder) {
  const source = join(folder, `${CALLER}.js`);
  const call = `import program from "./${program}";\nprint(program(new Uint8Array(input())));\n`;
  writeFileSync(source, `${call}//# sourceMappingURL=map\n`);
  writeFileSync(`${source}.map`, '{"version":3,"sources":["caller"],"mappings":"AAAA;AACA;"}');
  return { name: CALLER, source, map: `${source}.map` };
}

/**
 * Runs a program on an image: a module whose default export takes the bytes of standard input and returns the text
 * that is printed.
 * @returns the exit code.
 */
export async function runProgram(root, program, { image, modules }, built, options) {
  return inTemporary(async (temporary) => {
    const own = (await programOrder(root, program)).filter((path) => !modules.includes(path));
    const archive = join(temporary, "archive");
    compileTo(
      archive,
      [...(await transpile(root, own, temporary)), transpileCaller(program, temporary)],
      built,
    );
    const { status, signal, error } = spawnSync(built.engine, ["run", ...options, image, archive], {
      stdio: "inherit",
    });
    if (error) throw error;
    if (signal) throw new Error(`the engine was ended by ${signal}`);
    return status;
  });
}

/** An archive of modules below `root`, made anew only when one of them or the compiler has changed. */
export async function makeArchive(root, folder, named, built) {
  const sources = named.map(({ path }) => readFileSync(join(root, path)));
  const names = named.map(({ name, path }) => `${name} ${path}`);
  const archive = join(
    folder,
    "archives",
    keyOf(...names, ...sources, ...built.compileOptions, readFileSync(built.compile)),
  );
  if (isThere(archive)) return archive;
  await inTemporary(async (temporary) => {
    const paths = named.map(({ path }) => path);
    const modules = await transpile(root, paths, temporary);
    const arriving = `${archive}.${process.pid}`;
    compileTo(
      arriving,
      modules.map((module, index) => ({ ...module, name: named[index].name })),
      built,
    );
    renameSync(arriving, archive);
  });
  return archive;
}

/** The app below `root` as a second image: what a mod would be on a board. @param own one file, in place of the manifest's. */
export async function makeApp(root, folder, engine, own) {
  const named = own ? [{ name: "app", path: relative(root, own) }] : modulesOfApp(root);
  const app = await makeArchive(root, folder, named, engine);
  const { size } = statSync(app);
  if (size > APP_BYTES) throw new Error(`the app is ${size} bytes, and may be ${APP_BYTES}`);
  return app;
}

function modulesOfApp(root) {
  const { modules } = JSON.parse(readFileSync(join(root, APP_MANIFEST), "utf8"));
  return Object.entries(modules)
    .filter(([name]) => name !== "~")
    .map(([name, path]) => ({ name, path: `${posix.join(posix.dirname(APP_MANIFEST), path)}.ts` }));
}

/** A program below `root` for `engine serve`: its modules that are not in the image, its own the last. */
export async function makeProgram(root, folder, program, { modules }, engine) {
  const own = (await programOrder(root, program)).filter((path) => !modules.includes(path));
  return makeArchive(
    root,
    folder,
    own.map((path) => ({ name: path, path })),
    engine,
  );
}

/** What a terminal on XS needs of this repository, beside the image. */
export function makeProvider(root, folder, image, engine) {
  return makeProgram(root, folder, PROVIDER, image, engine);
}

/** Bytes of bytecode and slots of each module, and bytes of the file. */
export function describeImage(image, engine) {
  const rows = run(engine, ["list", image]).trimEnd().split("\n");
  const modules = rows.map((row) => {
    const [codeBytes, slots, name] = row.split(" ");
    return { name, codeBytes: Number(codeBytes), slots: Number(slots) };
  });
  return { modules, fileBytes: readFileSync(image).length };
}
