/**
 * Modbus as bytes, and nothing else: requests into a buffer, answers out of one. MODBUS Application Protocol
 * Specification V1.1b3 (the PDU, clause 6), MODBUS over Serial Line V1.02 (RTU and its CRC, clause 2.5), MODBUS
 * Messaging on TCP/IP V1.0b (MBAP, clause 3.1.3).
 */
import { crc16 } from "./crc16";

export const ModbusCode = {
  readHolding: 3,
  readInput: 4,
  writeOne: 6,
  writeMany: 16,
  /** PZEM's own: sets the energy register to 0. It has neither address nor data. */
  resetEnergy: 0x42,
} as const;
export type ModbusFunction = (typeof ModbusCode)[keyof typeof ModbusCode];

/** V1.1b3, clauses 6.3 and 6.12. */
export const MAX_READ_REGISTERS = 125;
const MAX_WRITE_REGISTERS = 123;
/** V1.02, clause 2.5.1: the longest RTU frame. */
export const MAX_RTU_BYTES = 256;
/** V1.0b, clause 3.1.3: transaction, protocol and length; the unit counts to the length. */
const MBAP_BYTES = 6;
const MAX_MBAP_LENGTH = 254;

const EXCEPTION = 0x80;
const EXCEPTION_BYTES = 3;
const CRC_BYTES = 2;
const CRC_START = 0xffff;

export interface ModbusRequest {
  /** 1 to 247; 248 is PZEM's general address; over TCP 0 to 255. */
  unit: number;
  code: ModbusFunction;
  /** Of the first register, from 0. */
  address: number;
  /** Registers to read or to write. */
  count: number;
  /** Of `2·count` bytes, big-endian: what is to be written, or where what was read goes. */
  data: Uint8Array;
}

/** @throws RangeError that names the field. */
export function checkRequest({ unit, code, address, count, data }: ModbusRequest): void {
  if (!Object.values(ModbusCode).includes(code)) throw new RangeError(`modbus: code is ${code}`);
  checkInteger("unit", unit, 0, 255);
  if (code === ModbusCode.resetEnergy) return;
  const isRead = code === ModbusCode.readHolding || code === ModbusCode.readInput;
  checkInteger("address", address, 0, 0xffff);
  const most = isRead ? MAX_READ_REGISTERS : code === ModbusCode.writeOne ? 1 : MAX_WRITE_REGISTERS;
  checkInteger("count", count, 1, Math.min(most, 0x10000 - address));
  if (data.length !== 2 * count)
    throw new RangeError(`modbus: data has ${data.length} bytes, expected ${2 * count}`);
}

function checkInteger(name: string, value: number, low: number, high: number): void {
  if (Number.isInteger(value) && value >= low && value <= high) return;
  throw new RangeError(`modbus: ${name} is ${value}, expected an integer from ${low} to ${high}`);
}

/** Unit and PDU at `at`; returns where they end. */
function writeRequest({ unit, code, address, count, data }: ModbusRequest, bytes: Uint8Array, at: number) {
  let end = at;
  bytes[end++] = unit;
  bytes[end++] = code;
  if (code === ModbusCode.resetEnergy) return end;
  bytes[end++] = address >>> 8;
  bytes[end++] = address & 0xff;
  if (code !== ModbusCode.writeOne) {
    bytes[end++] = count >>> 8;
    bytes[end++] = count & 0xff;
  }
  if (code === ModbusCode.writeMany) bytes[end++] = data.length;
  if (code === ModbusCode.writeOne || code === ModbusCode.writeMany) {
    bytes.set(data, end);
    end += data.length;
  }
  return end;
}

/** Bytes of unit and PDU of a good answer. */
function answerBytes({ code, count }: ModbusRequest): number {
  if (code === ModbusCode.resetEnergy) return 2;
  return code === ModbusCode.readHolding || code === ModbusCode.readInput ? 3 + 2 * count : 6;
}

/** Whether a good answer may begin with these bytes, as far as they are there: function, and what must be repeated. */
function isAnswer(request: ModbusRequest, bytes: Uint8Array, at: number, end: number): boolean {
  const { code, address, count, data } = request;
  if (code === ModbusCode.resetEnergy) return true;
  const read = code === ModbusCode.readHolding || code === ModbusCode.readInput;
  if (read) return at + 2 >= end || bytes[at + 2] === 2 * count;
  const high = code === ModbusCode.writeOne ? data[0] : count >>> 8;
  const low = code === ModbusCode.writeOne ? data[1] : count & 0xff;
  return (
    (at + 2 >= end || bytes[at + 2] === address >>> 8) &&
    (at + 3 >= end || bytes[at + 3] === (address & 0xff)) &&
    (at + 4 >= end || bytes[at + 4] === high) &&
    (at + 5 >= end || bytes[at + 5] === low)
  );
}

/** Takes what was read into the request's `data`. `at` is where the unit stands. */
function takeData({ code, data }: ModbusRequest, bytes: Uint8Array, at: number): void {
  if (code !== ModbusCode.readHolding && code !== ModbusCode.readInput) return;
  for (let index = 0; index < data.length; index++) data[index] = bytes[at + 3 + index];
}

/** Bytes with the words that the CRC wants; their length is a multiple of four. */
export class ModbusBuffer {
  readonly #words: Int32Array;
  readonly bytes: Uint8Array;
  /** How many of `bytes` there are. */
  length = 0;

