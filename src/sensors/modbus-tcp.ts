import type { Clock, Tcp, TcpBus } from "../hal";
import { decodeTcp, encodeTcp, MAX_RTU_BYTES, ModbusBuffer, type ModbusRequest } from "./modbus";
import { ModbusBus, type ModbusBusSettings, type ModbusFault } from "./modbus-bus";

export interface ModbusTcpSensor extends TcpBus, ModbusBusSettings {}

export interface ModbusTcpOptions {
  /** The TCP class, `address` or `host`, `port` (502 unless given), and the bus's own settings. */
  sensor: ModbusTcpSensor;
  clock: Clock;
}

const DEFAULT_PORT = 502;
/** Of the connection and the answer together: a device behind Wi-Fi takes its time. */
const DEFAULT_TIMEOUT_MS = 3000;
/** MODBUS Application Protocol V1.1b3, clause 4.1: no frame is longer than 260 bytes. */
const FRAME_BYTES = MAX_RTU_BYTES + 8;
const TRANSACTIONS = 0x10000;

/**
 * Modbus devices behind a TCP connection, which is made when there is something to ask, and made anew when it is lost
 * or its answers stay away.
 */
export class ModbusTcp extends ModbusBus {
  protected readonly gapMs = 0;
  /** A late answer is known by its transaction. */
  protected readonly restMs = 0;
  readonly #sensor: TcpBus;
  readonly #sent = new ModbusBuffer(FRAME_BYTES);
  readonly #received = new ModbusBuffer(2 * FRAME_BYTES);
  #tcp: Tcp | undefined;
  #isConnected = false;
  #transaction = 0;
  /** Bytes came that are no frame: nobody knows where the next one begins. */
  #isOutOfStep = false;

  constructor({ sensor, clock }: ModbusTcpOptions) {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, retries, ...tcp } = sensor;
    super(clock, { timeoutMs, retries });
    const { address, host, port = DEFAULT_PORT } = tcp;
    const name = address ?? host;
    if (typeof name !== "string" || !name) {
      throw new TypeError("modbus: sensor.address is missing, expected a string, or a host");
    }
    if (!(Number.isInteger(port) && port > 0 && port <= 65_535))
      throw new RangeError(`modbus: port is ${port}, expected 1 to 65535`);
    this.#sensor = { ...tcp, port };
  }

  protected transmit(request: ModbusRequest): void {
    this.#transaction = (this.#transaction + 1) % TRANSACTIONS;
    encodeTcp(request, this.#transaction, this.#sent);
    // Not when it happens, in the socket's own callback.
    if (this.#isOutOfStep) this.disconnect();
    if (!this.#tcp) this.#connect();
    else if (this.#isConnected) this.#write(this.#tcp);
  }

  protected disconnect(): void {
    const tcp = this.#tcp;
    this.#tcp = undefined;
    this.#isConnected = false;
    tcp?.close();
  }

  protected durationMs(): number {
    return 0;
  }

  protected seen(): ModbusFault {
    return this.#received.length ? "partial" : this.#isConnected ? "silent" : "bus";
  }

  /** The peer may have been restarted, and know nothing of this connection. */
  protected override gaveUp(): void {
    this.disconnect();
  }

  #connect(): void {
    this.#received.length = 0;
    this.#isOutOfStep = false;
    const { io, ...options } = this.#sensor as TcpBus & { port: number };
    const mine = (call: () => void) => () => {
      if (this.#tcp === tcp) call();
    };
    const tcp: Tcp = new io({
      ...options,
      onWritable: mine(() => this.#onWritable(tcp)),
      onReadable: mine(() => this.#onReadable(tcp)),
      onError: mine(() => this.#onLost()),
    });
    this.#tcp = tcp;
  }

  #onWritable(tcp: Tcp): void {
    if (this.#isConnected) return;
    this.#isConnected = true;
    if (this.asking) this.#write(tcp);
  }

  #write(tcp: Tcp): void {
    const { bytes, length } = this.#sent;
    try {
      tcp.write(bytes.subarray(0, length));
    } catch {
      this.#onLost();
    }
  }

  #onLost(): void {
    this.disconnect();
    this.lost();
  }

  #onReadable(tcp: Tcp): void {
    const received = this.#received;
    for (;;) {
      const length = tcp.read(received.bytes.subarray(received.length)) ?? 0;
      if (!length) return;
      received.length += length;
      if (this.#isOutOfStep) received.length = 0;
      else this.#judge();
    }
  }

  /** All whole frames that are there. */
  #judge(): void {
    const received = this.#received;
    let before = 0;
    while (received.length && received.length !== before) {
      before = received.length;
      const verdict = decodeTcp(this.asking, this.#transaction, received);
      if (verdict === "malformed") {
        this.#isOutOfStep = true;
        received.length = 0;
      } else if (verdict === "nothing") this.count.strays++;
      this.judged(verdict);
    }
  }
}
