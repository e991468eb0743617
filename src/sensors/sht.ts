import type { I2C, I2CBus } from "../hal";
import { Quality } from "../model/quality";
import type { Sample } from "../model/reading";
import { checkInteger, checkOptions, type DriverCallbacks } from "./driver-options";
import { Polling } from "./polling";
import { Repeats } from "./repeats";

export interface ShtOptions extends DriverCallbacks {
  /** The I2C class, and what its constructor needs. `address` is 0x44 unless given, `hz` 100,000. */
  sensor: I2CBus;
}

export interface ShtConfiguration {
  /** Milliseconds between polls, 50 to 86,400,000. Default 1000. */
  pollMs?: number;
  /** The index of the channels, 0 to 127: 1 gives `tc_p1` and `rh_p1`. Default 0, `tc` and `rh`. */
  probe?: number;
}

/** What the driver has counted since it was made. */
export interface ShtCounters {
  polls: number;
  good: number;
  checksum: number;
  implausible: number;
  bus: number;
  /** The chip gave the very same measurement again and again. */
  stuck: number;
}

type Fault = "checksum" | "implausible" | "bus";

/** What one family of chips has of its own. */
export interface ShtChip {
  /** As messages call it. */
  name: string;
  /** Measures once, at the best repeatability, without stretching the clock. */
  command: readonly number[];
  /** What a measurement takes at most. */
  durationMs: number;
  /** Relative humidity in percent is `offset` + `span`·raw / 65535. */
  offset: number;
  span: number;
}

const ADDRESS = 0x44;
const HZ = 100_000;
const ANSWER_BYTES = 6;
const SHORTEST_POLL_MS = 50;
/** A timer may be a millisecond early. */
const TIMER_MS = 1;
const FULL_SCALE = 65_535;
/** The lowest bits are noise: equal measurements in a row are none. */
const STUCK_POLLS = 30;
/** The range of both chips, in °C, and what the formula of SHT4x gives beyond 0 and 100 %. */
const MIN_CELSIUS = -40;
const MAX_CELSIUS = 125;
const HUMIDITY_TOLERANCE = 6;

/** A Sensirion humidity and temperature sensor: `tc` in °C and `rh` in percent. See its two families. */
export abstract class Sht {
  readonly counters: Readonly<ShtCounters>;
  readonly #counters: ShtCounters;
  readonly #chip: ShtChip;
  readonly #polling: Polling;
  readonly #command: Uint8Array;
  readonly #answer = new Uint8Array(ANSWER_BYTES);
  readonly #repeats = new Repeats(STUCK_POLLS);
  #i2c: I2C | undefined;
  #probe = 0;
  #temperatureName = "tc";
  #humidityName = "rh";

  constructor(options: ShtOptions, chip: ShtChip) {
    checkOptions(chip.name, options, "an I2C");
    this.#chip = chip;
    this.#command = Uint8Array.from(chip.command);
    this.#counters = { polls: 0, good: 0, checksum: 0, implausible: 0, bus: 0, stuck: 0 };
    this.counters = this.#counters;
    this.#polling = new Polling(options, () => this.#poll());
    const { io, ...bus } = options.sensor;
    this.#i2c = new io({ ...bus, address: bus.address ?? ADDRESS, hz: bus.hz ?? HZ });
    this.#polling.start();
  }

  /** @throws RangeError that names the field; nothing has changed then. */
  configure(options: ShtConfiguration): void {
    const { pollMs = this.#polling.pollMs, probe = this.#probe } = options;
    checkInteger(this.#chip.name, "probe", probe, 0, 127);
    this.#polling.configure(this.#chip.name, pollMs, SHORTEST_POLL_MS);
    this.#probe = probe;
    const index = probe ? `_p${probe}` : "";
    this.#temperatureName = `tc${index}`;
    this.#humidityName = `rh${index}`;
  }

  /** The newest unread sample, or undefined. A good one is not replaced by a bad one. */
  sample(): Sample | undefined {
    return this.#polling.take();
  }

  close(): void {
    this.#polling.close();
    this.#i2c?.close();
    this.#i2c = undefined;
  }

  #poll(): void {
    this.#counters.polls++;
    try {
      this.#i2c?.write(this.#command);
    } catch {
      this.#fail("bus");
      return;
    }
    this.#polling.wait(this.#chip.durationMs + TIMER_MS, () => this.#onMeasured());
  }

  #onMeasured(): void {
    const answer = this.#answer;
    try {
      this.#i2c?.read(answer);
    } catch {
      this.#fail("bus");
      return;
    }
    if (crc8(answer, 0) !== answer[2] || crc8(answer, 3) !== answer[5]) {
      this.#fail("checksum");
      return;
    }
    this.#accept(answer[0] * 256 + answer[1], answer[3] * 256 + answer[4]);
  }

  #accept(rawTemperature: number, rawHumidity: number): void {
    const celsius = -45 + (175 * rawTemperature) / FULL_SCALE;
    const humidity = this.#chip.offset + (this.#chip.span * rawHumidity) / FULL_SCALE;
    const isStuck = this.#repeats.isStuck(rawTemperature, rawHumidity);
    if (isStuck) this.#counters.stuck++;
    // A broken sensor gives all zeros or all ones, whose CRC is right.
    const isInRange = celsius >= MIN_CELSIUS && celsius <= MAX_CELSIUS;
    const isHumidity = humidity >= -HUMIDITY_TOLERANCE && humidity <= 100 + HUMIDITY_TOLERANCE;
    if (isStuck || !isInRange || !isHumidity) {
      this.#fail("implausible");
      return;
    }
    this.#counters.good++;
    const sample = this.#polling.newSample();
    sample[this.#temperatureName] = celsius;
    sample[this.#humidityName] = Math.max(0, Math.min(humidity, 100));
    this.#polling.succeed(sample);
  }

  #fail(fault: Fault): void {
    this.#counters[fault]++;
    this.#polling.fail(Quality[fault]);
  }
}

/** Of two bytes: polynomial 0x31, beginning with 0xFF; of BE EF it is 92. SHT3x-DIS data sheet. */
function crc8(bytes: Uint8Array, at: number): number {
  let crc = 0xff;
  for (let index = at; index < at + 2; index++) {
    crc ^= bytes[index];
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80 ? ((crc << 1) ^ 0x31) & 0xff : crc << 1;
  }
  return crc;
}
