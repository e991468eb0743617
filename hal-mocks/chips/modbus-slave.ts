import type { Clock, Timer } from "../../src/hal";
import type { SerialChip, SerialLine } from "../serial";
import type { TcpConnection, TcpPeer } from "../tcp";

/** A number of an exception: MODBUS Application Protocol V1.1b3, clause 7. */
export const ILLEGAL_FUNCTION = 1;
export const ILLEGAL_ADDRESS = 2;

/** A Modbus device: what its registers hold at the moment. */
export interface ModbusDevice {
  /** One input register, 0 to 65535; undefined where there is none. */
  input?(address: number): number | undefined;
  holding?(address: number): number | undefined;
  /** False where nothing can be written. */
  write?(address: number, value: number): boolean;
  /** PZEM's function 0x42. */
  reset?(): void;
  /** The most registers that one read may have. Default 125. */
  readonly maxRegisters?: number;
}

/** ESP32's transmit FIFO. */
const FIFO_BYTES = 128;

/** The answer's PDU. */
function answerOf(device: ModbusDevice, pdu: Uint8Array): number[] {
  const [code] = pdu;
  const word = (at: number) => pdu[at] * 256 + pdu[at + 1];
  const refuse = (exception: number) => [code + 128, exception];
  if (code === 3 || code === 4) {
    const read = code === 3 ? device.holding : device.input;
    if (!read) return refuse(ILLEGAL_FUNCTION);
    const data: number[] = [];
    for (let index = 0; index < word(3); index++) {
      const value = read.call(device, word(1) + index);
      if (value === undefined || word(3) > (device.maxRegisters ?? 125)) return refuse(ILLEGAL_ADDRESS);
      data.push(value >> 8, value & 255);
    }
    return [code, data.length, ...data];
  }
  if (code === 6 && device.write) return device.write(word(1), word(3)) ? [...pdu] : refuse(ILLEGAL_ADDRESS);
  if (code === 16 && device.write) {
    for (let index = 0; index < word(3); index++)
      if (!device.write(word(1) + index, word(6 + 2 * index))) return refuse(ILLEGAL_ADDRESS);
    return [...pdu.subarray(0, 5)];
  }
  if (code === 0x42 && device.reset) {
    device.reset();
    return [code];
  }
  return refuse(ILLEGAL_FUNCTION);
}

/** CRC-16/MODBUS, bit by bit. */
export function slaveCrc(bytes: ArrayLike<number>): number {
  let crc = 0xffff;
  for (let index = 0; index < bytes.length; index++) {
    crc ^= bytes[index];
    for (let bit = 0; bit < 8; bit++) crc = crc % 2 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  }
  return crc;
}

export function rtuFrame(bytes: ArrayLike<number>): Uint8Array {
  const crc = slaveCrc(bytes);
  return Uint8Array.of(...Array.from(bytes), crc % 256, crc >> 8);
}

export interface RtuLineSettings {
  /** Virtual milliseconds between a request and the answer to it. Default 20. */
  answerMs?: number;
  /** The adapter gives back what is sent. */
  echo?: boolean;
}

/** An RS-485 line with devices by unit. One that hears less than 3.5 characters of silence hears no request. */
export class RtuLine implements SerialChip {
  readonly #clock: Clock;
  readonly #units: ReadonlyMap<number, ModbusDevice>;
  readonly #settings: RtuLineSettings;
  #heard: number[] = [];
  #timer: Timer | undefined;

  constructor(clock: Clock, units: ReadonlyMap<number, ModbusDevice>, settings: RtuLineSettings = {}) {
    this.#clock = clock;
    this.#units = units;
    this.#settings = settings;
  }

  onReceive(bytes: Uint8Array, line: SerialLine): void {
    this.#heard.push(...bytes);
    if (this.#settings.echo) line.send(bytes);
    this.#clock.clear(this.#timer);
    // The line gives what a write has sent when its last byte has come: a full FIFO's worth may be followed by more.
    const characters = bytes.length < FIFO_BYTES ? 3.5 : FIFO_BYTES + 3.5;
    this.#timer = this.#clock.set(() => this.#hear(line), (characters * 11 * 1000) / line.baud);
  }

  onClose(): void {
    this.#clock.clear(this.#timer);
    this.#heard = [];
  }

  #hear(line: SerialLine): void {
    const frame = this.#heard;
    this.#heard = [];
    const end = frame.length - 2;
    const device = this.#units.get(frame[0]);
    if (end < 2 || !device || slaveCrc(frame.slice(0, end)) !== frame[end] + 256 * frame[end + 1]) return;
    this.#timer = this.#clock.set(() => {
      line.send(rtuFrame([frame[0], ...answerOf(device, Uint8Array.from(frame.slice(1, end)))]));
    }, this.#settings.answerMs ?? 20);
  }
}

/** A Modbus TCP server with devices by unit. */
export class ModbusServer implements TcpPeer {
  accepts = true;
  readonly #clock: Clock;
  readonly #units: ReadonlyMap<number, ModbusDevice>;
  readonly #answerMs: number;

  constructor(clock: Clock, units: ReadonlyMap<number, ModbusDevice>, answerMs = 10) {
    this.#clock = clock;
    this.#units = units;
    this.#answerMs = answerMs;
  }

  onReceive(bytes: Uint8Array, connection: TcpConnection): void {
    const device = this.#units.get(bytes[6]);
    if (!device || bytes.length !== 6 + bytes[5]) return;
    const pdu = answerOf(device, bytes.subarray(7));
    const head = [bytes[0], bytes[1], 0, 0, 0, pdu.length + 1, bytes[6]];
    this.#clock.set(() => connection.send(Uint8Array.of(...head, ...pdu)), this.#answerMs);
  }
}
