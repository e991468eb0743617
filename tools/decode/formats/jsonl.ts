import { recordsOf } from "../records";
import type { Format } from "./format";

/** Each reading as a line of JSON: all that is known of it. */
export function jsonLines(): Format {
  return {
    needsTime: false,
    write: (frame) =>
      recordsOf(frame)
        .map((record) => `${JSON.stringify(record)}\n`)
        .join(""),
  };
}
