import type { Timer } from "../../src/hal";
import type { SerialChip, SerialLine } from "../serial";

export interface SmlMeterValues {
  importWh: number;
  exportWh: number;
  /** Import less export. */
  watts: number;
}

export interface SmlMeterSettings {
  /** Virtual time: Unix milliseconds. */
  clock: {
    readonly now: number;
    set(callback: () => void, ms: number): Timer;
    clear(timer: Timer | undefined): void;
  };
  values: (time: number) => SmlMeterValues;
  /** Milliseconds between files. */
  period?: number;
}

const SERVER = [0x0a, 0x01, 0x49, 0x53, 0x4b, 0x00, 0x04, 0x32, 0x5e, 0xc5];
const EXPORTS = 0x0800;
const STATUS = 0x1c8104;

/** A meter for both directions as seen from its port, in SML, while the port is open. */
export class SmlMeter implements SerialChip {
  readonly #settings: Required<SmlMeterSettings>;
  #timer: Timer | undefined;
  #files = 0;
  /** Bytes to send in place of what would be right, one a file. */
  readonly planted: (Uint8Array | "silence")[] = [];

  constructor(settings: SmlMeterSettings) {
    this.#settings = { period: 1000, ...settings };
  }

  onOpen(line: SerialLine): void {
    const { clock, period } = this.#settings;
    this.#timer = clock.set(() => {
      const planted = this.planted.shift();
      if (planted !== "silence") line.send(planted ?? this.file());
      this.onOpen(line);
    }, period);
  }

  onClose(): void {
    this.#settings.clock.clear(this.#timer);
  }

  /** What it would send now. */
  file(): Uint8Array {
    const { clock, values } = this.#settings;
    const { importWh, exportWh, watts } = values(clock.now);
    const number = this.#files++;
    return smlFile({
      ...{
        transaction: 0x01388031 + 3 * number,
        request: 0x682abb + number,
        seconds: Math.floor(clock.now / 1000),
      },
      ...{ server: SERVER, status: watts < 0 ? STATUS | EXPORTS : STATUS },
      importTenths: Math.floor(importWh * 10),
      exportTenths: Math.floor(exportWh * 10),
      watts: Math.round(watts),
    });
  }
}

export interface SmlFile {
  transaction: number;
  request: number;
  /** Since the meter's start, modulo 2^32. */
  seconds: number;
  /** Ten bytes, the maker's three letters among them. */
  server: readonly number[];
  status: number;
  /** Tenths of Wh. */
  importTenths: number;
  exportTenths?: number;
  watts: number;
}

/** Lays out a file of three messages as Iskra's MT691 does: open, list, close. */
export function smlFile(file: SmlFile): Uint8Array {
  const { transaction, request, seconds, server, status, importTenths, exportTenths, watts } = file;
  const time = list(unsigned(1, 1), unsigned(seconds % 2 ** 32, 4));
  const maker = server.slice(2, 5);
  const entries = [
    entry([1, 0, 96, 50, 1, 1], ABSENT, ABSENT, ABSENT, text(maker)),
    entry([1, 0, 96, 1, 0, 255], ABSENT, ABSENT, ABSENT, text(server)),
    entry(
      [1, 0, 1, 8, 0, 255],
      unsigned(status, 4),
      unsigned(30, 1),
      signed(-1, 1),
      unsigned(importTenths, 4),
    ),
  ];
  if (exportTenths !== undefined)
    entries.push(
      entry([1, 0, 2, 8, 0, 255], ABSENT, unsigned(30, 1), signed(-1, 1), unsigned(exportTenths, 4)),
    );
  entries.push(
    entry([1, 0, 16, 7, 0, 255], ABSENT, unsigned(27, 1), signed(0, 1), signed(watts, widthOf(watts))),
  );
  const name = text([1, 0, 98, 10, 255, 255]);
  return transport([
    ...message(
      transaction,
      0x0101,
      list(ABSENT, ABSENT, text(bytesOf(request, 4)), text(server), time, unsigned(1, 1)),
    ),
    ...message(
      transaction + 1,
      0x0701,
      list(ABSENT, text(server), name, time, list(...entries), ABSENT, ABSENT),
    ),
    ...message(transaction + 2, 0x0201, list(ABSENT)),
  ]);
}

const ABSENT = [0x01];

function entry(
  obis: number[],
  status: number[],
  unit: number[],
  scaler: number[],
  value: number[],
): number[] {
  return list(text(obis), status, ABSENT, unit, scaler, value, ABSENT);
}

function message(transaction: number, kind: number, body: number[]): number[] {
  const [number, none] = [text(bytesOf(transaction, 4)), unsigned(0, 1)];
  const covered = [0x76, ...number, ...none, ...none, ...list(unsigned(kind, 2), body)];
  const crc = crcOf(covered);
  return [...covered, 0x63, crc & 255, crc >> 8, 0];
}

/** Escapes what looks like an escape, fills up to four, and ends. */
export function transport(content: readonly number[]): Uint8Array {
  const bytes = [0x1b, 0x1b, 0x1b, 0x1b, 1, 1, 1, 1];
  let run = 0;
  for (const byte of content) {
    bytes.push(byte);
    run = byte === 0x1b ? run + 1 : 0;
    if (run < 4) continue;
    bytes.push(0x1b, 0x1b, 0x1b, 0x1b);
    run = 0;
  }
  const padding = (4 - (bytes.length % 4)) % 4;
  for (let count = 0; count < padding; count++) bytes.push(0);
  bytes.push(0x1b, 0x1b, 0x1b, 0x1b, 0x1a, padding);
  const crc = crcOf(bytes);
  return Uint8Array.from([...bytes, crc & 255, crc >> 8]);
}

function list(...elements: number[][]): number[] {
  return [...head(7, elements.length), ...elements.flat()];
}

function text(bytes: readonly number[]): number[] {
  return [...head(0, bytes.length + 1), ...bytes];
}

function unsigned(value: number, length: number): number[] {
  return [...head(6, length + 1), ...bytesOf(value, length)];
}

function signed(value: number, length: number): number[] {
  return [...head(5, length + 1), ...bytesOf(value < 0 ? value + 256 ** length : value, length)];
}

/** One byte up to 15; two above, whose length is one more. */
function head(type: number, length: number): number[] {
  if (length < 16) return [type * 16 + length];
  const counted = type === 7 ? length : length + 1;
  return [128 + type * 16 + (counted >> 4), counted & 15];
}

function bytesOf(value: number, length: number): number[] {
  return Array.from({ length }, (_, index) => Math.floor(value / 256 ** (length - 1 - index)) % 256);
}

function widthOf(value: number): number {
  return value >= -128 && value < 128 ? 1 : value >= -32_768 && value < 32_768 ? 2 : 4;
}

/** CRC-16/X.25, bit by bit. */
export function crcOf(bytes: readonly number[]): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x8408 : crc >>> 1;
  }
  return crc ^ 0xffff;
}
