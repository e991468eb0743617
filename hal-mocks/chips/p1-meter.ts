import type { Timer } from "../../src/hal";
import type { SerialChip, SerialLine } from "../serial";

/** What a meter measures at a moment; energies in Wh by tariff. */
export interface MeterValues {
  tariff: number;
  importWh: readonly [number, number];
  exportWh: readonly [number, number];
  importW: number;
  exportW: number;
  phases: readonly { v: number; i: number; importW: number; exportW: number }[];
}

/** A meter on the M-Bus, of which the main meter has a value now and then. */
export interface MBusMeter {
  /** Device type, EN 13757-3: 2 electricity, 3 gas, 4 heat, 7 water. */
  type: number;
  unit: "m3" | "GJ" | "kWh";
  /** What it has counted, in its unit. */
  read: (time: number) => number;
}

export interface P1MeterSettings {
  /** Virtual time: Unix milliseconds. */
  clock: {
    readonly now: number;
    set(callback: () => void, ms: number): Timer;
    clear(timer: Timer | undefined): void;
  };
  values: (time: number) => MeterValues;
  /** The meter's standard time in minutes east of UTC; daylight saving follows the rule of the EU. Default 60. */
  utcOffset?: number;
  /** Milliseconds between telegrams: 1000 for DSMR 5, 10000 before. */
  period?: number;
  /** Milliseconds after a multiple of the period at which a telegram begins. */
  offset?: number;
  /** DSMR version. 22 sends neither clock nor checksum. */
  version?: 22 | 42 | 50;
  identification?: string;
  /** From channel 1 on; DSMR 4 and newer. */
  mbus?: readonly MBusMeter[];
}

const MINUTE_MS = 60_000;
/** How often the main meter gets values over the M-Bus: DSMR 5, and before. */
const MBUS_MS = { 50: 300_000, 42: 3_600_000, 22: 3_600_000 } as const;
const POLYNOMIAL = 0xa001;

/** A place in the telegram that changes: `digits` decimal digits at `at`, with a period before the last `decimals`. */
interface Place {
  at: number;
  digits: number;
  decimals: number;
  read: (values: MeterValues) => number;
}

/**
 * A DSMR meter as seen from its P1 port: physical values in, telegrams out. It works only while the port is open.
 * The text is laid out once; a telegram is then a matter of writing digits.
 */
export class P1Meter implements SerialChip {
  readonly #settings: Required<P1MeterSettings>;
  readonly #layouts: Layout[];
  #next = 0;
  #timer: Timer | undefined;

  constructor(settings: P1MeterSettings) {
    const { clock, values, utcOffset = 60, offset = 0, version = 50 } = settings;
    const { period = version < 50 ? 10_000 : 1000, identification = "GMT5\\2GRIDMOTE", mbus = [] } = settings;
    this.#settings = { clock, values, utcOffset, period, offset, version, identification, mbus };
    const phases = values(clock.now).phases.length;
    // A line sends from the buffer that it was given: two take turns.
    this.#layouts = [0, 1].map(() => new Layout(version, identification, phases, mbus));
  }

  onOpen(line: SerialLine): void {
    this.#schedule(line);
  }

  onClose(): void {
    this.#settings.clock.clear(this.#timer);
    this.#timer = undefined;
  }

  #schedule(line: SerialLine): void {
    const { clock, period, offset } = this.#settings;
    const past = (((clock.now - offset) % period) + period) % period;
    this.#timer = clock.set(() => this.#send(line), period - past);
  }

  #send(line: SerialLine): void {
    const { clock, values, utcOffset } = this.#settings;
    const layout = this.#layouts[this.#next];
    this.#next = 1 - this.#next;
    // What a telegram says is of the second that its clock shows, not of the moment at which it is sent.
    const second = Math.floor(clock.now / 1000) * 1000;
    line.send(layout.fill(values(second), second, utcOffset));
    this.#schedule(line);
  }
}

/** A telegram's text, and where in it what stands. */
class Layout {
  readonly #bytes: Uint8Array;
  readonly #places: Place[] = [];
  /** Where the lines of M-Bus meters have their time and their value. */
  readonly #mbus: { clockAt: number; at: number; meter: MBusMeter }[] = [];
  readonly #mbusMs: number;
  #mbusTime = Number.NaN;
  readonly #clockAt: number;
  readonly #checksumAt: number;
  #text = "";
  #minute = Number.NaN;

  constructor(version: 22 | 42 | 50, identification: string, phases: number, mbus: readonly MBusMeter[]) {
    this.#mbusMs = MBUS_MS[version];
    this.#text = `/${identification}\r\n\r\n`;
    if (version > 22) this.#text += `1-3:0.2.8(${version})\r\n0-0:1.0.0(`;
    this.#clockAt = version > 22 ? this.#text.length : -1;
    if (version > 22) this.#text += "000000000000W)\r\n";
    this.#text += "0-0:96.1.1(4530303434303037313331363530363138)\r\n";
    const energy = version === 22 ? 8 : 9;
    for (const [index, tariff] of [0, 1].entries()) {
      this.#line(`1-0:1.8.${tariff + 1}`, "kWh", energy, 3, (values) => Math.floor(values.importWh[index]));
    }
    for (const [index, tariff] of [0, 1].entries()) {
      this.#line(`1-0:2.8.${tariff + 1}`, "kWh", energy, 3, (values) => Math.floor(values.exportWh[index]));
    }
    this.#line("0-0:96.14.0", "", 4, 0, (values) => values.tariff);
    this.#line("1-0:1.7.0", "kW", 5, 3, (values) => Math.round(values.importW));
    this.#line("1-0:2.7.0", "kW", 5, 3, (values) => Math.round(values.exportW));
    this.#text += "0-0:96.13.0()\r\n";
    for (let phase = 0; phase < phases && version !== 22; phase++) this.#phase(phase, version);
    if (version !== 22) for (const [index, meter] of mbus.entries()) this.#mbusLines(index + 1, meter);
    this.#text += "!";
    this.#checksumAt = version > 22 ? this.#text.length : -1;
    this.#text += version > 22 ? "0000\r\n" : "\r\n";
    this.#bytes = Uint8Array.from(this.#text, (character) => character.charCodeAt(0));
  }

