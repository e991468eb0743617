import { describe, expect, it } from "vitest";
import type { TerminalClock } from "../hal-mocks/clock";
import type { SerialChip } from "../hal-mocks/serial";
import defaultApp from "../src/app/default";
import type { App, AppInstance } from "../src/app/interface";
import type { Hal, SerialOptions } from "../src/hal";
import { bytesOf, telegram } from "./support/dsmr";
import { MINUTE, Site, type SiteOptions, START } from "./support/site";

const DAY = 86_400_000;
const SECOND = 1000;

type Reading = Parameters<NonNullable<AppInstance["onReading"]>>[0];

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

  it("is its moment in Unix time, to the millisecond", async () => {
    for (const { ticks, time } of await readings()) expect(time).toBe(START + ticks);
  });

  it("is no time while the clock is not set", async () => {
    const isUnset = ({ clock }: Hal) => {
      (clock as TerminalClock).timeKnown = false;
    };
    for (const { ticks, time } of await readings(isUnset))
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
          const { io } = buses.p1!;
          buses.p1!.io = class extends io {
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
