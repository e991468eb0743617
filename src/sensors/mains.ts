// Of a circuit of the mains: what follows from voltage, current and power, and what cannot be.

/** Of any circuit that a sub-meter or plug measures. */
const MAX_VOLTS = 500;
const MAX_AMPERES = 1000;
/** Calibration and noise let |P| exceed S by as much. */
const POWER_TOLERANCE = 1.1;
const POWER_TOLERANCE_W = 10;
const MIN_HZ = 40;
const MAX_HZ = 70;

/** √(S²−P²) in var, without a sign: S and P do not tell which one it has. IEEE 1459. */
export function reactivePower(s: number, p: number): number {
  return Math.sqrt(Math.max(s * s - p * p, 0));
}

/**
 * Whether a meter can mean it.
 * @param v volts. @param i amperes. @param p watts, signed.
 * @param minimumVolts a chip that lives on the mains it measures is not there at a lower voltage.
 */
export function isPlausibleCircuit(v: number, i: number, p: number, minimumVolts: number): boolean {
  if (!(v >= minimumVolts && v <= MAX_VOLTS && i >= 0 && i <= MAX_AMPERES)) return false;
  return Math.abs(p) <= v * i * POWER_TOLERANCE + POWER_TOLERANCE_W;
}

/** Whether mains can have that frequency, in Hz. */
export function isPlausibleFrequency(f: number): boolean {
  return f >= MIN_HZ && f <= MAX_HZ;
}
