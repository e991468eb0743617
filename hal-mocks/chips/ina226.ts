import { RegisterChip } from "../i2c";

/** What flows at a moment; amperes from IN+ to IN− are positive. */
export interface DcValues {
  volts: number;
  amperes: number;
}

export interface Ina226Settings {
  /** Virtual time: Unix milliseconds. */
  clock: { readonly now: number };
  values: (time: number) => DcValues;
  shuntOhms: number;
  /** A triggered measurement begins, and takes so many milliseconds. */
  onMeasure?: (ms: number) => void;
}

const CONVERSION_MS = [0.14, 0.204, 0.332, 0.588, 1.1, 2.116, 4.156, 8.244];
const AVERAGES = [1, 4, 16, 64, 128, 256, 512, 1024];

/** An INA226 as seen from its bus: it measures at the end of a conversion, and computes current and power as it does. */
export class Ina226Chip extends RegisterChip {
  readonly #settings: Ina226Settings;
  #configuration = 0x4127;
  #calibration = 0;
  #shunt = 0;
  #bus = 0;
  #current = 0;
  #power = 0;
  #isReady = false;
  #readyAt: number | undefined;
  /** What it answers in place of Texas Instruments. */
  manufacturer = 0x5449;
  /** Its conversions never end. */
  isStuck = false;

  constructor(settings: Ina226Settings) {
    super(1);
    this.#settings = settings;
    this.#begin();
  }

  /** The registers, as a conversion of these would leave them. */
  convert(shunt: number, bus: number): void {
    this.#shunt = shunt;
    this.#bus = bus;
    this.#current = Math.trunc((shunt * this.#calibration) / 2048);
    this.#power = Math.trunc((Math.abs(this.#current) * bus) / 20_000);
    this.#isReady = true;
  }

  protected readRegister(pointer: number): number {
    this.#settle();
    const wasReady = this.#isReady;
    if (pointer === 0x06) this.#isReady = false;
    const registers: Record<number, number> = {
      ...{ 0: this.#configuration, 1: this.#shunt & 0xffff, 2: this.#bus, 3: this.#power },
      ...{ 4: this.#current & 0xffff, 5: this.#calibration, 6: wasReady ? 0x0008 : 0 },
      ...{ 254: this.manufacturer, 255: 0x2260 },
    };
    return registers[pointer] ?? 0;
  }

  protected writeRegister(pointer: number, value: number): void {
    if (pointer === 0x05) this.#calibration = value & 0x7fff;
    if (pointer !== 0x00) return;
    this.#configuration = value & 0x8000 ? 0x4127 : value;
    this.#isReady = false;
    this.#begin();
  }

  #begin(): void {
    const mode = this.#configuration & 7;
    const conversions =
      (mode & 1 ? CONVERSION_MS[(this.#configuration >> 3) & 7] : 0) +
      (mode & 2 ? CONVERSION_MS[(this.#configuration >> 6) & 7] : 0);
    const duration = conversions * AVERAGES[(this.#configuration >> 9) & 7];
    if (duration && !(mode & 4)) this.#settings.onMeasure?.(duration);
    this.#readyAt = duration ? this.#settings.clock.now + duration : undefined;
  }

  #settle(): void {
    const { clock, values, shuntOhms } = this.#settings;
    if (this.isStuck || this.#readyAt === undefined || clock.now < this.#readyAt) return;
    const { volts, amperes } = values(Math.floor(this.#readyAt));
    const shunt = Math.round((amperes * shuntOhms) / 2.5e-6);
    this.convert(
      Math.max(-32_768, Math.min(shunt, 32_767)),
      Math.max(0, Math.min(Math.round(volts / 0.00125), 0x7fff)),
    );
    if (this.#configuration & 4) this.#begin();
    else this.#readyAt = undefined;
  }
}
