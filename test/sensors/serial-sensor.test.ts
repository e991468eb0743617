import { describe, expect, it } from "vitest";
import { P1Meter } from "../../hal-mocks/chips/p1-meter";
import { createSerial, type SerialChip } from "../../hal-mocks/serial";
import type { Serial, SerialConstructor, SerialOptions } from "../../src/hal";
import { Quality } from "../../src/model/quality";
import { Bl0942 } from "../../src/sensors/bl0942";
import { Cse7766 } from "../../src/sensors/cse7766";
import type { DriverCallbacks } from "../../src/sensors/driver-options";
import { P1 } from "../../src/sensors/p1";
import { Sml } from "../../src/sensors/sml";
import { collect, createWorld, hex } from "../support/sensors";

/** A port that is in the test's hands. */
class Hand {
  options: SerialOptions | undefined;
  closed = 0;
  readonly io: SerialConstructor;

  constructor() {
    const hand = this;
    this.io = class implements Partial<Serial> {
      constructor(options: SerialOptions) {
        hand.options = options;
      }
      read() {
        return undefined;
      }
      write() {}
      close() {
        hand.closed++;
      }
    } as unknown as SerialConstructor;
  }
}

describe.each(
  Object.entries({ Bl0942, Cse7766, Sml }) as [
    string,
    new (options: DriverCallbacks & { sensor: { io: SerialConstructor } }) => Sml,
  ][],
)("the port of a driver %s", (_name, Driver) => {
  it("that fails ends the driver: one error, no timer, no sample any more", async () => {
    const { clock, run } = createWorld();
    const hand = new Hand();
    const errors: unknown[] = [];
    let samples = 0;
    const driver = new Driver({
      sensor: { io: hand.io },
      clock,
      onSample: () => samples++,
      onError: (error) => errors.push(error),
    });
    await run(20);
    const before = samples;
    hand.options!.onError!(new Error("unplugged"));
    expect([errors.length, hand.closed, clock.pending]).toEqual([1, 1, 0]);
    await run(60_000);
    driver.close();
    expect([errors.length, hand.closed, samples]).toEqual([1, 1, before]);
  });
});

describe("a driver that is closed in its callback", () => {
  it("reads no further in what has come already", async () => {
    const good = hex("55 5A 02 F7 60 00 03 AB 00 40 10 02 60 5D 51 A6 58 03 E9 EF 71 0B 7A 36");
    const world = createWorld();
    const chip: SerialChip = { onOpen: (line) => line.send(Uint8Array.of(...good, ...good)) };
    const io = createSerial(world.busClock, new Map([[0, chip]]));
    let samples = 0;
    const driver = new Cse7766({
      ...{ sensor: { io, receive: 1 }, clock: world.clock },
      onSample() {
        samples++;
        driver.close();
      },
    });
    driver.configure({ pollMs: 0 });
    await world.run(1000);
    expect([samples, driver.counters.frames, world.clock.pending]).toEqual([1, 1, 0]);
  });
});

describe("a meter that speaks ten times a second", () => {
  it("is heard each time", async () => {
    const { world, busClock, clock, run } = createWorld();
    const phase = { v: 230, i: 1, importW: 230, exportW: 0 };
    const values = { tariff: 1, importWh: [1, 2] as const, exportWh: [0, 0] as const };
    const meter = new P1Meter({
      ...{ clock: world, period: 100 },
      values: () => ({ ...values, importW: 230, exportW: 0, phases: [phase] }),
    });
    const io = createSerial(busClock, new Map([[0, meter]]));
    const { driver, qualities } = collect(
      (onSample) => new P1({ sensor: { io, receive: 1 }, clock, onSample }),
    );
    await run(10_000);
    expect(qualities()).toEqual(new Array(99).fill(Quality.good));
    expect(driver.counters).toMatchObject({ partial: 0, checksum: 0 });
    driver.close();
  });
});
