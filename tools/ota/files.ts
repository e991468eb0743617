import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { Failure, UsageError } from "../cli/command";

/** @throws UsageError in one line when it cannot be read. */
export function readBytes(path: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (error) {
    throw new UsageError(`cannot read "${path}" (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** Before any of several is written: of a pair, one new and one old file would not fit. @throws Failure when one is there. */
export function refuseExisting(...paths: string[]): void {
  const path = paths.find((name) => existsSync(name));
  if (path !== undefined) throw new Failure(`"${path}" is there already: it is not overwritten`);
}

/** @param mode permissions of a file that is new. @throws Failure when it is there already, or cannot be written. */
export function writeNew(path: string, content: string | Uint8Array, mode = 0o644): void {
  try {
    writeFileSync(path, content, { flag: "wx", mode });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") throw new Failure(`"${path}" is there already: it is not overwritten`);
    throw new Failure(`cannot write "${path}" (${code})`);
  }
}
