import type { Clock, SerialBus } from "../hal";
import { Quality, type QualityCode } from "../model/quality";
import type { Sample } from "../model/reading";
import { checkInteger, checkOptions, type DriverCallbacks } from "./driver-options";
import { P1, type P1Configuration, type P1Listener } from "./p1";
import { MBUS_CHANNELS, type MBusValue } from "./p1-mbus-lines";

/** A P1 port that several drivers share, and that none of them closes. */
export interface SharedP1 {
  p1: P1;
}

export interface P1MBusOptions extends DriverCallbacks {
  /** `{ p1 }`, which is shared with the main meter's driver; or a port of its own: the serial class and its settings. */
  sensor: SharedP1 | SerialBus;
}

/** Fields of `P1Configuration` are for the port, whose ever it is. */
export interface P1MBusConfiguration extends P1Configuration {
  /** Of the M-Bus, 1 to 4: in the order in which the meters were installed. Default 1. */
  channel?: number;
  /**
   * A value that is by as many milliseconds older than the telegram's clock is that of a silent meter: 0 to 31 days, 0
   * never. Default 93,600,000: a meter that runs on a battery may report once a day.
   */
  silentMs?: number;
}

/** What the driver has counted since it was made. */
export interface P1MBusCounters {
  good: number;
  /** The telegram has no value of that meter, or none but an old one. */
  silent: number;
  /** Of a kind, or in a unit, that is not known, or not to be read. */
  malformed: number;
  implausible: number;
  /** The telegram itself was bad: what it was, P1's counters say. */
  telegram: number;
}

type Fault = "silent" | "malformed" | "implausible";

/** Of which a sample has the clock and another one. */
export const P1_MBUS_CHANNELS: readonly string[] = ["clock", "gas", "water", "heat", "cold", "ei"];

const LONGEST_SILENCE_MS = 31 * 86_400_000;
/** 26 hours. */
const DEFAULT_SILENCE_MS = 93_600_000;

/** Channels by device type, EN 13757-3, table on the device type: electricity, gas, heat, water hot and cold, cooling. */
const KINDS: Readonly<Record<number, "ei" | "gas" | "heat" | "cold" | "water">> = {
  ...{ 2: "ei", 3: "gas", 4: "heat", 12: "heat", 13: "heat", 10: "cold", 11: "cold" },
  ...{ 6: "water", 7: "water", 21: "water", 22: "water" },
};
// Units as ParsedLine has them: m3, Wh, J, MJ, GJ.
const CUBIC_METRES = 0x6d33;
const WH = 0x5768;
const JOULES: Readonly<Record<number, number>> = { 74: 1, 19786: 1e6, 18250: 1e9, [WH]: 3600 };
/** More than a house draws in the life of a meter. */
const LIMITS = { ei: 1e10, gas: 1e7, heat: 1e15, cold: 1e15, water: 1e7 } as const;

/**
 * A gas, heat, cooling, water or further electricity meter that a P1 port's meter reads over its M-Bus, after ECMA-419's
 * Sensor class pattern: `gas` or `water` in m³, `heat` or `cold` in J, or `ei` in Wh, and `clock`, the second at which the
 * meter had that value: some minutes or an hour before. Each good telegram gives a sample, with the newest value that the
 * main meter has.
 */
export class P1MBus {
  readonly identification = { model: "DSMR P1 M-Bus", classification: "UtilityMeter" } as const;
  readonly counters: Readonly<P1MBusCounters>;
  readonly #counters: P1MBusCounters = { good: 0, silent: 0, malformed: 0, implausible: 0, telegram: 0 };
  readonly #clock: Clock;
  readonly #onSample: (() => void) | undefined;
  readonly #isShared: boolean;
  readonly #listener: P1Listener;
  #p1: P1 | undefined;
  #channel = 1;
  #silentMs = DEFAULT_SILENCE_MS;
  #sample: Sample | undefined;

  constructor(options: P1MBusOptions) {
    const { sensor, clock, onSample, onError } = options;
    const isShared = sensor !== undefined && "p1" in sensor;
    if (isShared && !(sensor.p1 instanceof P1)) throw new TypeError("p1mbus: sensor.p1 is no P1 driver");
    // What is shared has been opened.
    checkOptions("p1mbus", isShared ? { ...options, sensor: { io: P1 } } : (options as never), "a serial");
    this.counters = this.#counters;
    this.#clock = clock;
    this.#onSample = onSample;
    this.#isShared = isShared;
    this.#listener = {
      readsMBus: true,
      onTelegram: ({ clock: seconds }, lines) => {
        if (lines) this.#onTelegram(lines.at(this.#channel), seconds);
      },
      onFault: (quality) => {
        this.#counters.telegram++;
        this.#deliverBad(quality);
      },
      onLost: (error) => {
        this.close();
        onError?.(error);
      },
    };
    this.#p1 = isShared ? sensor.p1 : new P1({ sensor: sensor as SerialBus, clock });
    this.#p1.attach(this.#listener);
  }

  /** @throws RangeError that names the field; nothing has changed then. */
  configure(options: P1MBusConfiguration): void {
    const { channel = this.#channel, silentMs = this.#silentMs, ...port } = options;
    checkInteger("p1mbus", "channel", channel, 1, MBUS_CHANNELS);
    checkInteger("p1mbus", "silentMs", silentMs, 0, LONGEST_SILENCE_MS);
    this.#p1?.configure(port);
    this.#channel = channel;
    this.#silentMs = silentMs;
  }

  /** The newest unread sample, or undefined. A good one is not replaced by a bad one. */
  sample(): Sample | undefined {
    const sample = this.#sample;
    this.#sample = undefined;
    return sample;
  }

  close(): void {
    const p1 = this.#p1;
    this.#p1 = undefined;
    p1?.detach(this.#listener);
    if (!this.#isShared) p1?.close();
  }

  #onTelegram(found: Readonly<MBusValue>, seconds: number | undefined): void {
    const kind = KINDS[found.type];
    if (!found.isThere || found.isEmpty || this.#isOld(found, seconds)) this.#fail("silent");
    else if (kind === undefined) this.#fail("malformed");
    else {
      const value = found.value * factorOf(kind, found.unit);
      if (Number.isNaN(value)) this.#fail("malformed");
      else if (value > LIMITS[kind]) this.#fail("implausible");
      else this.#succeed(kind, value, found.clock);
    }
  }

  #isOld({ clock }: Readonly<MBusValue>, seconds = Number.NaN): boolean {
    return this.#silentMs > 0 && (seconds - clock) * 1000 > this.#silentMs;
  }

  #succeed(kind: string, value: number, seconds: number): void {
    this.#counters.good++;
    const sample: Sample = { quality: Quality.good, ticks: this.#clock.ticks };
    if (!Number.isNaN(seconds)) sample.clock = seconds;
    sample[kind] = value;
    this.#sample = sample;
    this.#onSample?.();
  }

  #fail(fault: Fault): void {
    this.#counters[fault]++;
    this.#deliverBad(Quality[fault]);
  }

  #deliverBad(quality: QualityCode): void {
    if (this.#sample?.quality === Quality.good) return;
    this.#sample = { quality, ticks: this.#clock.ticks };
    this.#onSample?.();
  }
}

/** To the unit of the registry; NaN where the unit is none for this kind. */
function factorOf(kind: (typeof KINDS)[number], unit: number): number {
  if (kind === "gas" || kind === "water") return unit === CUBIC_METRES ? 1 : Number.NaN;
  if (kind === "ei") return unit === WH ? 1 : Number.NaN;
  return JOULES[unit] ?? Number.NaN;
}
