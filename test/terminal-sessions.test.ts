import { describe, expect, it } from "vitest";
import defaultApp from "../src/app/default";
import type { App } from "../src/app/interface";
import type { TriggerPlan } from "../src/lowpower/triggers";
import { MINUTE, Site } from "./support/site";

const HOUR = 60 * MINUTE;

describe("a battery that runs low", () => {
  async function sessionsAt(volts: number): Promise<number> {
    const site = await Site.open({
      config: { supplyLowMv: 3500, supplyStopMv: 3200 },
      prepare: (hal) => {
        hal.supply = { read: () => volts };
      },
    });
    await site.pass(8 * HOUR + MINUTE);
    expect(site.terminal.counters!.readings[0]).toBe(481);
    return site.terminal.counters!.sessions;
  }

  it("makes sessions four times rarer, then ends them; readings go on", async () => {
    const [full, low, empty] = [await sessionsAt(3.9), await sessionsAt(3.4), await sessionsAt(3.1)];
    expect(full).toBeGreaterThanOrEqual(32);
    expect(low).toBeGreaterThanOrEqual(8);
    expect(low).toBeLessThanOrEqual(10);
    expect(empty).toBe(0);
  });
});

describe("a reset while the radio is on", () => {
  it("holds the radio back, longer each time, and a session that goes well forgets it", async () => {
    const site = await Site.open({ config: { sessionMs: MINUTE, backoffMs: 600_000 } });
    await site.pass(30_000);
    const held = () => site.log.filter((line) => line.includes("was reset with its radio on")).length;
    for (let turn = 0; turn < 3; turn++) {
      for (let wait = 0; wait < 20_000 && !site.terminal.link.isUp; wait++) await site.pass(100);
      site.terminal.reset();
      await site.pass(1000);
    }
    expect(held()).toBe(3);
    expect(site.log.filter((line) => line.includes("time 3;"))).toHaveLength(1);
    await site.pass(HOUR);
    expect(site.terminal.counters!.sessions).toBeGreaterThan(20);
    expect(held()).toBe(3);
  });
});

describe("what a plan wants sent before its period ends", () => {
  async function sent(triggers: TriggerPlan, minimumMs?: number) {
    const app: App = (kit) => {
      const { plan } = defaultApp(kit);
      const streams = plan.streams.map((stream) => ({ ...stream, triggers }));
      return { plan: { ...plan, streams, minimumMs } };
    };
    const site = await Site.open({ app, config: { sessionMs: 6 * HOUR } });
    await site.pass(2 * HOUR);
    return site.terminal.counters!.sessions;
  }

  it("is nothing without a trigger", async () => {
    expect(await sent({})).toBeLessThanOrEqual(2);
  });

  it("is a value that leaves its limits, or comes back", async () => {
    const periodic = await sent({});
    expect(await sent({ thresholds: { pi: { above: 400 } } })).toBeGreaterThan(periodic);
    expect(await sent({ thresholds: { pi: { above: 100_000 } } })).toBe(periodic);
  });

  it("is a value that has moved, but not oftener than the plan allows", async () => {
    const often = await sent({ deltas: { pi: 20 } }, 0);
    const seldom = await sent({ deltas: { pi: 20 } }, HOUR);
    expect(often).toBeGreaterThan(10);
    expect(seldom).toBeLessThanOrEqual(4);
  });
});

describe("a frame that flash has damaged while it waited", () => {
  it("is counted, in retained memory and in the state message", async () => {
    const site = await Site.open({ config: { sessionMs: 10 * MINUTE, statusMs: 10 * MINUTE } });
    site.terminal.link.down("network");
    await site.pass(HOUR);
    const { waiting, partition } = site.terminal;
    expect(waiting).toBeGreaterThan(3);
    // Within the oldest frame, behind its block's header and its record's.
    partition.bytes[200] ^= 4;
    site.terminal.link.up("network");
    await site.pass(3 * HOUR);
    expect(site.terminal.waiting).toBe(0);
    expect(site.terminal.counters!.damaged).toBe(1);
    expect(site.states.at(-1)).toContain('"damaged":1');
  });
});

describe("the network that a terminal knows", () => {
  it("is searched on all channels at first, and then on the one where it was", async () => {
    const channels: (number | undefined)[] = [];
    const site = await Site.open({
      config: { sessionMs: 10 * MINUTE },
      prepare: ({ network }) => {
        const { io } = network.wifi!;
        network.wifi!.io = class extends io {
          override connect(options: Parameters<InstanceType<typeof io>["connect"]>[0]): void {
            channels.push(options.channel);
            super.connect(options);
          }
        };
      },
    });
    await site.pass(HOUR);
    const [first, ...others] = channels;
    expect(first).toBeUndefined();
    expect(others.length).toBeGreaterThan(4);
    expect(new Set(others).size).toBe(1);
    expect(others[0]).toBeGreaterThan(0);
  });
});
