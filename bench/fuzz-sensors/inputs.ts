import { below, noise } from "../noise";

/** Noise, or a good input that is no longer what it was. */
export function mutated(seeds: readonly Uint8Array[]): Uint8Array {
  if (!below(6)) return noise(1 + below(300));
  const seed = seeds[below(seeds.length)];
  const bytes = damaged(seed, seeds);
  if (bytes.length === seed.length && bytes.every((byte, index) => byte === seed[index]))
    bytes[below(bytes.length)] ^= 1 << below(8);
  return bytes;
}

/** With bits changed, cut off, behind noise, or run into another. */
function damaged(seed: Uint8Array, seeds: readonly Uint8Array[]): Uint8Array {
  const bytes = seed.slice();
  for (let count = below(4); count > 0; count--) bytes[below(bytes.length)] ^= 1 << below(8);
  const kind = below(5);
  if (kind === 0) return bytes.slice(0, below(bytes.length));
  if (kind === 1) return concat(noise(below(9)), bytes);
  if (kind === 2) return concat(bytes.subarray(0, below(bytes.length)), seeds[below(seeds.length)]);
  return bytes;
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
