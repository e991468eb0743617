// One build at a time: tests run side by side, and each asks for the engine.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const RETRY_MS = 50;

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** Creates `file`, unless it is there and who made it lives. */
function tryToLock(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
  const owner = readOwner(file);
  // An empty file is one that is being written.
  if (owner && !isAlive(owner)) rmSync(file, { force: true });
  return false;
}

function readOwner(file) {
  try {
    return Number(readFileSync(file, "utf8"));
  } catch {
    return 0;
  }
}

/** Runs `body` while no other process runs one under the same `file`. */
export async function withLock(file, body) {
  mkdirSync(dirname(file), { recursive: true });
  while (!tryToLock(file)) await delay(RETRY_MS);
  try {
    return await body();
  } finally {
    rmSync(file, { force: true });
  }
}