  fill(values: MeterValues, time: number, utcOffset: number): Uint8Array {
    for (const { at, digits, decimals, read } of this.#places)
      this.#write(at, digits, decimals, read(values));
    if (this.#clockAt >= 0) this.#writeClock(time, utcOffset);
    if (this.#mbus.length) this.#writeMBus(time - (time % this.#mbusMs), utcOffset);
    if (this.#checksumAt >= 0) this.#writeChecksum();
    return this.#bytes;
  }

  #phase(phase: number, version: 42 | 50): void {
    const c = 20 * (phase + 1);
    if (version === 50)
      this.#line(`1-0:${c + 12}.7.0`, "V", 4, 1, ({ phases }) => Math.round(phases[phase].v * 10));
    this.#line(`1-0:${c + 11}.7.0`, "A", 3, 0, ({ phases }) => Math.round(phases[phase].i));
    this.#line(`1-0:${c + 1}.7.0`, "kW", 5, 3, ({ phases }) => Math.round(phases[phase].importW));
    this.#line(`1-0:${c + 2}.7.0`, "kW", 5, 3, ({ phases }) => Math.round(phases[phase].exportW));
  }

  #mbusLines(channel: number, meter: MBusMeter): void {
    const code = `0-${channel}`;
    this.#text += `${code}:24.1.0(${String(meter.type).padStart(3, "0")})\r\n`;
    this.#text += `${code}:96.1.0(4730303339303031393336393930363139)\r\n${code}:24.2.1(`;
    const clockAt = this.#text.length;
    this.#text += "000000000000W)(";
    this.#mbus.push({ clockAt, at: this.#text.length, meter });
    this.#text += `00000.000*${meter.unit})\r\n`;
  }

  #writeMBus(time: number, utcOffset: number): void {
    if (time === this.#mbusTime) return;
    this.#mbusTime = time;
    for (const { clockAt, at, meter } of this.#mbus) {
      this.#writeTime(clockAt, time, utcOffset);
      this.#write(at, 8, 3, Math.floor(meter.read(time) * 1000));
    }
  }

  #line(obis: string, unit: string, digits: number, decimals: number, read: Place["read"]): void {
    this.#text += `${obis}(`;
    this.#places.push({ at: this.#text.length, digits, decimals, read });
    this.#text += `${"0".repeat(digits - decimals)}${decimals ? `.${"0".repeat(decimals)}` : ""}`;
    this.#text += `${unit && "*"}${unit})\r\n`;
  }

  #write(at: number, digits: number, decimals: number, value: number): void {
    const bytes = this.#bytes;
    // No value has more than nine digits, and engines divide 32-bit integers faster than doubles.
    let rest = (value % 1e9) | 0;
    let index = at + digits - (decimals ? 0 : 1);
    for (let digit = 0; digit < digits; digit++) {
      if (decimals && digit === decimals) index--;
      const quotient = (rest / 10) | 0;
      bytes[index--] = 0x30 + rest - quotient * 10;
      rest = quotient;
    }
  }

  #writeClock(time: number, utcOffset: number): void {
    const minute = Math.floor(time / MINUTE_MS);
    if (minute !== this.#minute) this.#writeTime(this.#clockAt, time, utcOffset);
    else this.#write(this.#clockAt + 10, 2, 0, Math.floor(time / 1000) % 60);
    this.#minute = minute;
  }

  #writeTime(at: number, time: number, utcOffset: number): void {
    const summer = isSummer(time);
    const local = new Date(time + (utcOffset + (summer ? 60 : 0)) * MINUTE_MS).toISOString();
    // 2026-06-01T12:34:56 -> 260601123456
    const digits = local.slice(2, 19).replace(/[-T:]/g, "") + (summer ? "S" : "W");
    for (let index = 0; index < digits.length; index++) this.#bytes[at + index] = digits.charCodeAt(index);
  }

  #writeChecksum(): void {
    const bytes = this.#bytes;
    const end = this.#checksumAt;
    let crc = 0;
    for (let index = 0; index < end; index++) crc = TABLE[(crc ^ bytes[index]) & 0xff] ^ (crc >>> 8);
    for (let digit = 0; digit < 4; digit++) {
      bytes[this.#checksumAt + digit] = "0123456789ABCDEF".charCodeAt((crc >>> (12 - 4 * digit)) & 15);
    }
  }
}

/** EU directive 2000/84/EC: from the last Sunday of March to the last of October, 01:00 UTC both. */
function isSummer(time: number): boolean {
  const year = new Date(time).getUTCFullYear();
  return time >= lastSunday(year, 2) && time < lastSunday(year, 9);
}

function lastSunday(year: number, month: number): number {
  const last = new Date(Date.UTC(year, month, 31, 1));
  return last.getTime() - last.getUTCDay() * 86_400_000;
}

const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc;
});
