import { describe, expect, it } from "vitest";
import type { SerialChip } from "../hal-mocks/serial";
import type { App } from "../src/app/interface";
import { MINUTE, Site, START } from "./support/site";

const HOUR = 60 * MINUTE;
const YEAR = 365 * 24 * HOUR;

/** The power is lost, and back at once: retained memory with it, and the ticks begin anew. */
function losePower({ terminal }: Site): void {
  terminal.reset("lose");
}

describe("the loss of the power", () => {
  it("costs the open batch at most, begins an epoch, and says what may be missing", async () => {
    const site = await Site.open();
    await site.pass(50 * MINUTE);
    const [{ boot }] = site.records;
    losePower(site);
    await site.pass(HOUR);
    const [event] = site.events;
    expect(event).toMatchObject({ kind: "new epoch", before: { boot } });
    if (event.kind !== "new epoch") return;
    const epochs = new Set(site.records.map((record) => record.boot));
    expect([...epochs]).toEqual([boot, event.boot]);
    const times = site.records.map(({ time }) => Date.parse(time!) / 1000);
    const stored = times.filter((_, index) => site.records[index].boot === boot);
    expect(event.ends).toEqual([{ point: 0, end: stored[stored.length - 1] }]);
    const begins = times[stored.length];
    expect(begins - event.ends[0].end!).toBeGreaterThan(60);
    expect(begins - event.ends[0].end!).toBeLessThan(16 * 60);
  });

  it("says nothing of an epoch before the first one", async () => {
    const site = await Site.open();
    await site.pass(30 * MINUTE);
    expect(site.events).toEqual([]);
  });

  it("leaves registers that the terminal counts itself where their last stored frame has them", async () => {
    const telegram = new TextEncoder().encode(
      "/X\r\n\r\n1-0:1.7.0(00.600*kW)\r\n1-0:2.7.0(00.000*kW)\r\n!\r\n",
    );
    const chip: SerialChip = { onOpen: (line) => line.send(telegram) };
    const app: App = () => ({
      plan: {
        sessionMs: 10 * MINUTE,
        streams: [
          {
            ...{ point: 0, sensor: "p1", profile: "t pi pe ei@-1 ee@-1", sampleMs: MINUTE, timeoutMs: 5000 },
            ...{ batch: 5, integrate: true },
          },
        ],
      },
    });
    const site = await Site.open({ chip, app });
    await site.pass(63.5 * MINUTE);
    losePower(site);
    await site.pass(HOUR);
    const registers = site.records.map(({ ei }) => Number(ei));
    expect(registers.every((value, index) => !index || value >= registers[index - 1])).toBe(true);
    // 10 Wh a minute, and none for the open batch of five readings.
    expect(registers[registers.length - 1]).toBeGreaterThan(1000);
    expect(new Set(site.records.map(({ boot }) => boot)).size).toBe(2);
  });
});

describe("readings from before the time was known", () => {
  it("are dated when they are sent, by the ticks of their epoch, and say how far off they may be", async () => {
    const site = await Site.open({ config: { sessionMs: HOUR } });
    site.terminal.link.down();
    await site.pass(3.2 * HOUR);
    site.terminal.link.up();
    await site.pass(2 * HOUR);
    expect(site.records.length).toBeGreaterThan(240);
    for (const { time, clock } of site.records) {
      expect(Math.abs(Date.parse(time!) / 1000 - Number(clock))).toBeLessThanOrEqual(2);
    }
  });

  it("stay undated after a power loss, in their order", async () => {
    const site = await Site.open({ config: { sessionMs: HOUR, batch: 10 } });
    site.terminal.link.down();
    await site.pass(1.5 * HOUR);
    losePower(site);
    await site.pass(1.5 * HOUR);
    site.terminal.link.up();
    await site.pass(2 * HOUR);
    const undated = site.records.filter(({ time }) => time === null);
    expect(undated.length).toBeGreaterThanOrEqual(80);
    expect(new Set(undated.map(({ boot }) => boot)).size).toBe(1);
    const clocks = site.records.map(({ clock }) => Number(clock));
    expect(clocks).toEqual([...clocks].sort((a, b) => a - b));
  });
});

describe("a time server that lies", () => {
  it("is not believed when our own clock knows better", async () => {
    const site = await Site.open({
      timeServers: (name) => (now) => (name.startsWith("0") && now > START + HOUR ? -YEAR : 0),
    });
    await site.pass(4 * HOUR);
    for (const { time, clock } of site.records)
      expect(Math.abs(Date.parse(time!) / 1000 - Number(clock))).toBeLessThanOrEqual(2);
    expect(site.events).toEqual([]);
  });
});

describe("the state of a terminal", () => {
  it("is retained, says its version, epoch and resets, and comes again after a while", async () => {
    const site = await Site.open({ config: { statusMs: HOUR } });
    await site.pass(2.5 * HOUR);
    const states = site.states.map((text) => JSON.parse(text));
    expect(states).toHaveLength(3);
    expect(states[0]).toMatchObject({ state: "sleeping", version: "0.1.0", resets: 1, reasons: ["power"] });
    expect(states[2].readings[0]).toBeGreaterThan(100);
    site.terminal.reset();
    await site.pass(1.5 * HOUR);
    expect(JSON.parse(site.states[site.states.length - 1])).toMatchObject({
      resets: 2,
      boot: states[0].boot,
    });
  });

  it("is offline when its connection is lost, and comes back with the next session", async () => {
    const site = await Site.open({ config: { mode: "resident", sessionMs: MINUTE } });
    await site.pass(10 * MINUTE);
    site.terminal.link.down();
    await site.pass(5 * MINUTE);
    site.terminal.link.up();
    await site.pass(20 * MINUTE);
    expect(site.states.map((text) => JSON.parse(text).state)).toEqual(["online", "offline", "online"]);
  });
});

describe("a wish", () => {
  it("keeps a sleeper up until the moment that it names, and no longer", async () => {
    const site = await Site.open();
    await site.pass(MINUTE);
    const until = START / 1000 + 40 * 60;
    site.publish(`gm/${site.terminal.hal.mac}/w`, String(until), true);
    await site.pass(25 * MINUTE);
    expect(site.terminal.isAsleep).toBe(false);
    await site.pass(20 * MINUTE);
    expect(site.terminal.isAsleep).toBe(true);
    const { sessions } = site.terminal.counters!;
    await site.pass(2 * HOUR);
    // It is still retained, and means nothing any more.
    expect(site.terminal.counters!.sessions).toBeLessThan(sessions + 10);
    expect(site.terminal.isAsleep).toBe(true);
  });
});
