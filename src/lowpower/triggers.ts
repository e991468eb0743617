import type { Sample } from "../model/reading";

/** Limits of a value, in the channel's unit. */
export interface Threshold {
  above?: number;
  below?: number;
  /** How far back inside a value must come until it is no alarm any more. Default 0. */
  hysteresis?: number;
}

export interface TriggerPlan {
  /** By channel: a value that has moved so far from the one that was sent last is sent before its period ends. */
  deltas?: Readonly<Record<string, number>>;
  /** By channel: a value that leaves its limits, or comes back, is an alarm and sent at once. */
  thresholds?: Readonly<Record<string, Threshold>>;
}

/**
 * Says which sample is worth a session of its own. Nothing is left out by it: what lies between is in the frames all
 * the same, only later.
 */
export class Triggers {
  readonly #plan: TriggerPlan;
  readonly #deltas: readonly string[];
  readonly #thresholds: readonly string[];
  readonly #kept: Float64Array;

  /** What it keeps across deep sleep: values that were sent last, NaN for none, then 1 for each alarm, else 0. */
  static kept({ deltas = {}, thresholds = {} }: TriggerPlan): Float64Array {
    const values = Object.keys(deltas).length;
    const kept = new Float64Array(values + Object.keys(thresholds).length);
    return kept.fill(Number.NaN, 0, values);
  }

  /** @param kept as `kept` has made it; it is changed in place. */
  constructor(plan: TriggerPlan, kept: Float64Array) {
    this.#plan = plan;
    this.#deltas = Object.keys(plan.deltas ?? {});
    this.#thresholds = Object.keys(plan.thresholds ?? {});
    this.#kept = kept;
  }

  check(sample: Sample): "alarm" | "delta" | undefined {
    const isAlarm = this.#crossesThreshold(sample);
    const isMoved = this.#hasMoved(sample);
    if (isAlarm || isMoved) this.#follow(sample);
    return isAlarm ? "alarm" : isMoved ? "delta" : undefined;
  }

  #crossesThreshold(sample: Sample): boolean {
    let crossed = false;
    for (let index = 0; index < this.#thresholds.length; index++) {
      const name = this.#thresholds[index];
      const value = sample[name];
      if (value === undefined) continue;
      const at = this.#deltas.length + index;
      const isOutside = isBeyond(value, this.#plan.thresholds![name], this.#kept[at] === 1);
      if (isOutside === (this.#kept[at] === 1)) continue;
      this.#kept[at] = isOutside ? 1 : 0;
      crossed = true;
    }
    return crossed;
  }

  #hasMoved(sample: Sample): boolean {
    let moved = false;
    for (let index = 0; index < this.#deltas.length; index++) {
      const name = this.#deltas[index];
      const value = sample[name];
      if (value === undefined) continue;
      const sent = this.#kept[index];
      if (Number.isNaN(sent)) this.#kept[index] = value;
      else if (Math.abs(value - sent) >= this.#plan.deltas![name]) moved = true;
    }
    return moved;
  }

  /** This sample is sent: the next ones are compared with it. */
  #follow(sample: Sample): void {
    for (let index = 0; index < this.#deltas.length; index++) {
      this.#kept[index] = sample[this.#deltas[index]] ?? this.#kept[index];
    }
  }
}

/** @param wasOutside then it takes the hysteresis to come back. */
function isBeyond(value: number, { above, below, hysteresis = 0 }: Threshold, wasOutside: boolean): boolean {
  const margin = wasOutside ? hysteresis : 0;
  if (above !== undefined && value > above - margin) return true;
  return below !== undefined && value < below + margin;
}
