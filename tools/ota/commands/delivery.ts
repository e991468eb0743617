import type { Subscriber } from "../../subscriber";
import type { Message } from "../retained";

export type Publisher = Pick<Subscriber, "publish">;

/** So many messages may be under way. */
const WINDOW = 16;
const ACKNOWLEDGED_WITHIN_MS = 30_000;

/**
 * Publishes, and waits until the broker has acknowledged all of it. A broker may keep messages in another order than that in
 * which they come, so no group is sent before the one before it was acknowledged.
 * @returns false when it does not acknowledge.
 */
export async function publishAll(
  publisher: Publisher,
  groups: readonly (readonly Message[])[],
  onPart: (part: number) => void = () => {},
): Promise<boolean> {
  const total = groups.flat().length;
  let done = 0;
  for (const group of groups) {
    for (let start = 0; start < group.length; start += WINDOW) {
      const window = group.slice(start, start + WINDOW);
      const sent = Promise.all(window.map(({ topic, payload }) => publisher.publish(topic, payload)));
      if (!(await inTime(sent))) return false;
      done += window.length;
      onPart(done / total);
    }
  }
  return true;
}

async function inTime(sent: Promise<boolean[]>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean[]>((resolve) => {
    timer = setTimeout(() => resolve([false]), ACKNOWLEDGED_WITHIN_MS);
  });
  const results = await Promise.race([sent, late]);
  clearTimeout(timer);
  return results.every(Boolean);
}