  constructor(byteLength: number) {
    this.#words = new Int32Array(Math.ceil(byteLength / 4));
    this.bytes = new Uint8Array(this.#words.buffer);
  }

  /** CRC-16/MODBUS of the bytes from `from` up to, not including, `end`. Of "123456789" it is 4B37. */
  crc(from: number, end: number): number {
    return crc16(CRC_START, this.bytes, this.#words, from, end);
  }

  /** Whether the two bytes at `end` are the CRC of those before them. Low byte first: V1.02, clause 2.5.1.2. */
  isSound(from: number, end: number): boolean {
    const crc = this.crc(from, end);
    return this.bytes[end] === (crc & 0xff) && this.bytes[end + 1] === crc >>> 8;
  }

  /** Where the bytes of `other` stand, or -1. */
  indexOf(other: ModbusBuffer): number {
    for (let at = 0; at + other.length <= this.length; at++) if (this.#has(other, at)) return at;
    return -1;
  }

  #has(other: ModbusBuffer, at: number): boolean {
    for (let index = 0; index < other.length; index++)
      if (this.bytes[at + index] !== other.bytes[index]) return false;
    return true;
  }

  /** Forgets the first `count` bytes. */
  drop(count: number): void {
    this.bytes.copyWithin(0, count, this.length);
    this.length -= count;
  }
}

/** The request as an RTU frame. */
export function encodeRtu(request: ModbusRequest, buffer: ModbusBuffer): void {
  const { bytes } = buffer;
  const end = writeRequest(request, bytes, 0);
  const crc = buffer.crc(0, end);
  bytes[end] = crc & 0xff;
  bytes[end + 1] = crc >>> 8;
  buffer.length = end + CRC_BYTES;
}

/** The request behind an MBAP header. */
export function encodeTcp(request: ModbusRequest, transaction: number, buffer: ModbusBuffer): void {
  const { bytes } = buffer;
  const end = writeRequest(request, bytes, MBAP_BYTES);
  bytes[0] = transaction >>> 8;
  bytes[1] = transaction & 0xff;
  bytes[2] = 0;
  bytes[3] = 0;
  bytes[4] = (end - MBAP_BYTES) >>> 8;
  bytes[5] = (end - MBAP_BYTES) & 0xff;
  buffer.length = end;
}

/**
 * What received bytes are to a request. `answer`: its data has been taken. `exception`: the device refuses.
 * `nothing`: no sign of an answer. `partial`: the beginning of one. `checksum`: one that is damaged. `malformed`: bytes
 * that no further ones can make good.
 */
export type Verdict = "answer" | "exception" | "nothing" | "partial" | "checksum" | "malformed";

/**
 * Looks for the answer in what was received since the request, wherever it begins: noise and frames of others may stand
 * before it. Unit, function, length, repeated fields and CRC must be right.
 */
export function decodeRtu(request: ModbusRequest, buffer: ModbusBuffer): Verdict {
  const { bytes, length } = buffer;
  let verdict: Verdict = "nothing";
  for (let at = 0; at + 1 < length; at++) {
    if (bytes[at] !== request.unit) continue;
    const isException = bytes[at + 1] === (request.code | EXCEPTION);
    if (!isException && bytes[at + 1] !== request.code) continue;
    if (!isException && !isAnswer(request, bytes, at, length)) continue;
    const end = at + (isException ? EXCEPTION_BYTES : answerBytes(request));
    if (end + CRC_BYTES > length) {
      if (verdict === "nothing") verdict = "partial";
    } else if (!buffer.isSound(at, end)) {
      verdict = "checksum";
    } else if (isException) return "exception";
    else {
      takeData(request, bytes, at);
      return "answer";
    }
  }
  return verdict;
}

/** Whether the bytes are one sound frame of whatever unit. */
export function isSoundFrame(buffer: ModbusBuffer): boolean {
  const { length } = buffer;
  return length >= 4 && buffer.isSound(0, length - CRC_BYTES);
}

/**
 * Looks at the first frame of a TCP stream, and takes it out of the buffer if it is whole. One of another transaction
 * is `nothing`, as is each when nothing was asked; `malformed` means besides that the stream may be out of step.
 */
export function decodeTcp(
  request: ModbusRequest | undefined,
  transaction: number,
  buffer: ModbusBuffer,
): Verdict {
  const { bytes, length } = buffer;
  if (length < MBAP_BYTES) return "partial";
  const size = (bytes[4] << 8) | bytes[5];
  if (bytes[2] || bytes[3] || size < 2 || size > MAX_MBAP_LENGTH) return "malformed";
  const end = MBAP_BYTES + size;
  if (length < end) return "partial";
  const number = (bytes[0] << 8) | bytes[1];
  const isOurs = request && number === transaction && bytes[MBAP_BYTES] === request.unit;
  const verdict = isOurs ? judgeTcp(request, bytes, size) : "nothing";
  buffer.drop(end);
  return verdict;
}

function judgeTcp(request: ModbusRequest, bytes: Uint8Array, size: number): Verdict {
  const code = bytes[MBAP_BYTES + 1];
  if (code === (request.code | EXCEPTION) && size === EXCEPTION_BYTES) return "exception";
  const isGood =
    code === request.code &&
    size === answerBytes(request) &&
    isAnswer(request, bytes, MBAP_BYTES, MBAP_BYTES + size);
  if (!isGood) return "malformed";
  takeData(request, bytes, MBAP_BYTES);
  return "answer";
}
