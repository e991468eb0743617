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

/** The `embedded:io/pulsecount` class of one board whose pins lead to `sources`. */
export function createPulseCount(sources: ReadonlyMap<number, PulseSource>): PulseCountConstructor {
  const open = new Set<number>();

  return class implements PulseCount {
    readonly #signal: number;
    readonly #source: PulseSource;
    #from: number;
    #base = 0;
    #closed = false;

    constructor({ signal }: PulseCountOptions) {
      const source = sources.get(signal);
      if (!source) throw new RangeError(`pulse count: nothing is at pin ${signal}`);
      if (open.has(signal)) throw new RangeError(`pulse count: pin ${signal} is in use`);
      open.add(signal);
      this.#signal = signal;
      this.#source = source;
      this.#from = source.pulses;
    }

    read(): number {
      if (this.#closed) throw new Error("pulse count: the instance is closed");
      return this.#base + ((this.#source.pulses - this.#from) % WRAP);
    }

    write(count: number): void {
      if (this.#closed) throw new Error("pulse count: the instance is closed");
      this.#base = count;
      this.#from = this.#source.pulses;
    }

    close(): void {
      if (!this.#closed) open.delete(this.#signal);
      this.#closed = true;
    }
  };
}

/** What hears a pin. */
export interface PinListener {
  onWrite(value: number): void;
}

/** The `embedded:io/digital` class of one board, for outputs, whose pins lead to `listeners`. */
export function createDigital(listeners: ReadonlyMap<number, PinListener>): DigitalConstructor {
  const open = new Set<number>();

  return class implements Digital {
    static readonly Input = "input";
    static readonly Output = "output";
    readonly #pin: number;
    #value = 0;
    #closed = false;

    constructor({ pin, mode }: DigitalOptions) {
      if (mode !== "output") throw new RangeError(`digital: mode is ${mode}, and only outputs are mocked`);
      if (!listeners.has(pin)) throw new RangeError(`digital: nothing is at pin ${pin}`);
      if (open.has(pin)) throw new RangeError(`digital: pin ${pin} is in use`);
      open.add(pin);
      this.#pin = pin;
    }

    read(): number {
      return this.#value;
    }

    write(value: number): void {
      if (this.#closed) throw new Error("digital: the instance is closed");
      this.#value = value;
      listeners.get(this.#pin)?.onWrite(value);
    }

    close(): void {
      if (!this.#closed) open.delete(this.#pin);
      this.#closed = true;
    }
  };
}
