import { once } from "node:events";
import type { UpdateManifest } from "../../../src/ota/package";
import { imageName } from "../../../src/ota/topics";
import { Failure, type Io } from "../../cli/command";
import type { Subscriber } from "../../subscriber";
import type { Fleet, Limits, Tally } from "../fleet";
import { withdrawalMessage } from "../retained";
import { publishAll } from "./delivery";

const LOOK_MS = 500;

/**
 * Follows what nodes say of an image, and withdraws it when too many fail.
 * @param forMs until then, or until Ctrl-C.
 * @returns 1 when it was withdrawn.
 */
export async function watch(
  fleet: Fleet,
  subscriber: Subscriber,
  manifest: UpdateManifest,
  limits: Limits,
  forMs: number | undefined,
  io: Io,
): Promise<number> {
  const image = imageName(manifest);
  const stop = new AbortController();
  const stopped = ["SIGINT", "SIGTERM"].map((signal) => once(process, signal, stop).catch(() => {}));
  if (forMs !== undefined) stopped.push(pause(forMs, stop.signal));
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
        if (!(await publishAll(subscriber, [withdrawalMessage(manifest)])))
          throw new Failure(
            "too many nodes failed, and the broker does not take the withdrawal: withdraw it by hand",
          );
        io.stdout.write(`${tally.failed} nodes failed: ${manifest.kind} ${manifest.version} is withdrawn\n`);
        return 1;
      }
      if (isStopped) return 0;
      await pause(LOOK_MS, stop.signal);
    }
  } finally {
    stop.abort();
  }
}

function lineOf({ confirmed, failed, underWay }: Tally): string {
  return `confirmed ${confirmed}, under way ${underWay}, failed ${failed}`;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
