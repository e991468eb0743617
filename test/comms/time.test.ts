import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../hal-mocks/clock";
import { settleMicrotasks } from "../../hal-mocks/node/settle";
import { askTime, unixTime } from "../../src/comms/time";
import type { Hal } from "../../src/hal";

/** As the SDK's client computes it from the 32 bits of seconds. */
const said = (seconds: number) => ((seconds >>> 0) - 2_208_988_800) * 1000;

describe("the time that a server says", () => {
  it("is Unix time, before and after NTP's seconds begin anew in 2036", () => {
    for (const date of [
      "2026-06-01T12:00:00Z",
      "2036-02-07T06:28:15Z",
      "2036-02-07T06:28:17Z",
      "2060-01-01",
    ]) {
      const time = Date.parse(date);
      expect(unixTime(said(time / 1000 + 2_208_988_800))).toBe(time);
    }
  });

  it("is none when the server has none (kiss-o'-death)", () => {
    expect(unixTime(said(0))).toBeUndefined();
    expect(unixTime(Number.NaN)).toBeUndefined();
  });
});

type Ntp = NonNullable<Hal["network"]["ntp"]>;

/** A platform's NTP client whose servers say these whole Unix seconds; of undefined it makes no client at all. */
function ntpOf(servers: Record<string, number | undefined>): Ntp {
  const io = class {
    readonly #server: string;

    constructor({ servers: [server] }: { servers: string[] }) {
      if (servers[server] === undefined) throw new Error("there is no socket left");
      this.#server = server;
    }

    getTime(callback: (error: Error | null, time?: number) => void): void {
      callback(null, said(servers[this.#server]! + 2_208_988_800));
    }

    close(): void {}
  };
  const none = { io: undefined };
  return { io, dns: none, socket: none } as unknown as Ntp;
}

describe("asking for the time", () => {
  it("goes on with the next server at once where the platform has no client for one", async () => {
    const clock = new VirtualClock(0, settleMicrotasks);
    const ticking = Object.assign(clock, { ticks: 0 }) as unknown as Parameters<typeof askTime>[1];
    const ntp = ntpOf({ broken: undefined, good: 1_800_000_000 });
    const answer = await clock.runFor(
      askTime(ntp, ticking, ["broken", "good"], () => true),
      "an answer",
    );
    expect(answer?.time).toBe(1_800_000_000_500);
    expect(clock.now).toBe(0);
  });
});
