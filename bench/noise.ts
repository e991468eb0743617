// A generator of its own: fast-check's are made to be shrunk, and slow. The same each time.

let state = 0x9e37_79b9;

/** An integer from 0, below `limit`. */
export function below(limit: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % limit;
}

export function noise(length: number): Uint8Array {
  return Uint8Array.from({ length }, () => below(256));
}
