import type { Clock, Serial, SerialBus } from "../hal";
import {
  decodeRtu,
  encodeRtu,
  isSoundFrame,
  MAX_RTU_BYTES,
  ModbusBuffer,
  ModbusCode,
  type ModbusRequest,
} from "./modbus";
import { ModbusBus, type ModbusBusSettings, type ModbusFault } from "./modbus-bus";

export interface ModbusRtuSensor extends SerialBus, ModbusBusSettings {
  /** Milliseconds of silence before each request, 0 to 1000; at least 3.5 characters are kept. Default 0. */
  turnaroundMs?: number;
  /**
   * Whether the line gives back what is sent, as some RS-485 adapters do. Unless given it is learnt from reads, whose
   * answers are never what was asked. The answers to functions 6 and 0x42 are, so before the first read they are not
   * believed.
   */
  echo?: boolean;
}

export interface ModbusRtuOptions {
  /** The serial class and what its constructor needs, with `baud` 9600 unless given, and the bus's own settings. */
  sensor: ModbusRtuSensor;
  clock: Clock;
  /** The port has failed, and the bus is closed. */
  onError?: (error?: unknown) => void;
}

const DEFAULT_BAUD = 9600;
const DEFAULT_TIMEOUT_MS = 500;
const MAX_TURNAROUND_MS = 1000;
/** V1.02, clauses 2.5.1 and 2.5.1.1: 11 bits a character, 3.5 characters between frames, above 19200 baud 1.75 ms. */
const BITS_PER_CHARACTER = 11;
const GAP_CHARACTERS = 3.5;
const FAST_BAUD = 19_200;
const FAST_GAP_MS = 1.75;
/** An echo, noise, and an answer. */
const RECEIVED_BYTES = 2 * MAX_RTU_BYTES + 64;

/** A serial line with Modbus devices, seen from its master. */
export class ModbusRtu extends ModbusBus {
  protected readonly gapMs: number;
  protected readonly restMs: number;
  readonly #baud: number;
  readonly #sent = new ModbusBuffer(MAX_RTU_BYTES);
  readonly #received = new ModbusBuffer(RECEIVED_BYTES);
  #serial: Serial | undefined;
  /** How many bytes the port takes, and how many of the request it has. */
  #writable = 0;
  #written = 0;
  #echo: boolean | undefined;
  #isEchoSeen = false;

  constructor({ sensor, clock, onError }: ModbusRtuOptions) {
    const { io, timeoutMs = DEFAULT_TIMEOUT_MS, retries, turnaroundMs = 0, echo, ...port } = sensor;
    super(clock, { timeoutMs, retries }, onError);
    const { baud = DEFAULT_BAUD } = port;
    if (!(baud > 0)) throw new RangeError(`modbus: baud is ${baud}, expected a number above 0`);
    if (!(turnaroundMs >= 0 && turnaroundMs <= MAX_TURNAROUND_MS)) {
      throw new RangeError(`modbus: turnaroundMs is ${turnaroundMs}, expected 0 to ${MAX_TURNAROUND_MS}`);
    }
    if (echo !== undefined && typeof echo !== "boolean")
      throw new RangeError(`modbus: echo is ${echo}, expected true or false`);
    const gap = baud > FAST_BAUD ? FAST_GAP_MS : (GAP_CHARACTERS * BITS_PER_CHARACTER * 1000) / baud;
    // A timer of n ms may end up to one earlier.
    this.gapMs = Math.max(turnaroundMs, Math.ceil(gap) + 1);
    this.restMs = timeoutMs;
    this.#baud = baud;
    this.#echo = echo;
    this.#serial = new io({
      ...port,
      baud,
      format: "buffer",
      onReadable: (count) => this.#onReadable(count),
      onWritable: (count) => this.#onWritable(count),
      onError: (error) => this.failed(error),
    });
  }

  protected transmit(request: ModbusRequest): void {
    encodeRtu(request, this.#sent);
    this.#received.length = 0;
    this.#isEchoSeen = false;
    this.#written = 0;
    this.#write();
  }

  protected disconnect(): void {
    this.#serial?.close();
    this.#serial = undefined;
  }

  protected durationMs(request: ModbusRequest): number {
    const bytes = this.#sent.length + 2 * request.count;
    return Math.ceil((bytes * BITS_PER_CHARACTER * 1000) / this.#baud);
  }

  protected seen(request: ModbusRequest): ModbusFault {
    const verdict = decodeRtu(request, this.#received);
    if (verdict === "partial" || verdict === "checksum") return verdict;
    if (!this.#received.length) return "silent";
    this.count.strays++;
    // A sound frame is another device's; ours was silent.
    return isSoundFrame(this.#received) ? "silent" : "checksum";
  }

  #write(): void {
    const { bytes, length } = this.#sent;
    const end = Math.min(length, this.#written + this.#writable);
    if (end === this.#written || !this.#serial) return;
    this.#writable -= end - this.#written;
    const part = bytes.subarray(this.#written, end);
    this.#written = end;
    this.#serial.write(part);
  }

  #onWritable(count: number): void {
    this.#writable = count;
    if (!this.asking) return;
    try {
      this.#write();
    } catch {
      this.lost();
    }
  }

  #onReadable(count: number): void {
    const { bytes } = this.#received;
    let left = count;
    while (left > 0 && this.#serial) {
      if (this.#received.length === bytes.length) this.#received.length = 0;
      const target = bytes.subarray(this.#received.length, this.#received.length + left);
      const length = this.#serial.read(target);
      if (!length) break;
      left -= length;
      this.#received.length += length;
    }
    const request = this.asking;
    if (request) this.#judge(request);
    else {
      // Late, or somebody else's.
      this.#received.length = 0;
      this.count.strays++;
    }
  }

  #judge(request: ModbusRequest): void {
    const isRepeated = request.code === ModbusCode.writeOne || request.code === ModbusCode.resetEnergy;
    if (!this.#isEchoSeen && (!isRepeated || this.#echo)) this.#dropEcho(isRepeated);
    if (isRepeated && (this.#echo === undefined || (this.#echo && !this.#isEchoSeen))) return;
    const verdict = decodeRtu(request, this.#received);
    if (verdict === "answer" && !isRepeated) this.#echo ??= this.#isEchoSeen;
    this.judged(verdict);
  }

  /** @param anywhere noise may stand before it; a read's echo is no danger there. */
  #dropEcho(anywhere: boolean): void {
    const at = this.#received.indexOf(this.#sent);
    if (at < 0 || (at > 0 && !anywhere)) return;
    this.#received.drop(at + this.#sent.length);
    this.#isEchoSeen = true;
    this.count.echoes++;
  }
}
