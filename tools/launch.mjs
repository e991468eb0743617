#!/usr/bin/env node
// Bundles the command line's TypeScript (about 50 ms) and runs it: no build step to remember, none to be stale.
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const entry = process.env.GRIDMOTE_ENTRY ?? "tools/main.ts";
const name = entry.replace(/^.*\//, "").replace(/\.ts$/, "");
const directory = join(root, "build");
const target = join(directory, `${name}.mjs`);
// A name of its own, so that two that start at once do not read each other's half.
const temporary = join(directory, `${name}.${process.pid}.mjs`);

function fail(message) {
  process.stderr.write(`gridmote: ${message}\n`);
  process.exit(1);
}

async function bundler() {
  try {
    return await import("esbuild");
  } catch (error) {
    if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
    return fail(`its packages are not installed: run npm ci in ${root}`);
  }
}

async function bundle({ build }) {
  mkdirSync(directory, { recursive: true });
  await build({
    entryPoints: [join(root, entry)],
    outfile: temporary,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    packages: "external",
    sourcemap: "inline",
    logLevel: "warning",
  });
  renameSync(temporary, target);
}

const esbuild = await bundler();
try {
  await bundle(esbuild);
} catch (error) {
  rmSync(temporary, { force: true });
  // What is wrong in the sources, esbuild has printed.
  fail(`cannot build ${target}${error.errors ? "" : `: ${error.message}`}`);
}
// npm runs its scripts in the root of the package; paths are meant from where the user is.
if (process.env.npm_lifecycle_event && process.env.INIT_CWD) process.chdir(process.env.INIT_CWD);
process.setSourceMapsEnabled(true);
await import(pathToFileURL(target).href);
