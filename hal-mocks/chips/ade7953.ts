import { RegisterChip } from "../i2c";

/** What a connection and its two circuits carry at a moment; import is positive. */
export interface TwoCircuits {
  volts: number;
  hertz: number;
  a: { amperes: number; watts: number; vars: number };
  b: { amperes: number; watts: number; vars: number };
}

export interface Ade7953Settings {
  /** Virtual time: Unix milliseconds. */
  clock: { readonly now: number };
  values: (time: number) => TwoCircuits;
  /** Volts of the mains by volt at its pin, and volts at its pins by ampere. */
  divider?: number;
  voltsByAmpere?: number;
  /** How finely it integrates, at multiples of it: virtual milliseconds. Default 100. */
  stepMs?: number;
}

const PEAK_VOLTS = 0.5;

/** An ADE7953 as seen from its bus. Its energy registers begin anew when they are read. */
export class Ade7953Chip extends RegisterChip {
  readonly #settings: Required<Ade7953Settings>;
  readonly #written = new Map<number, number>();
  readonly #energies = { a: 0, b: 0 };
  readonly #overflowed = { a: false, b: false };
  #isUnlocked = false;
  #reads = 0;
  #countedAt: number;

  constructor(settings: Ade7953Settings) {
    super(2);
    this.#settings = { divider: 991, voltsByAmpere: 0.0111, stepMs: 100, ...settings };
    this.#countedAt = settings.clock.now;
    this.reset();
  }

  /** It lost its power for a moment. */
  reset(): void {
    this.#written.clear();
    this.#written.set(0x102, 0x8004);
    this.#written.set(0x004, 0x40);
    this.#energies.a = 0;
    this.#energies.b = 0;
    this.#countedAt = this.#settings.clock.now;
  }

  /** What was last written to a register. */
  written(register: number): number | undefined {
    return this.#written.get(register);
  }

  protected writeRegister(pointer: number, value: number, byteLength: number): void {
    if (byteLength !== sizeOf(pointer)) return;
    const wasUnlocked = this.#isUnlocked;
    this.#isUnlocked = pointer === 0x0fe && value === 0xad;
    if (pointer !== 0x120 || wasUnlocked) this.#written.set(pointer, value);
  }

  protected readRegister(pointer: number, byteLength: number): number {
    this.#integrate();
    const value = byteLength === sizeOf(pointer) ? Math.round(this.#valueOf(pointer)) : 0;
    return value < 0 ? value + 2 ** (8 * byteLength) : value;
  }

  #valueOf(pointer: number): number {
    const { clock, values, divider, voltsByAmpere } = this.#settings;
    const { volts, hertz, a, b } = values(clock.now);
    const pinVolts = volts / divider;
    const power = (watts: number) => (watts / divider) * voltsByAmpere * (4_862_401 / (PEAK_VOLTS ** 2 / 2));
    const rms = (pin: number) => (pin * 9_032_007) / (PEAK_VOLTS / Math.sqrt(2));
    switch (pointer) {
      case 0x10e:
        return hertz > 0 ? 223_750 / hertz - 1 : 0xffff;
      case 0x312:
        return power(a.watts);
      case 0x313:
        return power(b.watts);
      case 0x314:
        return power(a.vars);
      case 0x315:
        return power(b.vars);
      case 0x31a:
        return rms(a.amperes * voltsByAmpere);
      case 0x31b:
        return rms(b.amperes * voltsByAmpere);
      case 0x31c:
        return rms(pinVolts) + (this.#reads++ % 4);
      case 0x31e:
        return this.#take("a");
      case 0x31f:
        return this.#take("b");
      case 0x32e:
        return this.#takeStatus("a");
      case 0x331:
        return this.#takeStatus("b");
      default:
        return this.#written.get(pointer) ?? 0;
    }
  }

  #take(channel: "a" | "b"): number {
    const steps = Math.trunc(this.#energies[channel]);
    if (this.#written.get(0x004)! & 0x40) this.#energies[channel] -= steps;
    return steps;
  }

  #takeStatus(channel: "a" | "b"): number {
    const status = this.#overflowed[channel] ? 0x08 : 0;
    this.#overflowed[channel] = false;
    return status;
  }

  #integrate(): void {
    const { clock, values, divider, voltsByAmpere, stepMs } = this.#settings;
    while (this.#countedAt < clock.now) {
      const step = Math.min(stepMs - (this.#countedAt % stepMs), clock.now - this.#countedAt);
      const now = values(this.#countedAt);
      for (const channel of ["a", "b"] as const) {
        const fullScale = (PEAK_VOLTS ** 2 / 2) * (divider / voltsByAmpere);
        this.#energies[channel] += (206_900 * now[channel].watts * step) / 1000 / fullScale;
        if (Math.abs(this.#energies[channel]) >= 2 ** 23) {
          this.#overflowed[channel] = true;
          this.#energies[channel] -= Math.sign(this.#energies[channel]) * 2 ** 24;
        }
      }
      this.#countedAt += step;
    }
  }
}

function sizeOf(pointer: number): number {
  return { 0: 1, 7: 1, 8: 1, 1: 2, 2: 3, 3: 4 }[(pointer >> 8) & 15] ?? 0;
}
