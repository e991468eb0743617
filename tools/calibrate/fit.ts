import type { ChannelCalibration } from "../../src/sensors/calibration";
import { Failure } from "../cli/command";

/** What the sensor said, and what was true. */
export interface Pair {
  measured: number;
  true: number;
}

export interface Fit {
  calibration: ChannelCalibration;
  pairs: number;
  /** What is left of the error with that calibration, in the channel's unit: its root mean square, and the largest. */
  rms: number;
  largest: number;
}

export interface FitSettings {
  /** Of transformers before the sensor. */
  ratio: number;
  /** No offset: the line goes through 0. */
  gainOnly: boolean;
}

/** What a person types, and far below what any sensor resolves. */
const DIGITS = 7;
const MIN_GAIN = 0.5;
const MAX_GAIN = 2;

/**
 * The gain and offset with the least squares of what is left of the errors. One pair gives a gain alone.
 * @throws Failure when the pairs do not tell, or want a gain that no sensor needs.
 */
export function leastSquares(name: string, pairs: readonly Pair[], { ratio, gainOnly }: FitSettings): Fit {
  const scaled = pairs.map((pair) => ({ measured: pair.measured * ratio, true: pair.true }));
  const line = gainOnly || pairs.length === 1 ? throughZero(name, scaled) : through(name, scaled);
  const gain = Number(line.gain.toPrecision(DIGITS));
  const offset = Number(line.offset.toPrecision(DIGITS));
  if (!(gain >= MIN_GAIN && gain <= MAX_GAIN)) {
    throw new Failure(
      `${name}: the gain would be ${gain}, expected ${MIN_GAIN} to ${MAX_GAIN}; are there transformers (--ratio), or pairs the wrong way round?`,
    );
  }
  const residuals = scaled.map((pair) => pair.measured * gain + offset - pair.true);
  return {
    calibration: { ...(ratio !== 1 && { ratio }), gain, ...(offset !== 0 && { offset }) },
    pairs: pairs.length,
    rms: Math.sqrt(residuals.reduce((sum, residual) => sum + residual * residual, 0) / residuals.length),
    largest: Math.max(...residuals.map(Math.abs)),
  };
}

interface Line {
  gain: number;
  offset: number;
}

function throughZero(name: string, pairs: readonly Pair[]): Line {
  const squares = pairs.reduce((sum, { measured }) => sum + measured * measured, 0);
  if (!squares) throw new Failure(`${name}: a gain cannot be told from values of 0`);
  return { gain: pairs.reduce((sum, pair) => sum + pair.measured * pair.true, 0) / squares, offset: 0 };
}

/** About the means, so that large values far from 0 lose no digits. */
function through(name: string, pairs: readonly Pair[]): Line {
  const measured = pairs.reduce((sum, pair) => sum + pair.measured, 0) / pairs.length;
  const wanted = pairs.reduce((sum, pair) => sum + pair.true, 0) / pairs.length;
  const squares = pairs.reduce((sum, pair) => sum + (pair.measured - measured) ** 2, 0);
  if (!squares)
    throw new Failure(
      `${name}: gain and offset cannot be told from one value, measured again and again; use --gain-only`,
    );
  const products = pairs.reduce((sum, pair) => sum + (pair.measured - measured) * (pair.true - wanted), 0);
  const gain = products / squares;
  return { gain, offset: wanted - gain * measured };
}
