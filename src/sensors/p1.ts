import type { Clock, SerialBus } from "../hal";
import { Quality, type QualityCode } from "../model/quality";
import type { Sample } from "../model/reading";
import { crc16 } from "./crc16";
import type { MBusLines } from "./p1-mbus-lines";
import { P1Telegram } from "./p1-telegram";
import { Samples } from "./samples";
import { SerialInput } from "./serial-input";

export interface P1Options {
  /** The serial class, and what its constructor needs. `baud` is 115200 unless given (DSMR 2 and 3: 9600). */
  sensor: SerialBus;
  /** Gives samples their `ticks`. */
  clock?: Clock;
  /** A sample, good or bad, can be read. Close the driver later, not in this call: see `SerialOptions.onReadable`. */
  onSample?: () => void;
  /** The port has failed, and the driver is finished. */
  onError?: (error?: unknown) => void;
}

export interface P1Configuration {
  /** The meter's standard time in minutes east of UTC, −720 to 840. Default 60. */
  utcOffset?: number;
  /** 7 drops the parity bit that DSMR 2 and 3 send (7E1). Default 8. */
  dataBits?: 7 | 8;
  /**
   * `auto` checks a checksum that is there, and wants one of a meter that says it is DSMR 4 or newer, or Belgian.
   * `required` wants it always, `none` does not look. Default auto.
   */
  checksum?: "auto" | "required" | "none";
}

/** What the driver has counted since it was made. */
export interface P1Counters {
  /** Telegrams that began. */
  telegrams: number;
  good: number;
  partial: number;
  checksum: number;
  overlong: number;
  malformed: number;
  implausible: number;
  /** Bytes outside of telegrams. */
  discardedBytes: number;
}

/** Who else wants to know of telegrams: drivers that share this one's port. */
export interface P1Listener {
  /** It wants `lines`. */
  readonly readsMBus: boolean;
  /**
   * A good one has come, and that is its sample. `lines` are of this call only, and undefined where nobody wanted them
   * when the telegram began.
   */
  onTelegram(sample: Readonly<Sample>, lines: MBusLines | undefined): void;
  /** A bad one. Floods are thinned out, as they are for samples. */
  onFault(quality: QualityCode): void;
  /** The port has failed, and the driver is finished. */
  onLost(error?: unknown): void;
}

type Fault = "partial" | "checksum" | "overlong" | "malformed" | "implausible";

const DEFAULT_BAUD = 115_200;
/** A DSMR 5 telegram with a full text message stays below it. */
const MAX_TELEGRAM_BYTES = 4096;
/** No line of interest is longer. */
const LINE_BYTES = 64;
const READ_BYTES = 256;
/** Behind what was read stands a line's end, so that a search for one ends there. Four bytes: the buffer is words too. */
const SENTINEL_BYTES = 4;
const CHECKSUM_DIGITS = 4;
/** A flood of bad telegrams gives one bad sample in this time; all of them are counted. */
const BAD_SAMPLE_MS = 1000;

const SLASH = 0x2f;
const EXCLAMATION = 0x21;
const LF = 0x0a;
const CR = 0x0d;

/** Where the driver is in the stream. */
const Place = { outside: 0, inside: 1, checksum: 2 } as const;
type PlaceCode = (typeof Place)[keyof typeof Place];

/**
 * A smart meter's P1 port (DSMR 2.2 to 5.0.2 and its Belgian, Luxembourg, Hungarian, Irish and German relatives),
 * after ECMA-419's Sensor class pattern.
 *
 * It works as bytes come and keeps no telegram, only the line under way and one value a channel. `/` begins a
 * telegram wherever it comes, since no telegram has another one; so a good telegram behind any garbage is found.
 */
export class P1 {
  readonly identification = { model: "DSMR P1", classification: "SmartMeter" } as const;
  readonly counters: Readonly<P1Counters>;
  readonly #counters: P1Counters;
  readonly #port: SerialInput;
  readonly #samples: Samples;
  readonly #words = new Int32Array((READ_BYTES + SENTINEL_BYTES) / 4);
  readonly #bytes = new Uint8Array(this.#words.buffer);
  readonly #chunk = this.#bytes.subarray(0, READ_BYTES);
  #utcOffset = 60;
  #mask = 0xff;
  #checksum: "auto" | "required" | "none" = "auto";

  #place: PlaceCode = Place.outside;
  /** Outside, behind a line's end: a `!` here ends a telegram whose beginning is missing. */
  #lineStart = true;
  /** The `/` came where a meter has none. Damage makes one of a `.` or a `-`, and a checksum over the rest is weak. */
  #doubtful = false;
  #lines = 0;
  #overlong = false;
  #length = 0;
  /** Of the telegram's bytes before `#crcFrom`: those behind it follow all at once. */
  #crc = 0;
  #crcFrom = 0;
  /** The beginning of a line of which the rest has not been read. */
  readonly #line = new Uint8Array(LINE_BYTES);
  #lineLength = 0;
  #digits = 0;
  #digitsValue = 0;
  #ending = false;

