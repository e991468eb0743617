import type { Subscriber } from "../../subscriber";
import type { Message } from "../retained";

/** So many messages may be under way. */
const WINDOW = 16;
const ACKNOWLEDGED_WITHIN_MS = 30_000;

/**
 * Publishes, and waits until the broker has acknowledged all of it.
 * @returns false when it does not.
 */
export async function publishAll(
  subscriber: Subscriber,
  messages: readonly Message[],
  onPart: (part: number) => void = () => {},
): Promise<boolean> {
  for (let start = 0; start < messages.length; start += WINDOW) {
    const window = messages.slice(start, start + WINDOW);
    const sent = Promise.all(window.map(({ topic, payload }) => subscriber.publish(topic, payload)));
    if (!(await inTime(sent))) return false;
    onPart((start + window.length) / messages.length);
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
