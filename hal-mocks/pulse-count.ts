import type {
  Digital,
  DigitalConstructor,
  DigitalOptions,
  PulseCount,
  PulseCountConstructor,
  PulseCountOptions,
} from "../src/hal";

/** What drives a pin: all rising edges since its power-on, a whole number. */
export interface PulseSource {
  readonly pulses: number;
}

/** ESP32's counter goes back to 0 there: `counter_h_lim` in the SDK's pulse counter. */
const WRAP = 32_767;

/** What happens to a class of a board when the board's RAM is lost. */
interface Resettable {
  /** The board sleeps deeply or has lost its power: instances are useless. */
  reset(): void;
}

export type MockPulseCountConstructor = PulseCountConstructor & Resettable;
export type MockDigitalConstructor = DigitalConstructor & Resettable;

/** The `embedded:io/pulsecount` class of one board whose pins lead to `sources`. */
export function createPulseCount(sources: ReadonlyMap<number, PulseSource>): MockPulseCountConstructor {
  const open = new Map<number, PulseCount>();

  return class implements PulseCount {
    readonly #signal: number;
    readonly #source: PulseSource;
    #from: number;
    #base = 0;

    static reset(): void {
      open.clear();
    }

    constructor({ signal }: PulseCountOptions) {
      const source = sources.get(signal);
      if (!source) throw new RangeError(`pulse count: nothing is at pin ${signal}`);
      if (open.has(signal)) throw new RangeError(`pulse count: pin ${signal} is in use`);
      open.set(signal, this);
      this.#signal = signal;
      this.#source = source;
      this.#from = source.pulses;
    }

    read(): number {
      this.#check();
      return this.#base + ((this.#source.pulses - this.#from) % WRAP);
    }

    write(count: number): void {
      this.#check();
      this.#base = count;
      this.#from = this.#source.pulses;
    }

    close(): void {
      if (open.get(this.#signal) === this) open.delete(this.#signal);
    }

    #check(): void {
      if (open.get(this.#signal) !== this) throw new Error("pulse count: the instance is closed");
    }
  };
}

/** What hears a pin. */
export interface PinListener {
  onWrite(value: number): void;
}

/** The `embedded:io/digital` class of one board, for outputs, whose pins lead to `listeners`. */
export function createDigital(listeners: ReadonlyMap<number, PinListener>): MockDigitalConstructor {
  const open = new Map<number, Digital>();

  return class implements Digital {
    static readonly Input = "input";
    static readonly Output = "output";
    readonly #pin: number;
    #value = 0;

    static reset(): void {
      open.clear();
    }

    constructor({ pin, mode }: DigitalOptions) {
      if (mode !== "output") throw new RangeError(`digital: mode is ${mode}, and only outputs are mocked`);
      if (!listeners.has(pin)) throw new RangeError(`digital: nothing is at pin ${pin}`);
      if (open.has(pin)) throw new RangeError(`digital: pin ${pin} is in use`);
      open.set(pin, this);
      this.#pin = pin;
    }

    read(): number {
      return this.#value;
    }

    write(value: number): void {
      if (open.get(this.#pin) !== this) throw new Error("digital: the instance is closed");
      this.#value = value;
      listeners.get(this.#pin)?.onWrite(value);
    }

    close(): void {
      if (open.get(this.#pin) === this) open.delete(this.#pin);
    }
  };
}
