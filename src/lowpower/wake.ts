/** When to wake, and when to transmit: plain arithmetic on ticks and Unix time, both in milliseconds. */

const TWO_32 = 2 ** 32;

/** The next slot at or after `now`: a time that is `phase` more than a multiple of `period`. */
export function nextSlot(now: number, period: number, phase = 0): number {
  const past = now - phase - Math.floor((now - phase) / period) * period;
  return past === 0 ? now : now + period - past;
}

/**
 * Ticks at which something is due after the clock was set: at the time of day at which it was due before, or at once
 * when that has passed. Undefined when that is more than two periods away, as after a clock that goes back by a year.
 * @param ahead milliseconds that the clock has gained; NaN when the time was not known before.
 */
export function dueAfterStep(due: number, ticks: number, ahead: number, period: number): number | undefined {
  const moved = Math.max(due - ahead, ticks);
  return moved - ticks <= 2 * period ? moved : undefined;
}

/** A device's own place within a period, so that a fleet does not wake at once: 0 to `period` − 1. */
export function devicePhase(device: string, period: number): number {
  return Math.floor((hash(device, 0) / TWO_32) * period);
}

/**
 * The wait after `attempt` failures (1 and up) in a row: full jitter, a random share of min(maximum, base·2^(n−1)),
 * seeded by device and attempt.
 */
export function backoff(device: string, attempt: number, base: number, maximum: number): number {
  let bound = base;
  for (let index = 1; index < attempt && bound < maximum; index++) bound *= 2;
  return Math.floor((hash(device, attempt) / TWO_32) * Math.min(bound, maximum));
}

/** FNV-1a (32 bit) of text and number, finished as MurmurHash3 is, so that near inputs are far apart. */
function hash(text: string, number: number): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  value = Math.imul(value ^ number, 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
