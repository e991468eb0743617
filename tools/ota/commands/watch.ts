import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { UpdateManifest } from "../../../src/ota/package";
import { imageName } from "../../../src/ota/topics";
import type { Io } from "../../cli/command";
import type { Limits, Tally } from "../fleet";
import type { UpdateBroker } from "./broker";

const LOOK_MS = 500;

/** Lets so much time pass, or less when it is told to stop. */
export type Wait = (ms: number, signal: AbortSignal) => Promise<void>;

const wait: Wait = (ms, signal) => delay(ms, undefined, { signal }).catch(() => {});

/** An update that is under watch. */
export interface Watched {
  broker: Pick<UpdateBroker, "fleet" | "withdraw">;
  manifest: UpdateManifest;
  limits: Limits;
}

/**
 * Withdraws an update of which too many nodes say that it failed.
 * @returns whether that was so.
 * @throws Failure when the broker does not take it.
 */
export async function haltBad({ broker, manifest, limits }: Watched, { stdout }: Io): Promise<boolean> {
  const image = imageName(manifest);
  if (!broker.fleet.isBad(image, limits)) return false;
  const { failed } = broker.fleet.tally(image);
  const stood = await broker.withdraw(manifest);
  const what = stood ? "is withdrawn" : "is not offered";
  stdout.write(`${failed} nodes failed: ${manifest.kind} ${manifest.version} ${what}\n`);
  return true;
}

/**
 * Follows what nodes say of an image, and withdraws it when too many fail.
 * @param forMs until then, or until Ctrl-C.
 * @param pass real time, unless it is simulated.
 * @returns 1 when it was withdrawn.
 */
export async function watch(
  watched: Watched,
  forMs: number | undefined,
  io: Io,
  pass: Wait = wait,
): Promise<number> {
  const { broker, manifest } = watched;
  const stop = new AbortController();
  const { signal } = stop;
  const stopped: Promise<unknown>[] = ["SIGINT", "SIGTERM"].map((name) =>
    once(process, name, { signal }).catch(() => {}),
  );
  if (forMs !== undefined) stopped.push(pass(forMs, signal));
  let isStopped = false;
  void Promise.race(stopped).then(() => {
    isStopped = true;
  });
  let said = "";
  try {
    for (;;) {
      const line = lineOf(broker.fleet.tally(imageName(manifest)));
      if (line !== said) io.stdout.write(`${line}\n`);
      said = line;
      if (await haltBad(watched, io)) return 1;
      if (isStopped) return 0;
      await pass(LOOK_MS, signal);
    }
  } finally {
    stop.abort();
  }
}

export function lineOf({ confirmed, failed, underWay, notTaken }: Tally): string {
  return `confirmed ${confirmed}, under way ${underWay}, failed ${failed}, not taken ${notTaken}`;
}
