import { readFileSync, writeFileSync } from "node:fs";
import { Failure, UsageError } from "../cli/command";

/** @throws UsageError in one line when it cannot be read. */
export function readBytes(path: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (error) {
    throw new UsageError(`cannot read "${path}" (${(error as NodeJS.ErrnoException).code})`);
  }
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
