import { TerminalClock, VirtualClock } from "../../hal-mocks/clock";
import { settle } from "../../hal-mocks/node/settle";
import type { Sample } from "../../src/model/reading";
import { CountingClock } from "../contract/drivers";

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
