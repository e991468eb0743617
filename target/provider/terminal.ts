import defaultApp from "../../src/app/default";
import type { App } from "../../src/app/interface";
import type { WakeReason } from "../../src/hal";
import { run } from "../../src/run";
import type { Terminal } from "../../src/terminal";
import { createHal, forgetTime } from "./hal";
import { dispatch, invoke } from "./wire";

/** What a mod calls its app, see src/app/manifest.json. */
const APP = "app";

let terminal: Terminal | undefined;

/** Whoever simulates an app has to know that another one runs. */
const fallback: App = (kit) => {
  invoke("hal", "fallBack");
  return defaultApp(kit);
};

/** The app of the second image, if there is one that loads, then the one that is built in. */
async function loadApps(log: (line: string) => void): Promise<App[]> {
  try {
    const { default: app } = (await import(APP)) as { default: App };
    log("gridmote: the installed app is loaded");
    return [app, fallback];
  } catch (error) {
    log(`gridmote: the installed app does not load (${error}): the built-in one runs`);
    return [fallback];
  }
}

async function live(overrides: Record<string, unknown>, reason: WakeReason, hasApp: boolean): Promise<void> {
  const hal = createHal();
  const load = (mayInstalled: () => boolean) => (hasApp && mayInstalled() ? loadApps(hal.log) : [defaultApp]);
  await run(hal, load, overrides, reason, (booted) => {
    terminal = booted;
  });
  invoke("hal", "finish");
}

function inspect() {
  if (!terminal) return undefined;
  const { boot, seq, counters } = terminal.state;
  return { isSettled: terminal.isSettled, boot, seq, counters };
}

/** Called with each event of the host. */
export default function onEvent(event: string, ...parameters: unknown[]): unknown {
  forgetTime();
  switch (event) {
    case "callback":
      return dispatch(...(parameters as Parameters<typeof dispatch>));
    case "live":
      return void live(...(parameters as Parameters<typeof live>));
    case "request":
      return terminal?.request(parameters[0] as WakeReason);
    case "inspect":
      return inspect();
    default:
      throw new RangeError(`there is no event "${event}"`);
  }
}