  readonly #telegram = new P1Telegram();
  readonly #listeners: P1Listener[] = [];

  constructor(options: P1Options) {
    const { sensor, clock, onSample, onError } = options;
    if (typeof sensor?.io !== "function")
      throw new TypeError("p1: sensor.io is missing, expected a serial class");
    for (const [name, callback] of Object.entries({ onSample, onError })) {
      if (callback !== undefined && typeof callback !== "function")
        throw new TypeError(`p1: ${name} is no function`);
    }
    if (clock !== undefined && typeof clock?.ticks !== "number") throw new TypeError("p1: clock is no clock");
    this.#samples = new Samples(clock, onSample, BAD_SAMPLE_MS);
    this.#counters = {
      telegrams: 0,
      good: 0,
      partial: 0,
      checksum: 0,
      overlong: 0,
      malformed: 0,
      implausible: 0,
      discardedBytes: 0,
    };
    this.counters = this.#counters;
    this.#port = new SerialInput(
      sensor,
      DEFAULT_BAUD,
      this.#chunk,
      (length) => this.#receive(length),
      (error) => {
        onError?.(error);
        this.#tell((listener) => listener.onLost(error));
      },
    );
  }

  /** @throws RangeError that names the field; nothing has changed then. */
  configure(options: P1Configuration): void {
    const { utcOffset = this.#utcOffset, dataBits, checksum = this.#checksum } = options;
    if (!Number.isInteger(utcOffset) || utcOffset < -720 || utcOffset > 840) {
      throw new RangeError(`p1: utcOffset is ${utcOffset}, expected an integer from -720 to 840`);
    }
    if (dataBits !== undefined && dataBits !== 7 && dataBits !== 8) {
      throw new RangeError(`p1: dataBits is ${dataBits}, expected 7 or 8`);
    }
    if (checksum !== "auto" && checksum !== "required" && checksum !== "none") {
      throw new RangeError(`p1: checksum is "${checksum}", expected "auto", "required" or "none"`);
    }
    this.#utcOffset = utcOffset;
    this.#checksum = checksum;
    if (dataBits) this.#mask = dataBits === 7 ? 0x7f : 0xff;
  }

  /** The newest unread sample, or undefined. A good one is not replaced by a bad one. */
  sample(): Sample | undefined {
    return this.#samples.take();
  }

  close(): void {
    this.#port.close();
  }

  /** Of M-Bus meters it hears in telegrams that begin later. */
  attach(listener: P1Listener): void {
    this.#listeners.push(listener);
  }

  detach(listener: P1Listener): void {
    const at = this.#listeners.indexOf(listener);
    if (at >= 0) this.#listeners.splice(at, 1);
  }

  /** The port has failed, or is closed. */
  get isClosed(): boolean {
    return !this.#port.isOpen;
  }

  /** From the last one on: one that is told may leave. */
  #tell(tell: (listener: P1Listener) => void): void {
    for (let at = this.#listeners.length - 1; at >= 0; at--) tell(this.#listeners[at]);
  }

  #receive(length: number): void {
    const bytes = this.#bytes;
    if (this.#mask !== 0xff) for (let index = 0; index < length; index++) bytes[index] &= this.#mask;
    bytes[length] = LF;
    this.#crcFrom = 0;
    let index = 0;
    // A callback may close.
    while (index < length && this.#port.isOpen) {
      if (this.#place === Place.inside) index = this.#receiveInside(bytes, index, length);
      else this.#receiveByte(bytes[index], index++);
    }
    if (this.#place === Place.inside) this.#addToCrc(length);
  }

  #addToCrc(end: number): void {
    this.#crc = crc16(this.#crc, this.#bytes, this.#words, this.#crcFrom, end);
  }

  /** A part of a telegram: up to the telegram's end, the end of a line, or the end of what was read. */
  #receiveInside(bytes: Uint8Array, start: number, end: number): number {
    let index = start;
    let byte = bytes[index];
    const lineLength = this.#lineLength;
    if (byte === EXCLAMATION && lineLength === 0) {
      this.#receiveByte(byte, index);
      return index + 1;
    }
    // The hot loop. Most bytes are digits and letters; the two that matter are below.
    while (byte > SLASH || (byte !== LF && byte !== SLASH)) byte = bytes[++index];
    const isLine = byte === LF && index < end;
    this.#length += index - start + (isLine ? 1 : 0);
    if (!isLine || lineLength > 0) this.#keep(bytes, start, index);
    if (this.#length > MAX_TELEGRAM_BYTES) {
      this.#giveUpOverlong();
      if (!isLine) return index;
    } else if (!isLine) {
      if (index === end) return end;
      this.#receiveByte(byte, index);
    } else if (lineLength > 0) this.#endLine(this.#line, 0, this.#lineLength);
    else this.#endLine(bytes, start, index);
    return index + 1;
  }

  /** The rest of the line is still to come. */
  #keep(bytes: Uint8Array, start: number, end: number): void {
    const line = this.#line;
    let length = this.#lineLength;
    for (let index = start; index < end && length < LINE_BYTES; index++) line[length++] = bytes[index];
    this.#lineLength += end - start;
  }

  #receiveByte(byte: number, index: number): void {
    if (this.#place === Place.checksum && this.#receiveChecksum(byte)) return;
    if (byte === SLASH) {
      const inside = this.#place === Place.inside;
      if (inside) this.#fail("partial");
      this.#begin(inside ? this.#lineLength > 0 : !this.#lineStart, index);
    } else if (this.#place === Place.inside) {
      this.#addToCrc(index + 1);
      this.#place = Place.checksum;
      this.#digits = 0;
      this.#digitsValue = 0;
      this.#ending = false;
    } else {
      this.#discard(byte);
    }
  }

  #begin(doubtful: boolean, index: number): void {
    this.#counters.telegrams++;
    this.#place = Place.inside;
    this.#doubtful = doubtful;
    this.#lines = 0;
    this.#overlong = false;
    this.#crc = 0;
    this.#crcFrom = index;
    this.#length = 1;
    // The identification line is of no interest, and never empty.
    this.#line[0] = SLASH;
    this.#lineLength = 1;
    this.#telegram.begin(this.#listeners.some(({ readsMBus }) => readsMBus));
  }

  #discard(byte: number): void {
    if (byte === EXCLAMATION && this.#lineStart && !this.#overlong) this.#fail("partial");
    this.#lineStart = byte === LF;
    if (byte !== LF && byte !== CR) this.#counters.discardedBytes++;
  }

  #giveUpOverlong(): void {
    this.#place = Place.outside;
    this.#lineStart = false;
    this.#overlong = true;
    this.#fail("overlong");
  }

  /** `from` and `end`: where the line stands in `bytes`, without its LF. */
  #endLine(bytes: Uint8Array, from: number, end: number): void {
    this.#lineLength = 0;
    const number = this.#lines++;
    // Of a longer line the beginning is enough: its code, and no readable value.
    let to = end - from > LINE_BYTES ? from + LINE_BYTES : end;
    if (to === end && to > from && bytes[to - 1] === CR) to--;
    if (this.#doubtful && number < 2 && !this.#isHead(number, to - from)) {
      this.#place = Place.outside;
      this.#lineStart = true;
      return;
    }
    this.#telegram.read(bytes, from, to, this.#utcOffset);
  }

  /** A telegram begins with `/`, three letters, something else, and an empty line. IEC 62056-21, mode D. */
  #isHead(number: number, length: number): boolean {
    if (number === 1) return length === 0;
    const line = this.#line;
    return length > 4 && isLetter(line[1]) && isLetter(line[2]) && isLetter(line[3]) && !isLetter(line[4]);
  }

  /** One byte behind the `!`. False when it does not belong to the telegram. */
  #receiveChecksum(byte: number): boolean {
    // Two bits make `!` CR of `1-`, so the LF must be there too.
    if (byte === CR && !this.#ending) {
      this.#ending = true;
      return true;
    }
    const digit = this.#ending ? -1 : hexDigit(byte);
    if (digit < 0) {
      const ended = byte === LF;
      this.#complete(ended);
      this.#lineStart = ended;
      return ended;
    }
    this.#digitsValue = this.#digitsValue * 16 + digit;
    if (++this.#digits === CHECKSUM_DIGITS) this.#complete(true);
    return true;
  }

  #complete(ended: boolean): void {
    this.#place = Place.outside;
    this.#lineStart = false;
    if (!ended || !this.#isChecksumGood()) this.#fail("checksum");
    else if (!this.#telegram.isReadable(this.#digits > 0 && this.#checksum !== "none"))
      this.#fail("malformed");
    else if (!this.#telegram.isPlausible()) this.#fail("implausible");
    else this.#succeed();
  }

  /** Some meters leave out leading zeros. */
  #isChecksumGood(): boolean {
    if (this.#checksum === "none") return true;
    if (this.#digits) return this.#digitsValue === this.#crc;
    return this.#checksum === "auto" && !this.#telegram.wantsChecksum;
  }

  #succeed(): void {
    this.#counters.good++;
    const sample = this.#samples.create();
    this.#telegram.fill(sample);
    this.#tell((listener) => listener.onTelegram(sample, this.#telegram.mbus));
    this.#samples.put(sample);
  }

  #fail(fault: Fault): void {
    this.#counters[fault]++;
    if (!this.#samples.isBadDue()) return;
    this.#tell((listener) => listener.onFault(Quality[fault]));
    this.#samples.putBad(Quality[fault]);
  }
}

function isLetter(byte: number): boolean {
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x7a;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}
