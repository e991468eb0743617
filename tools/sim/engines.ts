import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../cli/command";
import { repository } from "../cli/repository";
import type { XsFiles } from "./machine";

/**
 * Builds XS, the image of the firmware and of the app as far as they have changed.
 * @param say called with what a person who waits wants to know.
 * @param app a module to be the app, below the repository. Default: what src/app/manifest.json names.
 * @throws Failure when something that this takes is missing.
 */
export function buildXs(say: (line: string) => void, { app }: { app?: string } = {}): XsFiles {
  const root = repository();
  if (!existsSync(join(root, "build", "target", "engine")))
    say("gridmote: XS is built first, once: some 10 s\n");
  const args = [join(root, "target", "target.mjs"), "terminal", ...(app ? ["--app", app] : [])];
  const { status, stdout, stderr, error } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (error) throw new Failure(`XS cannot be built: ${error.message}`);
  if (status !== 0) throw new Failure(`XS cannot be built: ${stderr.trim().replace(/^target: /, "")}`);
  return JSON.parse(stdout) as XsFiles;
}
