import type { Timer } from "../../src/hal";
import type { SerialChip, SerialLine } from "../serial";

export interface Cse7766Settings {
  /** Virtual time: Unix milliseconds. */
  clock: {
    readonly now: number;
    set(callback: () => void, ms: number): Timer;
    clear(timer: Timer | undefined): void;
  };
  values: (time: number) => { volts: number; amperes: number; watts: number };
  /** What the factory wrote: those of a chip that was recorded. */
  coefficients?: { voltage: number; current: number; power: number };
  /** How finely it integrates, at multiples of it: virtual milliseconds. Default 100. */
  stepMs?: number;
}

/** A frame of 24 bytes at 4800 baud and 11 bits a byte takes 55 ms, and the next one follows at once. */
const FRAME_MS = 55;
const LONGEST_CYCLE = 0xffffff;
const FROM_A_RECORDING = { voltage: 0x02f760, current: 0x004010, power: 0x51a658 };

/** A CSE7766 as seen from its UART: physical values in, frames out, while the port is open; it counts all the time. */
export class Cse7766Chip implements SerialChip {
  readonly #settings: Required<Cse7766Settings>;
  #timer: Timer | undefined;
  #pulses = 0;
  #countedAt: number;
  /** Frames to send in place of what would be right, one each. */
  readonly planted: (Uint8Array | "silence")[] = [];

  constructor(settings: Cse7766Settings) {
    this.#settings = { coefficients: FROM_A_RECORDING, stepMs: 100, ...settings };
    this.#countedAt = settings.clock.now;
  }

  /** The chip lost its power for a moment. */
  reset(): void {
    this.#pulses = 0;
  }

  onOpen(line: SerialLine): void {
    this.#timer = this.#settings.clock.set(() => {
      const planted = this.planted.shift();
      if (planted !== "silence") line.send(planted ?? this.frame());
      this.onOpen(line);
    }, FRAME_MS);
  }

  onClose(): void {
    this.#settings.clock.clear(this.#timer);
  }

  #integrate(): void {
    const { clock, values, coefficients, stepMs } = this.#settings;
    while (this.#countedAt < clock.now) {
      const step = Math.min(stepMs - (this.#countedAt % stepMs), clock.now - this.#countedAt);
      const { watts } = values(this.#countedAt);
      this.#pulses += (watts * step) / 1000 / (coefficients.power / 1e6);
      this.#countedAt += step;
    }
  }

  /** What it would send now. */
  frame(): Uint8Array {
    const { clock, values, coefficients } = this.#settings;
    this.#integrate();
    const { volts, amperes, watts } = values(clock.now);
    const powerCycle = Math.round(coefficients.power / watts);
    const hasPower = powerCycle <= LONGEST_CYCLE;
    return cse7766Frame({
      head: hasPower ? 0x55 : 0xf2,
      voltage: [coefficients.voltage, Math.round(coefficients.voltage / volts)],
      current: [coefficients.current, Math.min(Math.round(coefficients.current / amperes), LONGEST_CYCLE)],
      power: [coefficients.power, Math.min(powerCycle, LONGEST_CYCLE)],
      flags: 0x61 | (hasPower ? 0x10 : 0),
      pulses: Math.floor(this.#pulses),
    });
  }
}

export interface Cse7766Frame {
  head: number;
  /** Coefficient and cycle. */
  voltage: readonly [number, number];
  current: readonly [number, number];
  power: readonly [number, number];
  flags: number;
  /** All that were counted: the overflow bit is made of them. */
  pulses: number;
}

/** Lays a frame out. */
export function cse7766Frame(frame: Cse7766Frame): Uint8Array {
  const { head, voltage, current, power, flags, pulses } = frame;
  const bytes = [head, 0x5a];
  for (const value of [...voltage, ...current, ...power])
    bytes.push((value >> 16) & 255, (value >> 8) & 255, value & 255);
  const overflow = Math.floor(pulses / 65_536) % 2 ? 0x80 : 0;
  bytes.push(flags | overflow, (pulses >> 8) & 255, pulses & 255);
  bytes.push(bytes.slice(2).reduce((sum, byte) => sum + byte, 0) & 255);
  return Uint8Array.from(bytes);
}
