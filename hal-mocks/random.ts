/** Numbers that repeat from a seed, the same on every engine: 32-bit integer arithmetic only. */
export interface Random {
  uint32(): number;
  /** An integer of at least 0 and below `n`, each as likely; `n` is 1 to 2^32. */
  below(n: number): number;
  /** At least 0 and below 1, with 53 bits. */
  unit(): number;
}

const TWO_32 = 0x1_0000_0000;
/** sfc32 needs some rounds until its seed is well mixed. */
const WARM_UP_ROUNDS = 12;

/**
 * sfc32 (C. Doty-Humphrey, PractRand), its state filled by splitmix32. No two integers of 53 bits, as seeds,
 * begin in the same state.
 */
export function createRandom(seed: number | string): Random {
  const [low, high] = typeof seed === "string" ? hash(seed) : halves(seed);
  const mix = splitmix32(low);
  let a = mix();
  let b = mix();
  let c = mix() ^ high;
  let counter = 1;

  const uint32 = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let round = 0; round < WARM_UP_ROUNDS; round++) uint32();

  const below = (n: number): number => {
    if (!(Number.isInteger(n) && n >= 1 && n <= TWO_32)) {
      throw new RangeError(`random: below ${n}, expected an integer of 1 to 2^32`);
    }
    const limit = TWO_32 - (TWO_32 % n);
    let value = uint32();
    while (value >= limit) value = uint32();
    return value % n;
  };

  const unit = (): number => {
    const high = uint32() >>> 5;
    const low = uint32() >>> 6;
    return (high * 0x400_0000 + low) / 0x20_0000_0000_0000;
  };

  return { uint32, below, unit };
}

function splitmix32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e37_79b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0_aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a_2d97);
    return mixed ^ (mixed >>> 15);
  };
}

function halves(seed: number): [low: number, high: number] {
  if (!Number.isSafeInteger(seed)) throw new RangeError(`random: seed is ${seed}, expected an integer`);
  return [seed | 0, Math.floor(seed / TWO_32) | 0];
}

/** FNV-1a over UTF-16 units, forwards and backwards. */
function hash(text: string): [low: number, high: number] {
  let low = 0x811c_9dc5;
  let high = 0x811c_9dc5;
  for (let index = 0; index < text.length; index++) {
    low = Math.imul(low ^ text.charCodeAt(index), 0x0100_0193);
    high = Math.imul(high ^ text.charCodeAt(text.length - 1 - index), 0x0100_0193);
  }
  return [low, high];
}
