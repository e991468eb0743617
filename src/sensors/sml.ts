import type { SerialBus } from "../hal";
import { Quality } from "../model/quality";
import { CRC16_X25_START, crc16X25 } from "./crc16-x25";
import { Listening } from "./listening";
import { SerialSensor, type SerialSensorOptions } from "./serial-sensor";
import { SML_CHANNELS, SmlList } from "./sml-list";

export interface SmlOptions extends SerialSensorOptions {
  /** The serial class, and what its constructor needs. `baud` is 9600 unless given. */
  sensor: SerialBus;
}

export interface SmlConfiguration {
  /** A meter that has sent no whole file for as many milliseconds is silent, 1000 to 86,400,000. Default 10,000. */
  silentMs?: number;
}

/** What the driver has counted since it was made. */
export interface SmlCounters {
  /** Files that began. */
  files: number;
  good: number;
  silent: number;
  partial: number;
  checksum: number;
  overlong: number;
  malformed: number;
  implausible: number;
  /** Bytes outside of files. */
  discardedBytes: number;
}

type Fault = "silent" | "partial" | "checksum" | "overlong" | "malformed" | "implausible";

const BAUD = 9600;
/** The longest list known here has 528 bytes. */
const MAX_FILE_BYTES = 1024;
const READ_BYTES = 128;
const DEFAULT_SILENT_MS = 10_000;
const SHORTEST_SILENT_MS = 1000;

// SML transport, version 1: BSI TR-03109-1, annex on the wired LMN interface, part b.
const ESCAPE = 0x1b;
const ESCAPE_BYTES = 4;
const VERSION = 0x01;
const END = 0x1a;
const MAX_PADDING = 3;

/** Where the driver is in the stream; an escape is four bytes 1B, and four that say what it means. */
const Place = { outside: 0, inside: 1, escaped: 2 } as const;
type PlaceCode = (typeof Place)[keyof typeof Place];

/**
 * A German smart meter's optical or wired port in SML, after ECMA-419's Sensor class pattern: registers by tariff, power
 * with its sign (`p`) and split (`pi`, `pe`), by phase too, voltage, current, frequency, and the clock where it is set.
 *
 * One buffer holds the file under way. Where a meter has the direction of power in the status of its register alone,
 * that gives the power its sign.
 */
export class Sml extends SerialSensor {
  readonly identification = { model: "SML", classification: "SmartMeter" } as const;
  readonly counters: Readonly<SmlCounters>;
  readonly #counters: SmlCounters;
  readonly #file = new Uint8Array(MAX_FILE_BYTES);
  readonly #list = new SmlList();
  protected readonly timing: Listening;

  #place: PlaceCode = Place.outside;
  #length = 0;
  #crc = 0;
  /** Bytes 1B in a row, and what follows four of them. */
  #escapes = 0;
  readonly #meaning = new Uint8Array(ESCAPE_BYTES);
  #meant = 0;

  constructor(options: SmlOptions) {
    super("sml", options, BAUD, READ_BYTES);
    this.#counters = {
      ...{ files: 0, good: 0, silent: 0, partial: 0, checksum: 0, overlong: 0, malformed: 0, implausible: 0 },
      discardedBytes: 0,
    };
    this.counters = this.#counters;
    this.timing = new Listening(options, DEFAULT_SILENT_MS, () => this.#fail("silent"));
  }

  /** @throws RangeError that names the field; nothing has changed then. */
  configure(options: SmlConfiguration): void {
    const { silentMs = this.timing.silentMs } = options;
    this.timing.configure("sml", silentMs, SHORTEST_SILENT_MS);
  }

