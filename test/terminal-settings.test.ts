import { describe, expect, it } from "vitest";
import { RetainedMemory } from "../hal-mocks/retained";
import type { SerialChip } from "../hal-mocks/serial";
import defaultApp from "../src/app/default";
import type { App, AppInstance } from "../src/app/interface";
import { profileNumber } from "../src/comms/descriptor";
import { planProfiles } from "../src/comms/plan-profiles";
import type { Hal, SerialOptions, WakePin } from "../src/hal";
import { columnsOf, profiles } from "../src/model/profiles";
import { decodeDescriptor } from "../tools/decode/descriptor";
import { describedProfile } from "../tools/decode/profiles";
import { bytesOf, telegram } from "./support/dsmr";
import { MINUTE, Site, type SiteOptions, START } from "./support/site";

const DAY = 86_400_000;
const SECOND = 1000;

type Reading = Parameters<NonNullable<AppInstance["onReading"]>>[0];

/** Slots of `period` after the start in which a reading was taken. */
function slots({ records }: Site, period: number): number[] {
  return records.map(({ time }) => Math.floor((Date.parse(time!) - START) / period));
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

/** The processor starts anew and RAM is lost; retained memory, as after a crash, is not. For a resident. */
function provision({ terminal }: Site, settings: Record<string, string>): void {
  terminal.store.set("config", new Map(Object.entries(settings)));
}

/** A resident that takes a reading each 10 s and sends only when it is asked to. */
async function openResident(config: Record<string, unknown> = {}, rest: SiteOptions = {}): Promise<Site> {
  const resident = { mode: "resident", sampleMs: 10 * SECOND, sessionMs: DAY, batch: 1024 };
  const site = await Site.open({ ...rest, config: { ...resident, ...config } });
  // Its first session says that it is there.
  await site.pass(15 * SECOND);
  return site;
}

async function send(site: Site): Promise<void> {
  site.terminal.press();
  await site.pass(9 * SECOND);
}

describe("a resident that is reset, and keeps its retained memory", () => {
  it("loses no reading of the batch that was open", async () => {
    const site = await openResident();
    await site.pass(5 * MINUTE - 10 * SECOND);
    expect(site.messages).toHaveLength(1);
    site.terminal.reset();
    await site.pass(5 * MINUTE);
    await send(site);
    expect(slots(site, 10 * SECOND)).toEqual(upTo(61));
    expect(new Set(site.records.map(({ boot }) => boot)).size).toBe(1);
  });

  it("stores a batch that has no room any more beside what was provisioned", async () => {
    const retained = new RetainedMemory(2400);
    const site = await openResident(
      {},
      {
        prepare: (hal) => {
          hal.retained = retained;
        },
      },
    );
    // The largest row has some 200 bytes: nearly full, and not stored yet.
    const nearlyFull = retained.byteLength - 400;
    for (let turn = 0; turn < 500 && (retained.read()?.length ?? 0) < nearlyFull; turn++)
      await site.pass(10 * SECOND);
    const before = site.terminal.counters!.readings[0];
    expect(site.terminal.waiting).toBe(0);
    provision(site, { host: "h".repeat(253), user: "u".repeat(64), password: "p".repeat(64) });
    site.terminal.reset();
    await site.pass(5 * SECOND);
    expect(site.terminal.waiting).toBe(1);
    await site.pass(MINUTE);
    await send(site);
    expect(slots(site, 10 * SECOND).slice(0, before + 6)).toEqual(upTo(before + 6));
  });

  it("is called as provisioning says now, and by its MAC when that says nothing any more", async () => {
    const site = await openResident();
    const { mac } = site.terminal.hal;
    for (const settings of [{}, { device: "cellar" }, {}] as Record<string, string>[]) {
      provision(site, settings);
      site.terminal.reset();
      await site.pass(MINUTE);
      await send(site);
    }
    const devices = site.messages.map(({ topic }) => topic.split("/")[1]);
    expect(devices).toEqual([mac, mac, "cellar", mac]);
  });
});

describe("an epoch", () => {
  it("begins anew at 0 after the last number that a frame can carry", async () => {
    const site = await Site.open({
      prepare: (_hal, { store }) => store.set("gridmote", new Map([["boot", 2 ** 32 - 1]])),
    });
    await site.pass(15.5 * MINUTE);
    site.terminal.retained.lose();
    await site.pass(20 * MINUTE);
    expect([...new Set(site.records.map(({ boot }) => boot))]).toEqual([0, 1]);
  });
});

describe("the descriptor of a stream's profile", () => {
  const topicsOf = ({ descriptors }: Site) => descriptors.map(({ topic }) => topic);

  it("is published once in an epoch, however often a sleeper sleeps and sends", async () => {
    const site = await Site.open({ config: { sessionMs: 5 * MINUTE } });
    const { mac } = site.terminal.hal;
    await site.pass(40.5 * MINUTE);
    expect(site.messages.length).toBeGreaterThan(5);
    expect(topicsOf(site)).toEqual([`gm/${mac}/0/d/2`]);
    expect(decodeDescriptor(2, site.descriptors[0].payload)).toEqual({
      ok: true,
      profile: describedProfile(profiles.meter3),
    });
    site.terminal.retained.lose();
    await site.pass(10 * MINUTE);
    expect(topicsOf(site)).toHaveLength(2);
  });

  it("is published again under another name", async () => {
    const site = await openResident();
    const { mac } = site.terminal.hal;
    for (const settings of [{}, {}, { device: "cellar" }] as Record<string, string>[]) {
      provision(site, settings);
      site.terminal.reset();
      await site.pass(MINUTE);
      await send(site);
    }
    expect(topicsOf(site)).toEqual([`gm/${mac}/0/d/2`, "gm/cellar/0/d/2"]);
  });
});

describe("columns that the app's plan lists", () => {
  const COLUMNS = "t clock pi v_l1@-1 i_l1@-3 ei_t1@3";
  const appOf = (profile: string | number): App => {
    return (kit) => {
      const { plan } = defaultApp(kit);
      return { plan: { ...plan, streams: [{ ...plan.streams[0], profile }] } };
    };
  };

  it("are a profile with a number made of them, read by its descriptor", async () => {
    const site = await Site.open({ app: appOf(COLUMNS) });
    await site.pass(40.5 * MINUTE);
    const number = profileNumber(columnsOf(COLUMNS));
    expect(site.descriptors.map(({ topic }) => topic)).toEqual([`gm/${site.terminal.hal.mac}/0/d/${number}`]);
    // A sleeper has booted for each of them, and found its batch in retained memory.
    expect(site.messages.length).toBeLessThan(5);
    expect(slots(site, MINUTE).slice(0, 29)).toEqual(upTo(29));
    const { time, clock, pi, v_l1, i_l1, ei_t1, ...rest } = site.records[0];
    for (const value of [clock, pi, v_l1, i_l1, ei_t1]) expect(value).toBeTypeOf("number");
    expect(Object.keys(rest)).toEqual(["device", "point", "boot", "seq", "errorMs"]);
  });

  it("give one number to two points that have the same ones", () => {
    const stream = { point: 0, sensor: "p1", sampleMs: 0, timeoutMs: 1, batch: 1 } as const;
    const plan = [COLUMNS, 2, COLUMNS, "t pi"].map((profile) => ({ ...stream, profile }));
    const [first, builtIn, again, other] = planProfiles(plan);
    expect(again).toBe(first);
    expect(builtIn).toBe(profiles.meter3);
    expect(other.number).toBe(profileNumber(columnsOf("t pi")));
  });

  it("close what was open of others, of which only built-in ones are still known", async () => {
    let profile: string | number = COLUMNS;
    const site = await openResident({}, { app: (kit) => appOf(profile)(kit) });
    for (const next of [2, COLUMNS, COLUMNS]) {
      await site.pass(5 * MINUTE);
      profile = next;
      site.terminal.reset();
    }
    await send(site);
    expect(site.log.filter((line) => line.includes("its batch is lost"))).toHaveLength(1);
    expect(site.records.some((record) => "pe_l3" in record)).toBe(true);
    // But for the first reading, which the first session has sent.
    expect(slots(site, 10 * SECOND)).toEqual([0, ...upTo(92).slice(32)]);
    expect(site.events).toMatchObject([{ kind: "lost", readings: 31 }]);
  });
});

/** The number of the attempt that each failed session was, in order. */
function attempts({ log }: Site): number[] {
  return log.flatMap((line) => /, attempt (\d+),/.exec(line)?.[1] ?? []).map(Number);
}

describe("failed sessions", () => {
  const quick = { backoffMs: SECOND, backoffMaxMs: MINUTE };

  it("wait no longer from one to the next while each of them brings something through", async () => {
    let isCut = false;
    const site = await Site.open({
      config: { ...quick, durable: "reading", sessionMs: DAY },
      cut: (count) => isCut && count % 2 === 0,
    });
    await site.pass(19.5 * MINUTE);
    expect(site.terminal.waiting).toBe(19);
    isCut = true;
    site.terminal.press();
    await site.pass(5 * MINUTE);
    expect(attempts(site).length).toBeGreaterThan(8);
    expect(new Set(attempts(site))).toEqual(new Set([1]));
  });

  it("are counted anew after one that did not fail", async () => {
    const site = await Site.open({ config: { ...quick, sessionMs: MINUTE } });
    const { link } = site.terminal;
    for (let turn = 0; turn < 2; turn++) {
      await site.pass(3 * MINUTE);
      link.down();
      for (let wait = 0; wait < 100 && attempts(site).length < 3 * (turn + 1); wait++)
        await site.pass(5 * SECOND);
      link.up();
    }
    const counted = attempts(site);
    const anew = counted.lastIndexOf(1);
    expect(anew).toBeGreaterThan(2);
    expect(counted).toEqual([...upTo(anew), ...upTo(counted.length - anew)].map((number) => number + 1));
  });
});

describe("a sleeper", () => {
  it("has closed all its stores when it goes to sleep", async () => {
    let open = 0;
    let opened = 0;
    const openAtSleep: number[] = [];
    const site = await Site.open({
      config: { sessionMs: 2 * MINUTE },
      prepare: ({ storage, sleep }) => {
        const flash = storage.flash!;
        const { open: openPartition } = flash;
        flash.open = (options) => {
          const store = openPartition(options);
          const { close } = store;
          let isOpen = true;
          open++;
          opened++;
          store.close = () => {
            if (isOpen) open--;
            isOpen = false;
            close.call(store);
          };
          return store;
        };
        const { deep } = sleep;
        sleep.deep = (...request) => {
          openAtSleep.push(open);
          deep.apply(sleep, request);
        };
      },
    });
    await site.pass(10 * MINUTE);
    expect(opened).toBeGreaterThan(5);
    expect(openAtSleep.length).toBeGreaterThan(9);
    expect(Math.max(...openAtSleep)).toBe(0);
  });

  it.each<[Record<string, number>, WakePin | undefined]>([
    [{}, undefined],
    [{ wakePin: -1, wakeLevel: 1 }, undefined],
    [{ wakePin: 0 }, { pin: 0, level: 0 }],
    [
      { wakePin: 33, wakeLevel: 1 },
      { pin: 33, level: 1 },
    ],
  ])("with %o wakes by %o", async (config, pin) => {
    const pins: (WakePin | undefined)[] = [];
    const site = await Site.open({
      config,
      prepare: ({ sleep }) => {
        const { deep } = sleep;
        sleep.deep = (...request) => {
          pins.push(request[2]);
          deep.apply(sleep, request);
        };
      },
    });
    await site.pass(3 * MINUTE);
    expect(pins.length).toBeGreaterThan(2);
    expect(pins).toEqual(pins.map(() => pin));
  });
});

describe("what an app is told of a reading", () => {
  async function readings(prepare?: SiteOptions["prepare"]): Promise<Reading[]> {
    const seen: Reading[] = [];
    const app: App = (kit) => ({
      ...defaultApp(kit),
      onReading: (reading) => {
        seen.push(reading);
        return undefined;
      },
    });
    const site = await Site.open({ app, prepare, config: { sessionMs: DAY } });
    await site.pass(3.5 * MINUTE);
    expect(seen).toHaveLength(4);
    return seen;
  }

  it("is its moment in Unix time, as soon as a server has said it, to half a second", async () => {
    const [first, ...others] = await readings();
    expect(first.time).toBeUndefined();
    for (const { ticks, time } of others) expect(Math.abs(time! - START - ticks)).toBeLessThan(550);
  });

  it("is no time while the clock is not set", async () => {
    const nobody = ({ network }: Hal) => {
      network.ntp = undefined;
    };
    for (const { ticks, time } of await readings(nobody))
      expect([ticks >= 0, time]).toEqual([true, undefined]);
  });
});

/** Says one telegram each time that its port is opened, and how fast it had to. */
class Speaker implements SerialChip {
  readonly bauds: number[] = [];
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  onOpen(line: Parameters<NonNullable<SerialChip["onOpen"]>>[0]): void {
    this.bauds.push(line.baud);
    line.send(this.#bytes);
  }
}

/** Seven data bits and one that makes the number of ones even: 7E1. */
function withParity(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte) => {
    let parity = byte;
    for (const shift of [4, 2, 1]) parity ^= parity >> shift;
    return byte | ((parity & 1) << 7);
  });
}

