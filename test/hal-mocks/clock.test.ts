import { describe, expect, it } from "vitest";
import { NothingScheduled, TerminalClock, VirtualClock } from "../../hal-mocks/clock";
import { settle } from "../../hal-mocks/node/settle";
import { createRandom } from "../../hal-mocks/random";

function create(start = 0): VirtualClock {
  return new VirtualClock(start, settle);
}

describe("order", () => {
  it("runs events by time, and by order of setting within one time", async () => {
    const clock = create();
    const seen: string[] = [];
    clock.set(() => seen.push(`b@${clock.now}`), 5);
    clock.set(() => seen.push(`c@${clock.now}`), 5);
    clock.set(() => seen.push(`a@${clock.now}`), 1);
    await clock.runUntil(10);
    expect(seen).toEqual(["a@1", "b@5", "c@5"]);
    expect(clock.now).toBe(10);
  });

  it("keeps it for thousands of random times, some of them cleared", async () => {
    const clock = create();
    const random = createRandom(1);
    const seen: [number, number][] = [];
    for (let index = 0; index < 2000; index++) {
      const timer = clock.set(() => seen.push([clock.now, index]), random.below(50));
      if (random.below(4) === 0) clock.clear(timer);
    }
    await clock.runUntil(100);
    const sorted = [...seen].sort(([a, i], [b, j]) => a - b || i - j);
    expect(seen).toEqual(sorted);
    expect(seen.length).toBeGreaterThan(1000);
  });

  it("runs an event at `until` itself, and none behind it", async () => {
    const clock = create();
    const seen: number[] = [];
    clock.set(() => seen.push(10), 10);
    clock.set(() => seen.push(11), 11);
    await clock.runUntil(10);
    expect(seen).toEqual([10]);
  });

  it.each([Number.NaN, -1, Number.POSITIVE_INFINITY])("refuses a time that is none: %d", (ms) => {
    expect(() => create().set(() => {}, ms)).toThrow(RangeError);
  });
});

describe("microtasks", () => {
  it("drain between two events, however long the chain", async () => {
    const clock = create();
    const seen: string[] = [];
    clock.set(async () => {
      for (let turn = 0; turn < 50; turn++) await null;
      seen.push("chain");
      clock.set(() => seen.push("follows"), 1);
    }, 1);
    clock.set(() => seen.push("later"), 10);
    await clock.runUntil(20);
    expect(seen).toEqual(["chain", "follows", "later"]);
  });
});

describe("runFor", () => {
  it("stops at the event that settles the promise, and runs none behind it", async () => {
    const clock = create();
    let late = false;
    const promise = new Promise<string>((resolve) => clock.set(() => resolve("done"), 3));
    clock.set(() => {
      late = true;
    }, 1000);
    expect(await clock.runFor(promise, "it")).toBe("done");
    expect(clock.now).toBe(3);
    expect(late).toBe(false);
  });

  it("names what has not come when nothing is scheduled", async () => {
    const waiting = create().runFor(new Promise(() => {}), "the meter's telegram");
    await expect(waiting).rejects.toThrow(NothingScheduled);
    await expect(waiting).rejects.toThrow("the meter's telegram");
  });

  it("rejects as the promise does, and as an event throws", async () => {
    const clock = create();
    await expect(clock.runFor(Promise.reject(new Error("no")), "it")).rejects.toThrow("no");
    clock.set(() => {
      throw new Error("broken");
    }, 1);
    await expect(clock.runFor(new Promise(() => {}), "it")).rejects.toThrow("broken");
  });

  it("refuses to run twice at a time", async () => {
    const clock = create();
    const first = clock.runUntil(10);
    await expect(clock.runUntil(20)).rejects.toThrow("running already");
    await first;
    await clock.runUntil(20);
  });
});

describe("hold", () => {
  it("stops virtual time until each hold is released, once", async () => {
    const clock = create();
    const seen: string[] = [];
    clock.set(() => {
      const releases = [clock.hold("CONNACK"), clock.hold("CONNACK"), clock.hold("SUBACK")];
      expect(clock.holding).toEqual(["CONNACK", "SUBACK"]);
      setTimeout(() => {
        seen.push(`first@${clock.now}`);
        releases[0]();
        releases[0]();
        releases[2]();
        expect(clock.holding).toEqual(["CONNACK"]);
      }, 5);
      setTimeout(() => {
        seen.push(`second@${clock.now}`);
        clock.set(() => seen.push(`answer@${clock.now}`), 2);
        releases[1]();
      }, 20);
    }, 1);
    clock.set(() => seen.push(`next@${clock.now}`), 4);
    await clock.runUntil(10);
    expect(seen).toEqual(["first@1", "second@1", "answer@3", "next@4"]);
    expect(clock.holding).toEqual([]);
  });

  it("loses no wake-up when it is released and taken again at once", async () => {
    const clock = create();
    let rounds = 0;
    clock.set(() => {
      const release = clock.hold("round");
      const again = (free: () => void) => {
        free();
        if (++rounds < 100) {
          const next = clock.hold("round");
          // A microtask, an immediate and a timer come at different places between two steps.
          if (rounds % 3 === 0) queueMicrotask(() => again(next));
          else if (rounds % 3 === 1) setImmediate(() => again(next));
          else setTimeout(() => again(next), 1);
        }
      };
      setTimeout(() => again(release), 1);
    }, 1);
    await clock.runUntil(5);
    expect(rounds).toBe(100);
    expect(clock.now).toBe(5);
  });

  it("stops the end of a run as well", async () => {
    const clock = create();
    const release = clock.hold("FIN");
    let released = false;
    setTimeout(() => {
      released = true;
      release();
    }, 10);
    await clock.runUntil(7);
    expect(released).toBe(true);
  });
});

