import { describe, expect, it } from "vitest";
import { TerminalClock, VirtualClock } from "../../hal-mocks/clock";
import { settleMicrotasks } from "../../hal-mocks/node/settle";
import type { Clock } from "../../src/hal";
import { type DriverFactory, Stream } from "../../src/lowpower/stream";
import { newTime, Timekeeper } from "../../src/lowpower/timekeeper";
import { Quality, type QualityCode } from "../../src/model/quality";

const SECOND = 1000;
const PERIOD = 10 * SECOND;

/** A stream of a reading each 10 s on a device that the test plays, with what the stream has said. */
class Rig {
  readonly world = new VirtualClock(0, settleMicrotasks);
  readonly readings: { ticks: number; quality: QualityCode; flags?: number }[] = [];
  readonly stream: Stream;
  #quality: QualityCode = Quality.good;
  #flags: number | undefined;
  #onSample: (() => void) | undefined;

  constructor(timeoutMs: number, clock: Clock = new TerminalClock(this.world)) {
    const open: DriverFactory = ({ onSample }) => {
      this.#onSample = onSample;
      return {
        sample: () => ({
          quality: this.#quality,
          ticks: clock.ticks,
          ...(this.#flags !== undefined && { flags: this.#flags }),
        }),
        close() {},
      };
    };
    this.stream = new Stream({
      plan: { point: 0, sensor: "p1", profile: 1, sampleMs: PERIOD, timeoutMs, batch: 1 },
      clock,
      time: new Timekeeper(newTime()),
      due: 0,
      open,
      onReading: (ticks, { quality, flags }) =>
        this.readings.push({ ticks, quality, ...(flags !== undefined && { flags }) }),
    });
    this.stream.open();
  }

  async sample(at: number, quality: QualityCode, flags?: number): Promise<void> {
    await this.world.runUntil(at);
    this.#quality = quality;
    this.#flags = flags;
    this.#onSample!();
  }

  get slots(): number[] {
    return this.readings.map(({ ticks }) => Math.round(ticks / PERIOD));
  }
}

describe("a stream that stays open", () => {
  it("says of a slot what was seen in it, and nothing of the slot before", async () => {
    const rig = new Rig(3 * SECOND);
    await rig.sample(1 * SECOND, Quality.checksum);
    await rig.sample(11 * SECOND, Quality.partial);
    await rig.sample(12 * SECOND, Quality.good);
    await rig.sample(31 * SECOND, Quality.malformed);
    await rig.world.runUntil(49 * SECOND);
    const said = rig.readings.map(({ quality }) => quality);
    expect(said).toEqual([Quality.checksum, Quality.good, Quality.silent, Quality.malformed, Quality.silent]);
    expect(rig.slots).toEqual([0, 1, 2, 3, 4]);
  });

  it("says with a reading what any sample has flagged since the reading before, and once", async () => {
    const rig = new Rig(3 * SECOND);
    await rig.sample(1 * SECOND, Quality.good, 0);
    await rig.sample(4 * SECOND, Quality.good, 1);
    await rig.sample(6 * SECOND, Quality.good, 4);
    await rig.sample(8 * SECOND, Quality.good, 0);
    // No good one in this slot.
    await rig.sample(12 * SECOND, Quality.bus);
    await rig.sample(21 * SECOND, Quality.good, 2);
    await rig.sample(31 * SECOND, Quality.good, 0);
    expect(rig.readings.map(({ quality, flags }) => [quality, flags])).toEqual([
      [Quality.good, 0],
      [Quality.bus, undefined],
      [Quality.good, 7],
      [Quality.good, 0],
    ]);
  });

  it("has one reading a slot also with timers that come a little early, as a coarse system tick makes them", async () => {
    const world = new VirtualClock(0, settleMicrotasks);
    const exact = new TerminalClock(world);
    const early: Clock = {
      get ticks() {
        return exact.ticks;
      },
      set: (callback, ms) => exact.set(callback, Math.max(ms - 5, 0)),
      clear: (timer) => exact.clear(timer),
    };
    const rig = new Rig(1, early);
    await world.runUntil(5 * PERIOD - SECOND);
    expect(rig.slots).toEqual([0, 1, 2, 3, 4]);
  });
});
