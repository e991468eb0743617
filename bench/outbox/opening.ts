import { BenchRing, BLOCKS } from "./ring";

const FRAME_BYTES = 300;
/** A block holds so many of them. */
const FRAMES_PER_BLOCK = 11;
/** All but the newest one and the two that are kept ready. */
const FULL = (BLOCKS - 3) * FRAMES_PER_BLOCK;
const HEADER_BYTES = 32;

export interface Opening {
  state: string;
  reads: number;
  bytes: number;
}

/** What is read when the outbox is opened, by what the partition holds. */
export function measureOpening(): Opening[] {
  return [
    measure("empty", 0),
    measure("10 % full", 0.1 * FULL),
    measure("50 % full", 0.5 * FULL),
    measure("99 % full", 0.99 * FULL),
    measure("wrapped, newest block begun", 3 * BLOCKS * FRAMES_PER_BLOCK + 1),
    measure("wrapped, newest block full", 3 * BLOCKS * FRAMES_PER_BLOCK),
    measure("the same, after a power loss", 3 * BLOCKS * FRAMES_PER_BLOCK, { clean: false }),
    measure("the same, all logs damaged", 3 * BLOCKS * FRAMES_PER_BLOCK, { damagedFrom: HEADER_BYTES }),
    measure("the same, all of it damaged", 3 * BLOCKS * FRAMES_PER_BLOCK, { damagedFrom: 0 }),
  ];
}

function measure(
  state: string,
  frames: number,
  { clean = true, damagedFrom }: { clean?: boolean; damagedFrom?: number } = {},
): Opening {
  const ring = new BenchRing();
  const outbox = ring.open();
  for (let count = 0; count < Math.floor(frames); count++) ring.append(outbox, FRAME_BYTES);
  outbox.close();
  if (damagedFrom !== undefined) damage(ring.partition.bytes, damagedFrom);
  const { reads, readBytes } = ring.traffic;
  ring.open(clean);
  return { state, reads: ring.traffic.reads - reads, bytes: ring.traffic.readBytes - readBytes };
}

/** Flips a bit in every 16 bytes from `from` on in each block. */
function damage(bytes: Uint8Array, from: number): void {
  const blockBytes = bytes.length / BLOCKS;
  for (let at = 0; at < bytes.length; at += 16) if (at % blockBytes >= from) bytes[at + 4] ^= 1;
}
