import { TerminalClock, VirtualClock } from "../../hal-mocks/clock";
import { settle } from "../../hal-mocks/node/settle";
import type { Clock, Timer } from "../../src/hal";
import type { Sample } from "../../src/model/reading";

/** Bytes written in hexadecimal. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(text.trim().split(/\s+/), (byte) => Number.parseInt(byte, 16));
}

/** Virtual time; a clock for buses, and one for drivers, which counts the timers that are pending. */
export function createWorld(start = Date.UTC(2026, 5, 1)) {
  const world = new VirtualClock(start, settle);
  const busClock = new TerminalClock(world);
  return {
    world,
    busClock,
    clock: new CountingClock(busClock),
    run: (ms: number) => world.runUntil(world.now + ms),
  };
}

class CountingClock implements Clock {
  readonly #clock: Clock;
  readonly #pending = new Set<Timer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get pending(): number {
    return this.#pending.size;
  }

  get ticks(): number {
    return this.#clock.ticks;
  }

  set(callback: () => void, ms: number): Timer {
    const timer = this.#clock.set(() => {
      this.#pending.delete(timer);
      callback();
    }, ms);
    this.#pending.add(timer);
    return timer;
  }

  clear(timer: Timer | undefined): void {
    if (timer) this.#pending.delete(timer);
    this.#clock.clear(timer);
  }
}

interface Sensor {
  sample(): Sample | undefined;
  close(): void;
}

/** A driver whose samples are taken as they come. */
export function collect<Driver extends Sensor>(
  open: (onSample: () => void) => Driver,
): { driver: Driver; samples: Sample[]; qualities: () => number[] } {
  const samples: Sample[] = [];
  const driver = open(() => {
    const sample = driver.sample();
    if (sample) samples.push(sample);
  });
  return { driver, samples, qualities: () => samples.map(({ quality }) => quality) };
}
