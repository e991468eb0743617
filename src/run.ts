import type { App } from "./app/interface";
import type { Hal, WakeReason } from "./hal";
import { Updater } from "./ota/updater";
import { Terminal } from "./terminal";

/**
 * The apps in the order in which they are tried. The first of several is the installed one.
 * @param mayInstalled false when what is installed must not be loaded.
 */
export type LoadApps = (mayInstalled: () => boolean) => readonly App[] | Promise<readonly App[]>;

/** The first app that works: an installed one may be made for another base, and must not brick the node. */
function boot(
  hal: Hal,
  [app, ...fallbacks]: readonly App[],
  overrides: Record<string, unknown>,
  reason: WakeReason,
  updater: Updater | undefined,
): Terminal {
  try {
    return new Terminal(hal, app, overrides, reason, updater);
  } catch (error) {
    if (!fallbacks.length) throw error;
    hal.log(`this app does not work here, the next one is tried (${error})`);
    return boot(hal, fallbacks, overrides, reason, updater);
  }
}

/**
 * A terminal's life from a boot to the next deep sleep, or to a restart into another image; on a board the last call
 * does not return.
 * @param loadApps is asked once it is known which image runs.
 * @param reason why this boot happened: `start` at power-on, else what ended the sleep.
 * @param onTerminal sees the terminal before its first wake: for hosts that ask it for wakes.
 */
export async function run(
  hal: Hal,
  loadApps: LoadApps,
  overrides: Record<string, unknown>,
  reason: WakeReason,
  onTerminal?: (terminal: Terminal) => void,
): Promise<void> {
  const updater = Updater.of(hal);
  if (updater?.begin(reason)) return;
  try {
    const apps = await loadApps(() => updater?.mayRunInstalled ?? true);
    if (updater?.isAppOnTrial && apps.length < 2) throw new Error("the app on trial does not load");
    // Another one in its place would prove nothing.
    const tried = updater?.isAppOnTrial ? apps.slice(0, 1) : apps;
    const terminal = boot(hal, tried, overrides, reason, updater);
    onTerminal?.(terminal);
    let next = await terminal.wake(reason);
    while (next.next === "idle") next = await terminal.wake(await terminal.idle(next.until));
    terminal.close();
    if (updater?.proceed()) return;
    updater?.close();
    hal.sleep.deep(next.ms, next.wakeOn, next.pin);
  } catch (error) {
    if (!updater?.isOnTrial) throw error;
    hal.log(`what is on trial has failed (${error})`);
    updater.takeBack("threw");
  }
}
