import type { App } from "./app/interface";
import type { Hal, WakeReason } from "./hal";
import { Terminal } from "./terminal";

/** The first app that works: an installed one may be made for another base, and must not brick the node. */
function boot(
  hal: Hal,
  [app, ...fallbacks]: readonly App[],
  overrides: Record<string, unknown>,
  reason: WakeReason,
): Terminal {
  try {
    return new Terminal(hal, app, overrides, reason);
  } catch (error) {
    if (!fallbacks.length) throw error;
    hal.log(`this app does not work here, the next one is tried (${error})`);
    return boot(hal, fallbacks, overrides, reason);
  }
}

/**
 * A terminal's life from a boot to the next deep sleep; on a board the last call does not return.
 * @param apps in the order in which they are tried.
 * @param reason why this boot happened: `start` at power-on, else what ended the sleep.
 * @param onTerminal sees the terminal before its first wake: for hosts that ask it for wakes.
 */
export async function run(
  hal: Hal,
  apps: readonly App[],
  overrides: Record<string, unknown>,
  reason: WakeReason,
  onTerminal?: (terminal: Terminal) => void,
): Promise<void> {
  const terminal = boot(hal, apps, overrides, reason);
  onTerminal?.(terminal);
  let next = await terminal.wake(reason);
  while (next.next === "idle") next = await terminal.wake(await terminal.idle(next.until));
  terminal.close();
  hal.sleep.deep(next.ms, next.wakeOn, next.pin);
}