  protected receive(byte: number): void {
    if (this.#place === Place.outside) this.#receiveOutside(byte);
    else if (this.#place === Place.escaped) this.#receiveMeaning(byte);
    else {
      this.#crc = crc16X25(this.#crc, byte);
      if (byte === ESCAPE) this.#receiveEscape();
      else this.#receiveContent(byte);
    }
  }

  /** Four bytes 1B, or more behind noise, and the version: a file begins. */
  #receiveOutside(byte: number): void {
    if (byte === VERSION && this.#escapes >= ESCAPE_BYTES) {
      if (++this.#meant === ESCAPE_BYTES) this.#begin();
      return;
    }
    this.#counters.discardedBytes += this.#meant;
    this.#escapes = byte === ESCAPE ? (this.#meant ? 0 : this.#escapes) + 1 : 0;
    this.#meant = 0;
    if (byte !== ESCAPE || this.#escapes > ESCAPE_BYTES) this.#counters.discardedBytes++;
  }

  #receiveEscape(): void {
    if (++this.#escapes < ESCAPE_BYTES) return;
    this.#escapes = 0;
    this.#meant = 0;
    this.#place = Place.escaped;
  }

  /** Bytes 1B that are fewer than four are content. */
  #receiveContent(byte: number): void {
    for (; this.#escapes > 0; this.#escapes--) this.#keep(ESCAPE);
    this.#keep(byte);
  }

  #keep(byte: number): void {
    if (this.#place === Place.outside) return;
    if (this.#length < MAX_FILE_BYTES) this.#file[this.#length++] = byte;
    else this.#leave("overlong");
  }

  #receiveMeaning(byte: number): void {
    const meaning = this.#meaning;
    meaning[this.#meant++] = byte;
    // The last two bytes of an end are the CRC of all before them.
    if (this.#meant < 3 || meaning[0] !== END) this.#crc = crc16X25(this.#crc, byte);
    if (this.#meant < ESCAPE_BYTES) return;
    this.#place = Place.inside;
    if (isAll(meaning, ESCAPE)) for (let count = 0; count < ESCAPE_BYTES; count++) this.#keep(ESCAPE);
    else if (meaning[0] === END) this.#end();
    else this.#giveUp();
  }

  /** What should be an escape may be the beginning of the next file: the end of this one was lost. */
  #giveUp(): void {
    this.#leave("partial");
    for (let count = 0; count < ESCAPE_BYTES; count++) this.#receiveOutside(ESCAPE);
    for (const byte of this.#meaning) this.#receiveOutside(byte);
  }

  #begin(): void {
    this.#counters.files++;
    this.#place = Place.inside;
    this.#length = 0;
    this.#escapes = 0;
    this.#crc = CRC16_X25_START;
    for (let count = 0; count < ESCAPE_BYTES; count++) this.#crc = crc16X25(this.#crc, ESCAPE);
    for (let count = 0; count < ESCAPE_BYTES; count++) this.#crc = crc16X25(this.#crc, VERSION);
  }

  #leave(fault?: Fault): void {
    this.#place = Place.outside;
    this.#escapes = 0;
    this.#meant = 0;
    if (fault) this.#fail(fault);
  }

  /** 1A, how many bytes fill the last four, and the CRC, its low byte first. */
  #end(): void {
    const [, padding, low, high] = this.#meaning;
    this.#leave();
    this.timing.hear();
    const length = this.#length - padding;
    if ((~this.#crc & 0xffff) !== high * 256 + low) {
      this.#fail("checksum");
      // What was lost here may be the end's end, and these the beginning of the next file.
      for (let index = 1; index < ESCAPE_BYTES; index++) this.#receiveOutside(this.#meaning[index]);
    } else if (padding > MAX_PADDING || length < 0 || !this.#list.read(this.#file, length))
      this.#fail("malformed");
    else if (!this.#list.isPlausible()) this.#fail("implausible");
    else this.#succeed();
  }

  #succeed(): void {
    this.#counters.good++;
    const sample = this.timing.newSample();
    const { values } = this.#list;
    for (let slot = 0; slot < values.length; slot++) {
      const value = values[slot];
      if (!Number.isNaN(value)) sample[SML_CHANNELS[slot]] = value;
    }
    this.timing.succeed(sample);
  }

  #fail(fault: Fault): void {
    this.#counters[fault]++;
    this.timing.fail(Quality[fault]);
  }
}

function isAll(bytes: Uint8Array, value: number): boolean {
  for (let index = 0; index < bytes.length; index++) if (bytes[index] !== value) return false;
  return true;
}
