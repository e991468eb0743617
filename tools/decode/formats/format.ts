import type { DecodedReading } from "../frame";
import type { DescribedProfile } from "../profiles";

/** One frame's readings: whose they are, and what their values mean. */
export interface FrameReadings {
  device: string;
  point: number;
  boot: number;
  seq: number;
  /** By how much all times may be off; undefined where the frame does not say. */
  errorMs?: number;
  profile: DescribedProfile;
  readings: readonly DecodedReading[];
}

/** One way to write readings. It may remember what it has written. */
export interface Format {
  /** What to write for a frame; empty for nothing. */
  write(frame: FrameReadings): string | Uint8Array;
  /** Whether a reading without a time has no place in it, and is left out. */
  readonly needsTime: boolean;
}

/**
 * A device or any other text in `[a-z0-9_-]`, the characters of our own device ids, which every vocabulary allows.
 * What else there is becomes its code point in hexadecimal between two X, so that two names never become one.
 */
export function identifier(text: string): string {
  return text.replace(/[^a-z0-9_-]/gu, (character) => `X${character.codePointAt(0)!.toString(16)}X`);
}