describe("a terminal's clock", () => {
  it("counts from power-on, through deep sleep", async () => {
    const world = create(1_700_000_000_000);
    const clock = new TerminalClock(world);
    await world.runUntil(1_700_000_000_500);
    expect(clock.ticks).toBe(500);
    clock.reset();
    expect(clock.ticks).toBe(500);
    clock.powerOn();
    expect(clock.ticks).toBe(0);
  });

  it("refuses what a board's timer refuses: 2^31 ms and more", () => {
    const clock = new TerminalClock(create());
    expect(() => clock.set(() => {}, 2 ** 31 - 1)).not.toThrow();
    for (const ms of [2 ** 31, Number.POSITIVE_INFINITY, Number.NaN, -1]) {
      expect(() => clock.set(() => {}, ms)).toThrow(`clock.set: ms is ${ms}, expected`);
    }
  });

  it("forgets the timers of a terminal that lost its RAM, and no others", async () => {
    const world = create();
    const [one, other] = [new TerminalClock(world), new TerminalClock(world)];
    const seen: string[] = [];
    one.set(() => seen.push("old"), 5);
    other.set(() => seen.push("other"), 5);
    one.reset();
    one.set(() => seen.push("new"), 6);
    await world.runUntil(10);
    expect(seen).toEqual(["other", "new"]);
  });

  it("gains or loses as its sleep clock does while it sleeps deeply, and wakes when its own ticks say so", async () => {
    for (const [ppm, sleeps] of [
      [100_000, 54_546],
      [-100_000, 66_667],
      [2_500, 59_851],
    ]) {
      const world = create();
      const clock = new TerminalClock(world, { sleepPpm: () => ppm });
      await world.runUntil(1000);
      clock.sleepDeeply();
      expect(clock.worldMs(60_000)).toBe(sleeps);
      await world.runUntil(1000 + sleeps);
      expect(clock.ticks).toBe(61_000);
      clock.reset();
      await world.runUntil(2000 + sleeps);
      expect(clock.ticks).toBe(62_000);
    }
  });

  it("drifts as the temperature has it when a sleep begins", async () => {
    const world = create();
    const clock = new TerminalClock(world, { sleepPpm: (now) => (now < 500_000 ? 50_000 : -50_000) });
    const gained: number[] = [];
    for (let night = 1; night <= 2; night++) {
      const { ticks } = clock;
      clock.sleepDeeply();
      await world.runUntil(night * 500_000);
      clock.reset();
      gained.push(clock.ticks - ticks - 500_000);
    }
    expect(gained).toEqual([25_000, -25_000]);
  });

  it("never goes back, and loses nothing to rounding in a thousand short sleeps", async () => {
    const world = create();
    const random = createRandom(7);
    const ppm = -73_331;
    const clock = new TerminalClock(world, { crystalPpm: ppm, sleepPpm: () => ppm });
    let last = 0;
    for (let nap = 0; nap < 1000; nap++) {
      if (nap % 2) clock.reset();
      else clock.sleepDeeply();
      await world.runUntil(world.now + random.below(20));
      expect(clock.ticks).toBeGreaterThanOrEqual(last);
      last = clock.ticks;
    }
    expect(last).toBe(Math.floor(world.now * (1 + ppm / 1e6)));
  });

  it("calls back when its own crystal has counted the time, not before", async () => {
    const world = create();
    for (const crystalPpm of [10, -10, 0, 99_999, -99_999]) {
      const clock = new TerminalClock(world, { crystalPpm });
      for (const ms of [0, 1, 999.5, 86_400_000]) {
        const { ticks } = clock;
        let at = Number.NaN;
        clock.set(() => {
          at = clock.ticks;
        }, ms);
        await world.runUntil(world.now + 2 * ms + 1);
        expect(at - ticks).toBeGreaterThanOrEqual(ms);
        expect(at - ticks).toBeLessThanOrEqual(Math.ceil(ms) + 1);
      }
    }
  });

  it("refuses a drift that no oscillator has", () => {
    expect(() => new TerminalClock(create(), { crystalPpm: 100_001 })).toThrow(
      "100001 ppm, expected at most",
    );
    const clock = new TerminalClock(create(), { sleepPpm: () => Number.NaN });
    expect(() => clock.sleepDeeply()).toThrow("NaN ppm");
  });
});
