import { once } from "node:events";
import type { UpdateManifest } from "../../../src/ota/package";
import { imageName } from "../../../src/ota/topics";
import { Failure, type Io } from "../../cli/command";
import type { Fleet, Limits, Tally } from "../fleet";
import { withdrawalMessage } from "../retained";
import { type Publisher, publishAll } from "./delivery";

const LOOK_MS = 500;

/**
 * Follows what nodes say of an image, and withdraws it when too many fail.
 * @param forMs until then, or until Ctrl-C.
 * @param wait lets so much time pass, or less when it is told to stop: real time, unless it is simulated.
 * @returns 1 when it was withdrawn.
 */
export async function watch(
  fleet: Fleet,
  publisher: Publisher,
  manifest: UpdateManifest,
  limits: Limits,
  forMs: number | undefined,
  io: Io,
  wait = pause,
): Promise<number> {
  const image = imageName(manifest);
  const stop = new AbortController();
  const stopped = ["SIGINT", "SIGTERM"].map((signal) => once(process, signal, stop).catch(() => {}));
  if (forMs !== undefined) stopped.push(wait(forMs, stop.signal));
  let isStopped = false;
  void Promise.race(stopped).then(() => {
    isStopped = true;
  });
  let said = "";
  try {
    for (;;) {
      const tally = fleet.tally(image);
      if (lineOf(tally) !== said) {
        said = lineOf(tally);
        io.stdout.write(`${said}\n`);
      }
      if (fleet.isBad(image, limits)) {
        if (!(await publishAll(publisher, [[withdrawalMessage(manifest)]])))
          throw new Failure(
            "too many nodes failed, and the broker does not take the withdrawal: withdraw it by hand",
          );
        io.stdout.write(`${tally.failed} nodes failed: ${manifest.kind} ${manifest.version} is withdrawn\n`);
        return 1;
      }
      if (isStopped) return 0;
      await wait(LOOK_MS, stop.signal);
    }
  } finally {
    stop.abort();
  }
}

export function lineOf({ confirmed, failed, underWay, notTaken }: Tally): string {
  return `confirmed ${confirmed}, under way ${underWay}, failed ${failed}, not taken ${notTaken}`;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}
