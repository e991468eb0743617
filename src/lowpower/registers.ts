import type { Profile } from "../model/profiles";
import { Counts, type CountsShape } from "../sensors/counts";
import { Integrator } from "./integrator";

/** What a stream keeps of its registers: first what the terminal integrates, then what its sensor's driver counts. */
export interface StreamRegisters {
  integrated: Float64Array;
  /** Undefined for a driver that counts nothing. */
  counts: Float64Array | undefined;
}

/** Those of a stream that begins. */
export function newRegisters(
  profile: Profile,
  integrate: boolean,
  shape: CountsShape | undefined,
): Float64Array {
  const integrated = integrate ? Integrator.registers(profile) : new Float64Array(0);
  if (!shape) return integrated;
  const registers = new Float64Array(integrated.length + shape.raw + shape.totals);
  registers.set(integrated);
  registers.set(Counts.create(shape), integrated.length);
  return registers;
}

/** Both parts, as views of what is kept. */
export function partsOf(registers: Float64Array, shape: CountsShape | undefined): StreamRegisters {
  if (!shape) return { integrated: registers, counts: undefined };
  const at = registers.length - shape.raw - shape.totals;
  return { integrated: registers.subarray(0, at), counts: registers.subarray(at) };
}

/** Registers from before a loss of power. */
export function resumedRegisters(before: readonly number[], shape: CountsShape | undefined): Float64Array {
  const registers = Float64Array.from(before);
  const { integrated, counts } = partsOf(registers, shape);
  Integrator.resume(integrated);
  if (shape && counts) Counts.resume(counts, shape);
  return registers;
}
