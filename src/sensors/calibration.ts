import { channelNumber, quantityOf } from "../model/channels";
import { Quality } from "../model/quality";
import type { Sample } from "../model/reading";
import { checkNumber } from "./driver-options";

/** How a channel's value becomes what it should be: value·ratio·gain + offset. */
export interface ChannelCalibration {
  /** Of transformers before the sensor, such as 20 for 100 A to 5 A; below 0 it turns a sign round. Default 1. */
  ratio?: number;
  /** Corrects the sensor, 0.5 to 2. Default 1. */
  gain?: number;
  /** In the channel's unit. Default 0. */
  offset?: number;
}

/** By the names of channels; each stands for itself, so that a gain of `v` and `i` needs one of `p`, too. */
export type CalibrationConfiguration = Readonly<Record<string, ChannelCalibration>>;

/** A million times is no transformer, and a million of any unit no correction. */
const LIMIT = 1e6;

interface Step {
  name: string;
  factor: number;
  offset: number;
  /** A quantity without a sign does not get one. */
  low: number;
}

/** The one place where a driver's samples are corrected, between driver and recorder. */
export class Calibration {
  readonly #steps: readonly Step[];

  /** @throws RangeError that names the channel and the field. */
  constructor(configuration: CalibrationConfiguration) {
    this.#steps = Object.entries(configuration).map(stepOf);
  }

  /** Corrects a sample in place, and returns it. One that is not good, and channels without a calibration, stay. */
  apply(sample: Sample): Sample {
    if (sample.quality !== Quality.good) return sample;
    for (const { name, factor, offset, low } of this.#steps) {
      const value = sample[name];
      if (value !== undefined) sample[name] = Math.max(value * factor + offset, low);
    }
    return sample;
  }
}

function stepOf([name, calibration]: [string, ChannelCalibration]): Step {
  const { kind, signed } = quantityOf(channelNumber(name))!;
  const { ratio = 1, gain = 1, offset = 0 } = calibration;
  if (kind === "state" || kind === "flags" || name === "t" || name === "clock")
    throw new RangeError(`calibration: ${name} is no measured value`);
  checkNumber("calibration", `${name}.ratio`, ratio, signed ? -LIMIT : 0, LIMIT);
  if (ratio === 0) throw new RangeError(`calibration: ${name}.ratio is 0, expected another number`);
  checkNumber("calibration", `${name}.gain`, gain, 0.5, 2);
  checkNumber("calibration", `${name}.offset`, offset, -LIMIT, LIMIT);
  return { name, factor: ratio * gain, offset, low: signed ? Number.NEGATIVE_INFINITY : 0 };
}
