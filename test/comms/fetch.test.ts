import { describe, expect, it } from "vitest";
import { TerminalClock, VirtualClock } from "../../hal-mocks/clock";
import { settleMicrotasks } from "../../hal-mocks/node/settle";
import { Fetch, type Updates } from "../../src/comms/fetch";
import { Waiter } from "../../src/comms/waiter";
import type { MqttConstructor } from "../../src/hal";

const SUBSCRIBE = 8;
const UNSUBSCRIBE = 10;
const ROUND_TRIP_MS = 100;

/** A broker that has `kept`, and a node that wants all of it: what was asked, and what has come. */
function rig(kept: readonly string[], wantedTopics = kept) {
  const world = new VirtualClock(0, settleMicrotasks);
  const clock = new TerminalClock(world);
  const waiter = new Waiter(clock);
  const asked: [operation: number, topics: readonly string[]][] = [];
  const taken: string[] = [];
  let misses = 0;
  const pass = (ms: number) => new Promise<void>((resolve) => void clock.set(resolve, ms));
  const updates: Updates = {
    offerTopic: "gmu/class/offer",
    wanted: (most) => wantedTopics.filter((topic) => !taken.includes(topic)).slice(0, most),
    accept: (_topic, byteLength) => new Uint8Array(byteLength),
    take: (topic) => void taken.push(topic),
    miss: () => void misses++,
  };
  const fetch: Fetch = new Fetch(
    {
      ...{ clock, waiter, io: { SUBSCRIBE, UNSUBSCRIBE } as unknown as MqttConstructor },
      async ask(operation, topics) {
        asked.push([operation, topics]);
        await pass(ROUND_TRIP_MS);
        if (operation !== SUBSCRIBE) return;
        for (const topic of topics) {
          if (!kept.includes(topic)) continue;
          fetch.begin(topic, 5);
          fetch.add(new Uint8Array(2), false);
          fetch.add(new Uint8Array(3), true);
        }
      },
      ping: () => pass(ROUND_TRIP_MS),
    },
    updates,
  );
  const run = (leftMs: number, awakeMs = 30_000) =>
    world.runFor(fetch.run(leftMs, awakeMs), "the end of the fetch");
  return { fetch, run, asked, taken, misses: () => misses };
}

const topics = (count: number) => Array.from({ length: count }, (_, index) => `gmu/image/${index}`);

describe("a session fetches what the broker keeps", () => {
  it("four at a time and sixteen at most, and lets each subscription go again", async () => {
    const { run, asked, taken, misses } = rig(topics(20));
    await run(60_000);
    expect(taken).toEqual(topics(16));
    expect(asked.map(([operation, of]) => [operation, of.length])).toEqual(
      [0, 1, 2, 3].flatMap(() => [
        [SUBSCRIBE, 4],
        [UNSUBSCRIBE, 4],
      ]),
    );
    expect(misses()).toBe(0);
  });

  it("as long as five seconds of its budget are left", async () => {
    const { run, taken, misses } = rig(topics(20));
    await run(5_150);
    expect(taken.length).toBe(4);
    expect(misses()).toBe(0);
    const late = rig(topics(20));
    await late.run(5_000);
    expect(late.asked).toEqual([]);
    const short = rig(topics(20));
    await short.run(1_300, 5_000);
    expect(short.taken.length).toBe(4);
  });

  it("and says once that something is not there, unless it had no time to wait for it", async () => {
    const { run, asked, taken, misses } = rig(topics(3), topics(5));
    await run(60_000);
    expect(taken).toEqual(topics(3));
    expect(misses()).toBe(1);
    expect(asked.at(-1)![0]).toBe(UNSUBSCRIBE);
    const late = rig(topics(3), topics(5));
    await late.run(6_000);
    expect(late.misses()).toBe(0);
  });

  it("and takes no message that is cut", () => {
    const { fetch, taken } = rig([]);
    fetch.begin("gmu/image/0", 5);
    fetch.add(new Uint8Array(4), true);
    fetch.add(new Uint8Array(1), true);
    expect(taken).toEqual([]);
  });
});
