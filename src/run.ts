import type { App } from "./app/interface";
import type { Hal, WakeReason } from "./hal";
import { Terminal } from "./terminal";

/**
 * A terminal's life from a boot to the next deep sleep; on a board the last call does not return.
 * @param reason why this boot happened: `start` at power-on, else what ended the sleep.
 * @param onTerminal sees the terminal before its first wake: for hosts that ask it for wakes.
 */
export async function run(
  hal: Hal,
  app: App,
  overrides: Record<string, unknown>,
  reason: WakeReason,
  onTerminal?: (terminal: Terminal) => void,
): Promise<void> {
  const terminal = new Terminal(hal, app, overrides, reason);
  onTerminal?.(terminal);
  let next = await terminal.wake(reason);
  while (next.next === "idle") next = await terminal.wake(await terminal.idle(next.until));
  terminal.close();
  hal.sleep.deep(next.ms, next.wakeOn);
}
