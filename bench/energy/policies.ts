import type { Policy } from "./node";

const QUARTER_MS = 900_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Each reading as a peer does it, then this project's batches, then what no policy can get below. */
export const policies: readonly Policy[] = [
  { name: "each reading, from deep sleep", config: { sessionMs: DAY_MS }, sendsEach: true },
  {
    name: "each reading, associated",
    config: { mode: "resident", sessionMs: DAY_MS },
    sendsEach: true,
  },
  { name: "batch of 15 minutes", config: { sessionMs: QUARTER_MS } },
  { name: "batch of an hour", config: { sessionMs: HOUR_MS } },
  { name: "floor: one session a day", config: { sessionMs: DAY_MS, statusMs: DAY_MS } },
];
