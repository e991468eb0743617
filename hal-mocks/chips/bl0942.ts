import type { Timer } from "../../src/hal";
import type { SerialChip, SerialLine } from "../serial";

/** What a circuit carries at a moment: W is negative for export. */
export interface CircuitValues {
  volts: number;
  amperes: number;
  watts: number;
  hertz: number;
}

export interface Bl0942Settings {
  /** Virtual time: Unix milliseconds. */
  clock: { readonly now: number; set(callback: () => void, ms: number): Timer };
  values: (time: number) => CircuitValues;
  address?: number;
  shuntMilliohms?: number;
  /** Of the voltage divider, in ohms. */
  upperOhms?: number;
  lowerOhms?: number;
  /** How finely it integrates, at multiples of it: virtual milliseconds. Default 100. */
  stepMs?: number;
}

/** Between the command's end and the answer. */
const TURNAROUND_MS = 1;
const VREF = 1.218;

/** A BL0942 as seen from its UART: physical values in, packets out. It integrates from its power-on. */
export class Bl0942Chip implements SerialChip {
  readonly #settings: Required<Bl0942Settings>;
  #countedAt: number;
  #pulses = 0;
  #packets = 0;
  readonly #heard: number[] = [];
  /** Packets to send in place of what would be right, one a command. */
  readonly planted: (Uint8Array | "silence")[] = [];

  constructor(settings: Bl0942Settings) {
    const {
      address = 0,
      shuntMilliohms = 1,
      upperOhms = 1_950_000,
      lowerOhms = 510,
      stepMs = 100,
    } = settings;
    this.#settings = { ...settings, address, shuntMilliohms, upperOhms, lowerOhms, stepMs };
    this.#countedAt = settings.clock.now;
  }

  /** The chip lost its power for a moment. */
  reset(): void {
    this.#pulses = 0;
    this.#countedAt = this.#settings.clock.now;
  }

  onOpen(): void {
    this.#heard.length = 0;
  }

  onReceive(bytes: Uint8Array, line: SerialLine): void {
    const { clock, address } = this.#settings;
    this.#heard.push(...bytes);
    while (this.#heard.length >= 2) {
      const [first, second] = this.#heard.splice(0, 2);
      if (first !== (0x58 | address) || second !== 0xaa) continue;
      const planted = this.planted.shift();
      if (planted === "silence") continue;
      clock.set(() => line.send(planted ?? this.packet()), TURNAROUND_MS);
    }
  }

  /** What it would answer now. */
  packet(): Uint8Array {
    const { clock, values, address } = this.#settings;
    this.#integrate();
    const registers = this.#registers(values(clock.now));
    // No two measurements of silicon are the same: here the lowest bits of one register go round.
    registers.voltage += this.#packets++ % 4;
    return bl0942Packet({ ...registers, pulses: Math.floor(this.#pulses) % 0x1000000 }, address);
  }

  #integrate(): void {
    const { clock, values, stepMs } = this.#settings;
    while (this.#countedAt < clock.now) {
      const step = Math.min(stepMs - (this.#countedAt % stepMs), clock.now - this.#countedAt);
      const { watt } = this.#registers(values(this.#countedAt));
      this.#pulses += (Math.abs(watt) * step) / 1000 / (1638.4 * 256);
      this.#countedAt += step;
    }
  }

  #registers({ volts, amperes, watts, hertz }: CircuitValues) {
    const { shuntMilliohms, upperOhms, lowerOhms } = this.#settings;
    const atVoltagePin = (volts * 1000 * lowerOhms) / (upperOhms + lowerOhms);
    const wattsAtPins = (watts * shuntMilliohms * 1000 * lowerOhms) / (upperOhms + lowerOhms);
    const current = Math.round((305_978 * amperes * shuntMilliohms) / VREF);
    return {
      current,
      voltage: Math.round((73_989 * atVoltagePin) / VREF),
      fast: current >> 3,
      watt: Math.round((3537 * wattsAtPins) / VREF ** 2),
      period: hertz > 0 ? Math.min(Math.round(1e6 / hertz), 0xffff) : 20_000,
    };
  }
}

export interface Bl0942Registers {
  current: number;
  voltage: number;
  fast: number;
  /** Signed. */
  watt: number;
  pulses: number;
  period: number;
  status?: number;
  /** What stands behind the status. */
  tail?: readonly [number, number];
}

/** Lays a packet out. */
export function bl0942Packet(registers: Bl0942Registers, address = 0): Uint8Array {
  const { current, voltage, fast, watt, pulses, period, status = 0x01, tail = [0x01, 0x00] } = registers;
  const packet = [0x55];
  for (const value of [current, voltage, fast, watt, pulses])
    packet.push(value & 255, (value >> 8) & 255, (value >> 16) & 255);
  packet.push(period & 255, period >> 8, 0, status, ...tail);
  const total = packet.reduce((sum, byte) => sum + byte, 0x58 | address);
  packet.push(255 - (total & 255));
  return Uint8Array.from(packet);
}
