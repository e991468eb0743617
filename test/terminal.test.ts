import { describe, expect, it } from "vitest";
import { RetainedMemory } from "../hal-mocks/retained";
import type { SerialChip } from "../hal-mocks/serial";
import { createWiFi } from "../hal-mocks/wifi";
import defaultApp from "../src/app/default";
import type { App } from "../src/app/interface";
import type { MqttClient } from "../src/hal";
import { MINUTE, Site, START } from "./support/site";

const SESSION = 15 * MINUTE;

/** Minutes after the start at which a good reading was taken. */
function minutes({ records }: Site): number[] {
  return records
    .filter(({ quality }) => !quality)
    .map(({ time }) => Math.floor((Date.parse(time!) - START) / MINUTE));
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

describe("a sleeper", () => {
  it("takes one reading in each slot and sends them in one frame a session", async () => {
    const site = await Site.open();
    await site.pass(60 * MINUTE);
    site.terminal.press();
    await site.pass(10_000);
    expect(minutes(site).slice(0, 60)).toEqual(upTo(60));
    expect(site.messages.length).toBeLessThanOrEqual(6);
    expect(site.messages[0].topic).toBe(`gm/${site.terminal.hal.mac}/0/f`);
    expect(site.terminal.waiting).toBe(0);
  });

  it("opens neither storage nor radio in a wake that only samples", async () => {
    const site = await Site.open({ config: { sessionMs: 86_400_000 } });
    await site.pass(MINUTE / 2);
    const { storage, network } = site.terminal.hal;
    let opened = 0;
    const { open } = storage.keyValue;
    storage.keyValue.open = (options) => {
      opened++;
      return open(options);
    };
    const wifi = network.wifi!;
    wifi.io = class extends wifi.io {
      constructor(options: ConstructorParameters<typeof wifi.io>[0]) {
        opened++;
        super(options);
      }
    };
    await site.pass(10 * MINUTE);
    expect(site.terminal.counters!.readings[0]).toBe(11);
    expect(opened).toBe(0);
  });

  it("goes on sampling while a session waits for a broker that is not there", async () => {
    const site = await Site.open({ config: { sampleMs: 5_000, sessionMs: MINUTE, awakeMs: 60_000 } });
    await site.pass(30_000);
    site.terminal.link.down();
    await site.pass(10 * MINUTE);
    site.terminal.link.up();
    await site.pass(60 * MINUTE);
    site.terminal.press();
    await site.pass(10_000);
    const slots = site.records.map(({ time }) => Math.floor((Date.parse(time!) - START) / 5_000));
    expect(slots.slice(0, 800)).toEqual(upTo(800));
    expect(site.log.find((line) => line.includes("attempt 1,"))).toMatch(
      /^site: session with localhost:1883 failed \((broker|deadline)\), attempt 1, next in \d+ ms$/,
    );
  });

  it("sends what was not acknowledged again, and the reader takes it once", async () => {
    const site = await Site.open({
      config: { batch: 1, backoffMs: 1000, backoffMaxMs: 60_000 },
      cut: (count) => count % 3 === 0,
    });
    await site.pass(4 * 60 * MINUTE);
    site.terminal.press();
    for (let turn = 0; turn < 20; turn++) await site.pass(MINUTE);
    expect(minutes(site).slice(0, 240)).toEqual(upTo(240));
    expect(site.repeats).toBeGreaterThan(20);
  });

  it("gives up on a radio that never associates when its awake budget is spent", async () => {
    const site = await Site.open({ config: { sessionMs: MINUTE, awakeMs: 7_000 } });
    const { wifi } = site.terminal.hal.network;
    wifi!.io = class {
      readonly connection = 300;
      readonly address = undefined;
      connect() {}
      configure() {}
      disconnect() {}
      close() {}
    };
    await site.pass(20 * MINUTE);
    expect(site.terminal.counters!.failedSessions).toBeGreaterThan(3);
    expect(site.log[0]).toContain("failed (deadline), attempt 1");
    expect(site.terminal.counters!.readings[0]).toBe(20);
  });

  it("takes what its platform throws for a failed session, says what it was, and goes on", async () => {
    const site = await Site.open({ config: { sessionMs: MINUTE, backoffMaxMs: 60_000 } });
    const { mqtt } = site.terminal.hal.network;
    const { io } = mqtt;
    mqtt.io = new Proxy(io, {
      construct() {
        throw new TypeError("no socket is free");
      },
    });
    await site.pass(10 * MINUTE);
    expect(site.log[0]).toMatch(/failed \(broker: TypeError: no socket is free\), attempt 1/);
    mqtt.io = io;
    await site.pass(10 * MINUTE);
    expect(minutes(site).slice(0, 15)).toEqual(upTo(15));
  });

  it("says goodbye to the broker, and lets its socket close before its radio goes", async () => {
    let goodbyes = 0;
    const site = await Site.open({
      config: { sessionMs: MINUTE },
      prepare({ network: { mqtt } }) {
        const { io } = mqtt;
        mqtt.io = class extends io {
          override write(...[data, options]: Parameters<MqttClient["write"]>): number {
            if (options?.operation === io.DISCONNECT) goodbyes++;
            return super.write(data, options);
          }
        };
      },
    });
    await site.pass(30 * MINUTE);
    const { terminal } = site;
    expect(terminal.counters!.sessions).toBeGreaterThan(20);
    expect(goodbyes).toBe(terminal.counters!.sessions);
    for (let turn = 0; turn < 20; turn++) {
      terminal.link.down();
      await site.pass(2 * MINUTE);
      terminal.link.up();
      await site.pass(MINUTE);
    }
    expect(terminal.counters!.failedSessions).toBeGreaterThan(5);
    expect(terminal.link.tornSockets).toBe(0);
  });

  it("tries to associate three times before it gives a session up", async () => {
    let failures = 0;
    const site = await Site.open({
      config: { sessionMs: MINUTE },
      prepare({ clock, network }, { link }) {
        network.wifi = { io: createWiFi({ clock, link, fails: () => failures-- > 0 }) };
      },
    });
    for (let session = 0; session < 5; session++) {
      failures = 2;
      await site.pass(MINUTE);
    }
    expect(site.terminal.counters!.sessions).toBe(5);
    expect(site.terminal.counters!.failedSessions).toBe(0);
    failures = 3;
    await site.pass(MINUTE);
    expect(site.log).toHaveLength(1);
    expect(site.log[0]).toContain("failed (wifi), attempt 1");
  });

  it("wants nothing that the broker has kept for it, after three sessions that failed", async () => {
    const wanted: boolean[] = [];
    const site = await Site.open({
      config: { sessionMs: MINUTE, backoffMs: 1000, backoffMaxMs: 1000 },
      prepare({ network: { mqtt } }) {
        mqtt.io = new Proxy(mqtt.io, {
          construct(target, [options]: ConstructorParameters<typeof mqtt.io>) {
            wanted.push(options.clean!);
            return new target(options);
          },
        });
      },
    });
    site.terminal.link.down();
    await site.pass(5 * MINUTE);
    site.terminal.link.up();
    await site.pass(3 * MINUTE);
    expect(wanted.slice(0, 4)).toEqual([false, false, false, true]);
    expect(wanted.slice(-2)).toEqual([false, false]);
  });

  it("uses no number twice when a reset comes as the radio starts", async () => {
    const site = await Site.open();
    const { terminal } = site;
    const wifi = terminal.hal.network.wifi!;
    const { io } = wifi;
    let kept:
      | { retained: Uint8Array; store: [string, Map<string, Uint8Array | string | number>][] }
      | undefined;
    wifi.io = new Proxy(io, {
      construct(target, args: ConstructorParameters<typeof io>) {
        kept ??= {
          retained: terminal.retained.read()!,
          store: [...terminal.store].map(([k, v]) => [k, new Map(v)]),
        };
        terminal.link.down();
        return new target(...args);
      },
    });
    for (let turn = 0; turn < 20 && !kept; turn++) await site.pass(MINUTE);
    await site.pass(MINUTE / 2);
    // What the terminal did after that moment has not been: it boots from what was kept.
    terminal.retained.write(kept!.retained);
    for (const [domain, values] of kept!.store) terminal.store.set(domain, values);
    wifi.io = io;
    terminal.link.up();
    await site.pass(60 * MINUTE);
    terminal.press();
    await site.pass(20_000);
    expect(site.repeats).toBe(0);
    const seen = minutes(site);
    expect(new Set(seen).size).toBe(seen.length);
  });

  it("goes on when closing a session fails", async () => {
    const site = await Site.open({ config: { sessionMs: MINUTE } });
    const wifi = site.terminal.hal.network.wifi!;
    const { prototype } = wifi.io;
    const { disconnect } = prototype;
    let failures = 3;
    prototype.disconnect = function () {
      if (failures-- > 0) throw new Error("busy");
      disconnect.call(this);
    };
    await site.pass(30 * MINUTE);
    expect(site.terminal.counters!.sessions).toBeGreaterThan(20);
    expect(site.records.length).toBeGreaterThan(25);
  });

  it("is not bricked by settings that do not fit together, or by a port that is not there", async () => {
    const site = await Site.open();
    const settings: [string, string][] = [
      ["sampleMs", "0"],
      ["p1Port", "7"],
      ["password", "x".repeat(1900)],
    ];
    site.terminal.store.set("config", new Map(settings));
    await site.pass(MINUTE / 2);
    site.terminal.retained.lose();
    await site.pass(30 * MINUTE);
    expect(site.log).toContain(
      "site: key-value store: sampleMs is 0, which takes every sample: only a resident can; left out",
    );
    expect(site.records[site.records.length - 1]).toMatchObject({ quality: "bus" });
  });

  it("begins a random epoch when the store is too full to keep its number", async () => {
    const site = await Site.open();
    await site.pass(MINUTE / 2);
    const { keyValue } = site.terminal.hal.storage;
    const { open } = keyValue;
    keyValue.open = (options) => {
      const store = open(options);
      if (options.path === "gridmote") {
        store.write = () => {
          throw new Error("NVS is full");
        };
      }
      return store;
    };
    site.terminal.retained.lose();
    await site.pass(40 * MINUTE);
    expect(site.log.join()).toContain('"gridmote" cannot be used (Error: NVS is full)');
    const [first, ...others] = [...new Set(site.records.map(({ boot }) => boot))];
    expect(first).toBe(site.terminal.store.get("gridmote")!.get("boot"));
    expect(others).toHaveLength(1);
    expect(minutes(site).length).toBeGreaterThan(20);
  });

  it("asks for its MAC once in an epoch: on a board that starts the radio", async () => {
    const site = await Site.open({ config: { sessionMs: 86_400_000 } });
    await site.pass(MINUTE / 2);
    Object.defineProperty(site.terminal.hal, "mac", {
      get() {
        throw new Error("the radio was started");
      },
    });
    await site.pass(10 * MINUTE);
    expect(site.terminal.counters!.readings[0]).toBe(11);
  });

  it("keeps its epoch through deep sleep, raises it when retained memory is lost, and never repeats a frame", async () => {
    const site = await Site.open();
    await site.pass(2 * SESSION + MINUTE / 2);
    site.terminal.retained.lose();
    await site.pass(3 * SESSION);
    const identities = site.records.map(({ boot, seq }) => `${boot} ${seq}`);
    const boots = [...new Set(site.records.map(({ boot }) => boot))];
    expect(boots).toHaveLength(2);
    expect(boots[1]).toBe((boots[0] + 1) % 2 ** 32);
    expect(new Set(identities).size).toBe(site.messages.length);
    expect(site.repeats).toBe(0);
  });
});

describe("a resident", () => {
  it("keeps its port and its session open, and takes every slot", async () => {
    const site = await Site.open({ config: { mode: "resident", sampleMs: 10_000, sessionMs: 2 * MINUTE } });
    await site.pass(60 * MINUTE);
    site.terminal.press();
    await site.pass(5_000);
    const slots = site.records.map(({ time }) => Math.floor((Date.parse(time!) - START) / 10_000));
    expect(slots.slice(0, 360)).toEqual(upTo(360));
  });

  it("takes every telegram when its period is 0", async () => {
    const site = await Site.open({
      config: { mode: "resident", sampleMs: 0, sessionMs: MINUTE, batch: 100 },
    });
    await site.pass(10 * MINUTE);
    site.terminal.press();
    await site.pass(900);
    const clocks = site.records.map(({ clock }) => Number(clock) - START / 1000);
    expect(clocks.slice(0, 600)).toEqual(upTo(600));
  });

  it("comes back after its connection was lost, without a gap", async () => {
    const site = await Site.open({ config: { mode: "resident", sampleMs: 10_000, sessionMs: MINUTE } });
    for (let turn = 0; turn < 6; turn++) {
      await site.pass(10 * MINUTE);
      site.terminal.link.down(turn % 2 ? "wifi" : "network");
      await site.pass(7 * MINUTE);
      site.terminal.link.up(turn % 2 ? "wifi" : "network");
    }
    await site.pass(120 * MINUTE);
    const slots = site.records.map(({ time }) => Math.floor((Date.parse(time!) - START) / 10_000));
    expect(slots.slice(0, 1200)).toEqual(upTo(1200));
  });
});

describe("a resident whose bus fails", () => {
  it("keeps its slots when the bus comes back between them", async () => {
    let fail: ((error?: unknown) => void) | undefined;
    const site = await Site.open({
      config: { mode: "resident", sampleMs: 600_000, sessionMs: 300_000 },
      prepare({ buses }) {
        const { io } = buses.serial!;
        buses.serial!.io = new Proxy(io, {
          construct(target, [options]: ConstructorParameters<typeof io>) {
            fail = options.onError;
            return new target(options);
          },
        });
      },
    });
    await site.pass(11 * MINUTE);
    fail!();
    await site.pass(40 * MINUTE);
    const taken = site.records.map(({ time }) => Math.floor((Date.parse(time!) - START) / (10 * MINUTE)));
    expect(taken.slice(0, 4)).toEqual(upTo(4));
  });
});

describe("a resident whose port falls silent without a word", () => {
  it("opens it anew, and says of the slots in between that they were silent", async () => {
    let deaf = false;
    const site = await Site.open({
      config: { mode: "resident", sampleMs: 30_000, sessionMs: MINUTE },
      prepare({ buses }) {
        const { io } = buses.serial!;
        buses.serial!.io = class extends io {
          constructor(options: ConstructorParameters<typeof io>[0]) {
            deaf = false;
            super({ ...options, onReadable: (count) => void (deaf || options.onReadable?.(count)) });
          }
        };
      },
    });
    await site.pass(5 * MINUTE);
    deaf = true;
    await site.pass(10 * MINUTE);
    const bad = site.records.filter(({ quality }) => quality);
    expect(bad.map(({ quality }) => quality)).toEqual(["silent"]);
    expect(site.records.length).toBeGreaterThanOrEqual(28);
  });
});

describe("a terminal", () => {
  it("says that its meter is silent, in a reading of its own", async () => {
    const mute: SerialChip = {};
    const site = await Site.open({ chip: mute, config: { sessionMs: 5 * MINUTE } });
    await site.pass(12 * MINUTE);
    expect(site.records.length).toBeGreaterThan(4);
    for (const record of site.records) expect(record).toMatchObject({ quality: "silent" });
    expect(site.terminal.counters!.readings[1]).toBeGreaterThanOrEqual(12);
  });

  it("says that its meter's telegrams are damaged, and recovers", async () => {
    let broken = true;
    const bytes = new TextEncoder().encode(
      "/X\r\n\r\n1-3:0.2.8(50)\r\n1-0:1.8.1(000001.000*kWh)\r\n!0000\r\n",
    );
    const good = new TextEncoder().encode("/X\r\n\r\n1-0:1.8.1(000001.000*kWh)\r\n!\r\n");
    const chip: SerialChip = { onOpen: (line) => line.send(broken ? bytes : good) };
    const site = await Site.open({ chip, config: { sessionMs: 2 * MINUTE } });
    await site.pass(5 * MINUTE);
    broken = false;
    await site.pass(10 * MINUTE);
    expect(site.records[0]).toMatchObject({ quality: "checksum" });
    expect(site.records[site.records.length - 1]).toMatchObject({ ei_t1: 1000 });
  });

  it("sends at once when the app raises an alarm", async () => {
    const app: App = (kit) => ({
      ...defaultApp(kit),
      onReading: ({ ticks }) => (ticks > 3 * MINUTE ? "send" : undefined),
    });
    const site = await Site.open({ app, config: { sessionMs: 86_400_000 } });
    await site.pass(3 * MINUTE + 10_000);
    expect(minutes(site)).toEqual([0, 1, 2, 3]);
  });

  it("sets its clock before it looks for the broker, and dates what it reads from then on", async () => {
    const order: string[] = [];
    const site = await Site.open({
      prepare({ network }) {
        const { io } = network.mqtt;
        const ntp = network.ntp!;
        ntp.io = new Proxy(ntp.io, {
          construct(target, args: ConstructorParameters<typeof ntp.io>) {
            order.push("time");
            return new target(...args);
          },
        });
        network.mqtt.io = new Proxy(io, {
          construct(target, args: ConstructorParameters<typeof io>) {
            order.push("broker");
            return new target(...args);
          },
        });
      },
    });
    await site.pass(40 * MINUTE);
    // Two servers that agree at first, and then one that our own clock agrees with.
    expect(order.slice(0, 5)).toEqual(["time", "time", "broker", "time", "broker"]);
    expect(minutes(site).length).toBeGreaterThan(15);
  });

  it("lets an alarm wait for its turn after a failed session, and stores it at once", async () => {
    const app: App = (kit) => ({ ...defaultApp(kit), onReading: () => "send" });
    const site = await Site.open({ app, config: { sessionMs: 3_600_000, backoffMs: 1_800_000 } });
    site.terminal.link.down();
    await site.pass(60 * MINUTE);
    expect(site.terminal.counters!.sessions).toBeLessThan(10);
    expect(site.terminal.waiting).toBe(60);
  });

  it("keeps a batch that the store does not take, and stores it when it does again", async () => {
    const site = await Site.open({ config: { batch: 20, sessionMs: 10 * MINUTE } });
    await site.pass(MINUTE / 2);
    const flash = site.terminal.hal.storage.flash!;
    const { open } = flash;
    flash.open = () => {
      throw new Error("the flash is not there");
    };
    await site.pass(15 * MINUTE);
    flash.open = open;
    await site.pass(15 * MINUTE);
    expect(site.log[0]).toBe("site: the outbox cannot be opened (Error: the flash is not there)");
    expect(minutes(site).slice(0, 20)).toEqual(upTo(20));
    expect(site.terminal.counters!.lost).toBe(0);
  });

  it("counts and logs what it cannot keep when the store goes on failing", async () => {
    const site = await Site.open({ config: { batch: 5, sessionMs: 10 * MINUTE } });
    const flash = site.terminal.hal.storage.flash!;
    const { open } = flash;
    flash.open = () => {
      throw new Error("the flash is not there");
    };
    await site.pass(20.5 * MINUTE);
    expect(site.terminal.counters!.lost).toBe(20);
    expect(site.log).toContain("site: point 0: 5 readings cannot be stored, and are lost");
    expect(site.terminal.counters!.readings[0]).toBe(21);
    // When it works again, it is said what there was.
    flash.open = open;
    await site.pass(15 * MINUTE);
    const [lost] = site.events;
    expect(lost).toMatchObject({ kind: "lost", readings: 20, from: null });
  });

  it("has a reading for each slot of a silent meter, though it would wait longer", async () => {
    const mute: SerialChip = {};
    for (const mode of ["sleeper", "resident"]) {
      const config = { mode, sampleMs: 5000, sampleTimeoutMs: 12_000, sessionMs: MINUTE };
      const site = await Site.open({ chip: mute, config });
      await site.pass(10 * MINUTE);
      expect(site.terminal.counters!.readings[1]).toBeGreaterThanOrEqual(119);
    }
  });

  it("refuses a plan for which its retained memory is too small", async () => {
    const site = await Site.open({
      prepare(hal) {
        hal.retained = new RetainedMemory(400);
      },
    });
    await expect(site.pass(0)).rejects.toThrow(
      "the app's plan: its 1 streams need more retained memory than there is",
    );
  });

  it("stores each reading at once when it is told to", async () => {
    const site = await Site.open({ config: { durable: "reading", sessionMs: 86_400_000 } });
    await site.pass(4.5 * MINUTE);
    // Its first session has sent the first one.
    expect([site.terminal.counters!.frames, site.terminal.waiting]).toEqual([5, 4]);
  });

  it("sends frames larger than the send buffer of its socket in parts", async () => {
    const site = await Site.open({
      config: { mode: "resident", sampleMs: 0, batch: 1000, sessionMs: 86_400_000 },
    });
    await site.pass(20 * MINUTE);
    site.terminal.press();
    await site.pass(20_000);
    expect(site.records.length).toBeGreaterThanOrEqual(1200);
  });

  it("takes what provisioning has stored over the manifest, and leaves out and logs what is not valid", async () => {
    const site = await Site.open();
    site.terminal.store.set(
      "config",
      new Map([
        ["sampleMs", "30000"],
        ["mode", "asleep"],
        ["password", "x".repeat(99)],
        // As a number of NVS, which cannot be read as text.
        ["port", 1883],
      ] as [string, string | number][]),
    );
    await site.pass(MINUTE / 2);
    // Without retained memory a terminal reads its flash again.
    site.terminal.retained.lose();
    await site.pass(10 * MINUTE);
    expect(site.terminal.counters!.readings[0]).toBeGreaterThan(17);
    expect(site.log).toContain(
      'site: key-value store: mode is "asleep", expected "sleeper" or "resident"; left out',
    );
    expect(site.log.join()).toContain("key-value store: port cannot be read as string");
    expect(site.log.join()).not.toContain("xxx");
  });

  it("refuses a manifest that is not valid, an unknown profile, and two streams on one bus", async () => {
    await expect((await Site.open({ config: { sampleMs: -1 } })).pass(0)).rejects.toThrow(
      "config: sampleMs is -1, expected an integer from 0 to 86400000",
    );
    await expect((await Site.open({ config: { sampleMs: 0 } })).pass(0)).rejects.toThrow(
      "only a resident can",
    );
    const twice: App = (kit) => {
      const { plan } = defaultApp(kit);
      return { plan: { ...plan, streams: [...plan.streams, ...plan.streams] } };
    };
    await expect((await Site.open({ app: twice })).pass(0)).rejects.toThrow(
      "the app's plan: p1 and p1 both use serial port 1",
    );
    for (const wrong of [{ point: 256 }, { batch: 0 }, { sampleMs: Number.NaN }]) {
      const bad: App = (kit) => {
        const { plan } = defaultApp(kit);
        return { plan: { ...plan, streams: [{ ...plan.streams[0], ...wrong }] } };
      };
      await expect((await Site.open({ app: bad })).pass(0)).rejects.toThrow("the app's plan");
    }
    const unknown: App = (kit) => {
      const { plan } = defaultApp(kit);
      return { plan: { ...plan, streams: [{ ...plan.streams[0], profile: 999 }] } };
    };
    await expect((await Site.open({ app: unknown })).pass(0)).rejects.toThrow("no built-in profile 999");
  });

  it.each([
    ["clock pi", 'the app\'s profile "clock pi" does not begin with t'],
    ["t nothing", 'no channel is called "nothing"'],
    ["t pi@much", '"pi@much" is no column'],
  ])("refuses columns that are none: %s", async (profile, why) => {
    const app: App = (kit) => {
      const { plan } = defaultApp(kit);
      return { plan: { ...plan, streams: [{ ...plan.streams[0], profile }] } };
    };
    await expect((await Site.open({ app })).pass(0)).rejects.toThrow(why);
  });

  it("runs the next app when one throws as it starts, or has a plan that cannot be", async () => {
    const start: App = () => {
      throw new RangeError("made for version 2 of the kit");
    };
    const plan: App = () => ({ plan: { sessionMs: 0, streams: [] } });
    for (const [app, why] of [
      [start, "made for version 2 of the kit"],
      [plan, "sessionMs is 0"],
    ] as const) {
      const site = await Site.open({ app, fallback: defaultApp });
      await site.pass(20 * MINUTE);
      expect(site.log[0]).toContain("this app does not work here, the next one is tried");
      expect(site.log[0]).toContain(why);
      expect(minutes(site).length).toBeGreaterThan(5);
    }
  });

  it("keeps a reading at which the app throws, and says so", async () => {
    const app: App = (kit) => ({
      ...defaultApp(kit),
      onReading: () => {
        throw new Error("division by nothing");
      },
    });
    const site = await Site.open({ app });
    await site.pass(20 * MINUTE);
    expect(minutes(site).length).toBeGreaterThan(5);
    expect(site.log[0]).toBe("site: the app failed at a reading of point 0 (Error: division by nothing)");
  });

  it("closes what an earlier plan has left open", async () => {
    let phases = 3;
    const app: App = (kit) => {
      const { plan } = defaultApp(kit);
      return { plan: { ...plan, streams: [{ ...plan.streams[0], profile: phases === 1 ? 1 : 2 }] } };
    };
    const site = await Site.open({ app });
    await site.pass(3.5 * MINUTE);
    phases = 1;
    await site.pass(SESSION);
    site.terminal.press();
    await site.pass(10_000);
    expect(minutes(site).slice(0, 15)).toEqual(upTo(15));
    expect(site.records[0]).toHaveProperty("v_l3");
    expect(site.records[14]).not.toHaveProperty("v_l3");
  });
});

describe("a clock that is set", () => {
  /** Seconds, by the meter's own clock, between one reading and the next. */
  const apart = ({ records }: Site) =>
    records.slice(1).map(({ clock }, index) => Number(clock) - Number(records[index].clock));

  it.each([
    ["a sleeper", "back by less than a second", -300],
    ["a sleeper", "back by seconds", -7_000],
    ["a sleeper", "ahead by seconds", 7_000],
    ["a resident", "back by seconds", -7_000],
    ["a resident", "ahead by seconds", 7_000],
  ])("costs %s no slot and gives it none twice: %s", async (who, _, step) => {
    const site = await Site.open({
      config: { mode: who.slice(2), sessionMs: 10 * MINUTE },
      timeServers: () => (now) => (now < START + 60 * MINUTE ? 0 : step),
    });
    await site.pass(4 * 60 * MINUTE);
    const seconds = apart(site);
    expect(seconds.length).toBeGreaterThan(200);
    // A clock that is put back repeats a time of day, whose slot is taken already; one that is put ahead has it passed.
    if (step < 0) expect(Math.min(...seconds)).toBeGreaterThan(50);
    else expect(Math.max(...seconds)).toBeLessThan(70);
    expect(seconds.filter((apart) => Math.abs(apart - 60) > 1).length).toBeLessThan(8);
  });

  it("leaves no gap when it goes back by a year, and none when it comes to know the time", async () => {
    const site = await Site.open({
      config: { sessionMs: 10 * MINUTE },
      timeServers: () => (now) => (now < START + 40 * MINUTE ? 0 : -365 * 24 * 60 * MINUTE),
    });
    await site.pass(2 * 60 * MINUTE);
    const seconds = apart(site);
    expect(seconds.length).toBeGreaterThan(100);
    expect(Math.min(...seconds)).toBeGreaterThan(58);
    expect(Math.max(...seconds)).toBeLessThan(62);
    expect(site.events).toMatchObject([{ kind: "clock step" }]);
  });
});
