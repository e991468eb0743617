import { BenchRing, BLOCKS } from "./ring";

const SESSIONS_PER_DAY = 96;
/** Sessions that are run: ten days. */
const SESSIONS = 10 * SESSIONS_PER_DAY;
const DAYS_PER_YEAR = 365;
/** What makers of serial NOR flash promise a block. */
const CYCLES = 100_000;

export interface Wear {
  frameBytes: number;
  framesPerSession: number;
  /** Whether the outbox was closed well before each session. */
  isClean: boolean;
  /** Bytes written to flash for each byte of a frame. */
  writtenPerStored: number;
  blocksPerDay: number;
  /** Erases of one block. */
  erasesPerYear: number;
  /** Until a block has been erased 100,000 times. */
  years: number;
}

/** One frame a session is a sleeper's default; fifteen are `durable: "reading"`. */
export function measureWear(): Wear[] {
  const rows: Wear[] = [];
  for (const framesPerSession of [1, 15])
    for (const frameBytes of [30, 300, 1200]) rows.push(measure(frameBytes, framesPerSession, true));
  rows.push(measure(300, 1, false));
  return rows;
}

function measure(frameBytes: number, framesPerSession: number, isClean: boolean): Wear {
  const ring = new BenchRing();
  for (let session = 0; session < SESSIONS; session++) {
    const outbox = ring.open(isClean);
    for (let count = 0; count < framesPerSession; count++) ring.append(outbox, frameBytes);
    for (let next = outbox.next(0); next; next = outbox.next(0)) outbox.acknowledge(next.id);
    outbox.close();
  }
  const blocksPerDay = (ring.erases * SESSIONS_PER_DAY) / SESSIONS;
  const erasesPerYear = (blocksPerDay * DAYS_PER_YEAR) / BLOCKS;
  return {
    frameBytes,
    framesPerSession,
    isClean,
    writtenPerStored: ring.traffic.writtenBytes / (SESSIONS * framesPerSession * frameBytes),
    blocksPerDay,
    erasesPerYear,
    years: CYCLES / erasesPerYear,
  };
}
