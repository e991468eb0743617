import type { QualityCode } from "./quality";

/**
 * What a driver's `sample()` returns (ECMA-419 §13, §31): a fresh object with SI values under the names of the
 * channel registry (energy in Wh), its quality, and, if the driver was given a clock, the ticks of its end.
 * A channel that the device did not send is absent.
 */
export interface Sample {
  quality: QualityCode;
  ticks?: number;
  [channel: string]: number | undefined;
}

/** A sample of one metering point, with its moment. `time` is undefined while the clock is not set. */
export interface Reading {
  /** 0 is the terminal itself; what it speaks for counts from 1. */
  point: number;
  ticks: number;
  /** Unix time in milliseconds. */
  time: number | undefined;
  sample: Sample;
}
