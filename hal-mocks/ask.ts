import type { VirtualClock } from "./clock";
import type { LinkModel, LinkOperation } from "./link";

/** A question as a datagram, which is sent again when no answer comes. */
export interface Question {
  operation: LinkOperation;
  tries: number;
  everyMs: number;
}

/** How the SDK's resolver (8.2) asks the one name server of a home. */
export const RESOLUTION: Question = { operation: "resolve", tries: 4, everyMs: 1000 };

/**
 * Asks until there is an answer, or the tries are used up. `onEnd` gets what the question and its answer took, or
 * undefined. Returns the function that gives it up.
 */
export function ask(
  clock: VirtualClock,
  link: LinkModel,
  { operation, tries, everyMs }: Question,
  onEnd: (ms: number | undefined) => void,
): () => void {
  let left = tries;
  let timer = clock.set(attempt, 0);
  return () => clock.clear(timer);

  function attempt(): void {
    if (left-- === 0) {
      onEnd(undefined);
      return;
    }
    const ms = link.datagramMs(operation);
    if (ms === undefined || ms >= everyMs) timer = clock.set(attempt, everyMs);
    else timer = clock.set(() => arrive(ms), ms);
  }

  /** What was under way when the link went down does not come. */
  function arrive(ms: number): void {
    if (link.isUp) onEnd(ms);
    else timer = clock.set(attempt, everyMs - ms);
  }
}
