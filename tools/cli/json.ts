import { readFileSync } from "node:fs";
import { Failure, UsageError } from "./command";

/**
 * A file of JSON, with or without a byte order mark, as editors on Windows write one.
 * @throws UsageError that says in which line it is none; Failure when it cannot be read.
 */
export function readJson(path: string): unknown {
  const text = contentOf(path)
    .toString("utf8")
    .replace(/^\uFEFF/, "");
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${path}: not JSON: ${withLine((error as Error).message, text)}`);
  }
}

/** @throws Failure when it cannot be read. */
export function contentOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Failure(`cannot read "${path}": ${(error as Error).message}`);
  }
}

/** Node counts characters from the file's beginning; editors count lines. */
function withLine(message: string, text: string): string {
  const [said, position] = /at position (\d+)/.exec(message) ?? [];
  if (said === undefined || message.includes("(line ")) return message;
  const before = text.slice(0, Number(position)).split("\n");
  return message.replace(said, `in line ${before.length}, column ${before[before.length - 1].length + 1}`);
}
