/**
 * What both ends of a dense body know before its first bit: the contexts of the binary arithmetic coder, and how they
 * adapt. A context is `probability·32 + divisor`: the probability that its next bit is 1, in 65,536ths, and the divisor
 * by which the next step towards the bit that came is divided: 1/divisor of the way, at first far, then 1/21. Both ends
 * adapt it in `bit`.
 */

/** Whether a column has missing values: the one context that goes on from column to column. */
export const HAS_MISSING = 0;
/** Whether a value is there, after one that was, and after one that was not. */
export const PRESENT = 1;
export const PRESENT_AFTER_MISSING = 2;
export const NEGATIVE = 3;
/** Whether a residual's magnitude has more than `index` bits. */
export const LONGER = 4;
/** The bit below the highest of a residual's magnitude of `index` bits. */
export const SECOND = 64;
/** No context: the length from which on LONGER is asked, upwards or downwards. */
export const USUAL = 127;
const CONTEXTS = 128;

/** A magnitude has at most 53 bits; this length says that the value itself follows, in 53. */
export const VERBATIM = 54;

/** The range of the coder is within 2^16 to 2^24, so that every product stays below 2^31. */
export const TOP = 2 ** 24;
export const BOTTOM = 2 ** 16;

export const SLOWEST = 21;

function context(percent: number, divisor: number): number {
  return Math.floor((65536 * percent) / 100) * 32 + divisor;
}

/** How sure each kind of bit is at first, and how soon it changes its mind: fitted to `npm run bench:bytes`. */
const MISSING_IN_COLUMN = context(4, 8);
const PRESENCE = context(50, 3);
const SIGN = context(50, 16);
const SECOND_BIT = context(40, 12);
const FIRST_SIGN = context(20, 4);
/** Whether a first value is longer than a length far below what is usual, below it, and above it. */
const FIRST_FAR_BELOW = context(5, 3);
const FIRST_BELOW = context(40, 3);
const FIRST_ABOVE = context(50, 3);
const FAR = 5;
const BELOW = context(45, 3);
const ABOVE = context(40, 3);
/** Whether a value is another than foreseen, where that is seldom, and where it is not. */
const SELDOM = context(5, 3);
const OFTEN = context(70, 3);
const FIRST_OTHER = context(80, 3);

/** The contexts of one frame. */
export function frameContexts(): Int32Array {
  const contexts = new Int32Array(CONTEXTS);
  contexts[HAS_MISSING] = MISSING_IN_COLUMN;
  return contexts;
}

/** For a column's first value: its residual has about `bits` bits. */
export function expectFirst(contexts: Int32Array, bits: number): void {
  contexts.fill(PRESENCE, PRESENT, NEGATIVE);
  contexts[NEGATIVE] = FIRST_SIGN;
  contexts.fill(FIRST_BELOW, LONGER, LONGER + bits);
  if (bits > FAR) contexts.fill(FIRST_FAR_BELOW, LONGER, LONGER + bits - FAR);
  contexts.fill(FIRST_ABOVE, LONGER + bits, SECOND);
  contexts[LONGER] = FIRST_OTHER;
  contexts.fill(SECOND_BIT, SECOND);
  contexts[USUAL] = Math.max(1, bits);
}

/** For the values after it: their residuals have about `bits` bits. */
export function expectNext(contexts: Int32Array, bits: number): void {
  contexts[NEGATIVE] = SIGN;
  contexts.fill(BELOW, LONGER, LONGER + bits);
  contexts.fill(ABOVE, LONGER + bits, SECOND);
  contexts[LONGER] = bits === 0 ? SELDOM : OFTEN;
  contexts[USUAL] = Math.max(1, bits);
}
