import { loadConfig } from "../../src/config";
import { BLOCK_BYTES, type UpdateKind } from "../../src/ota/package";
import { MAX_BLOCKS } from "../../src/ota/state";
import { Failure } from "../cli/command";

/** Of an image: docs/update.md, "Image". */
const MOST_BYTES: Readonly<Record<UpdateKind, number>> = {
  native: MAX_BLOCKS * BLOCK_BYTES,
  app: 16 * 1024,
  config: BLOCK_BYTES,
};
/** The first byte of a firmware for ESP32. */
const NATIVE_MAGIC = 0xe9;
/** A quarter of a trial's time is left to the next slot of a reading. */
const LEAST_SAMPLES = 4;

/** @throws Failure for an image that no node could take. */
export function checkImage(kind: UpdateKind, image: Uint8Array, path: string): void {
  const most = MOST_BYTES[kind];
  if (image.length > most)
    throw new Failure(`"${path}" has ${image.length} bytes, and an image of kind ${kind} at most ${most}`);
  if (kind === "native" && image[0] !== NATIVE_MAGIC)
    throw new Failure(`"${path}" is no firmware for ESP32: that begins with the byte 0xe9`);
}

/**
 * Why a trial may be over before a node could prove itself; undefined when there is time enough.
 * @param image of settings may say how often a reading is taken; of others nobody can know.
 */
export function shortTrial(kind: UpdateKind, image: Uint8Array, healthMs: number): string | undefined {
  const json = kind === "config" ? (JSON.parse(Buffer.from(image).toString()) as object) : {};
  const values = Object.fromEntries(Object.entries(json).filter(([, value]) => value !== null));
  const { sampleMs } = loadConfig([{ from: "the image", values }]).config;
  const leastMs = LEAST_SAMPLES * sampleMs;
  if (healthMs >= leastMs) return undefined;
  return `a trial of ${healthMs / 1000} s is short for a reading each ${sampleMs / 1000} s: give --health ${leastMs / 1000}s or more`;
}