/** The first reading of a meter, sent two minutes later. */
async function firstReading(chip: SerialChip, config: Record<string, unknown>, rest: SiteOptions = {}) {
  const site = await Site.open({ ...rest, chip, config: { sessionMs: MINUTE, ...config } });
  await site.pass(2.5 * MINUTE);
  return site.records[0];
}

describe("the settings of the meter", () => {
  it("read a meter of DSMR 2: 9600 baud, 7 data bits and a parity bit", async () => {
    const chip = new Speaker(withParity(bytesOf("/KMP5 KA6U\r\n\r\n1-0:1.8.1(00185.000*kWh)\r\n!\r\n")));
    const reading = await firstReading(chip, { p1Baud: 9600, p1DataBits: 7 });
    expect(reading).toMatchObject({ ei_t1: 185_000 });
    expect(new Set(chip.bauds)).toEqual(new Set([9600]));
  });

  it.each([
    [-210, "2026-01-02T06:30:00Z"],
    [60, "2026-01-02T02:00:00Z"],
    [345, "2026-01-01T21:15:00Z"],
  ])("take the meter's clock for %i minutes east of UTC", async (utcOffset, time) => {
    const chip = new Speaker(telegram(["0-0:1.0.0(260102030000W)"]));
    expect(await firstReading(chip, { utcOffset })).toMatchObject({ clock: Date.parse(time) / SECOND });
  });

  it("open the port and the pin that they name, and no other", async () => {
    const opened: SerialOptions[] = [];
    const reading = await firstReading(
      new Speaker(telegram(["1-0:1.8.1(1*Wh)"])),
      { p1Port: 2, p1Receive: 21 },
      {
        prepare({ buses }) {
          const { io } = buses.serial!;
          buses.serial!.io = class extends io {
            constructor(options: SerialOptions) {
              opened.push(options);
              super(options);
            }
          };
        },
      },
    );
    expect(reading).toMatchObject({ ei_t1: 1 });
    expect(opened.length).toBeGreaterThan(1);
    for (const options of opened) expect(options).toMatchObject({ port: 2, receive: 21 });
  });

  it.each([500, 30_000])("give a silent meter %i ms, and no more", async (sampleTimeoutMs) => {
    const site = await Site.open({ chip: {}, config: { sampleTimeoutMs, sessionMs: DAY } });
    await site.pass(sampleTimeoutMs - 1);
    expect(site.terminal.counters!.readings).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    await site.pass(1);
    expect(site.terminal.counters!.readings).toEqual([0, 1, 0, 0, 0, 0, 0, 0]);
  });
});
