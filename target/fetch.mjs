// The sources of XS, as npm has them: fetched, checked, unpacked, never run and never committed.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

const PACKAGE = "@agoric/xsnap@0.15.0";
/** What `npm view @agoric/xsnap@0.15.0 dist.integrity` says; it carries XS 13.3. */
const INTEGRITY =
  "sha512-ZBm4DZxbtfacxMHVVdJjZi0Y8zOxN77vpu1WwI5RWfPkaRh0aHkz/dVdTGKXalDNzWfz183lljKxlxl3/h0n+A==";
const XS = join("package", "moddable", "xs");

/** Part of the key of whatever is made from the sources. */
export const sourcesKey = INTEGRITY;

function run(command, args, cwd) {
  const { status, error, stderr } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (error) throw new Error(`${command}: ${error.message}`);
  if (status !== 0) throw new Error(`${command} ${args[0]} failed: ${stderr.trim()}`);
}

/** @throws when the bytes are not those that were reviewed. */
export function checkIntegrity(bytes, integrity = INTEGRITY) {
  const [algorithm] = integrity.split("-", 1);
  const found = `${algorithm}-${createHash(algorithm).update(bytes).digest("base64")}`;
  if (found !== integrity)
    throw new Error(`${PACKAGE} is ${found}, expected ${integrity}: nothing is built of it`);
}

function pack(folder) {
  run("npm", ["pack", PACKAGE, "--ignore-scripts", "--pack-destination", folder], folder);
  const [tarball] = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
  return join(folder, tarball);
}

/** The folder of XS's `includes`, `platforms` and `sources`, below `folder`. */
export function fetchSources(folder) {
  const target = join(folder, "xsnap");
  if (existsSync(target)) return join(target, XS);
  const temporary = join(folder, `xsnap.${process.pid}`);
  mkdirSync(temporary, { recursive: true });
  try {
    const tarball = pack(temporary);
    checkIntegrity(readFileSync(tarball));
    run("tar", ["-xzf", tarball, XS], temporary);
    rmSync(tarball);
    renameSync(temporary, target);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return join(target, XS);
}
