import { TerminalClock, VirtualClock } from "../../hal-mocks/clock";
import { bytesOfHex } from "../../hal-mocks/expected";
import { settleMicrotasks } from "../../hal-mocks/node/settle";
import { createSerial, type SerialChip } from "../../hal-mocks/serial";
import { createTcp, type TcpPeer } from "../../hal-mocks/tcp";
import { ModbusBuffer, type ModbusFunction } from "../../src/sensors/modbus";
import type { ModbusBus, ModbusFault, ModbusTransaction } from "../../src/sensors/modbus-bus";
import { ModbusRtu, type ModbusRtuSensor } from "../../src/sensors/modbus-rtu";
import { ModbusTcp, type ModbusTcpSensor } from "../../src/sensors/modbus-tcp";
import { CountingClock } from "../contract/drivers";

export const HOST = "192.0.2.7";

export function bufferOf(hex: string): ModbusBuffer {
  const bytes = bytesOfHex(hex);
  const buffer = new ModbusBuffer(600);
  buffer.bytes.set(bytes);
  buffer.length = bytes.length;
  return buffer;
}

/** A transaction that remembers what has become of it. */
export class Asked implements ModbusTransaction {
  attempts = 0;
  readonly outcomes: (ModbusFault | null)[] = [];
  readonly unit: number;
  readonly code: ModbusFunction;
  readonly address: number;
  readonly count: number;
  readonly data: Uint8Array;

  constructor(unit: number, code: ModbusFunction, address: number, count: number, values?: number[]) {
    this.unit = unit;
    this.code = code;
    this.address = address;
    this.count = count;
    this.data = Uint8Array.from(values ?? new Array(2 * count).fill(0));
  }

  get words(): number[] {
    return Array.from(
      { length: this.count },
      (_, index) => this.data[2 * index] * 256 + this.data[2 * index + 1],
    );
  }

  onDone(fault: ModbusFault | null): void {
    this.outcomes.push(fault);
  }
}

/** A clock of the mocks, and one of the bus that counts its timers. */
export class Bench {
  readonly world = new VirtualClock(0, settleMicrotasks);
  readonly hostClock = new TerminalClock(this.world);
  readonly clock = new CountingClock(this.hostClock);

  rtu(chip: SerialChip, settings: Partial<ModbusRtuSensor> = {}): ModbusRtu {
    const io = createSerial(this.hostClock, new Map([[0, chip]]));
    return new ModbusRtu({ sensor: { io, receive: 1, transmit: 2, ...settings }, clock: this.clock });
  }

  tcp(peer: TcpPeer | undefined, settings: Partial<ModbusTcpSensor> = {}): ModbusTcp {
    const io = createTcp(this.hostClock, new Map(peer ? [[`${HOST}:502`, peer]] : []));
    return new ModbusTcp({ sensor: { io, address: HOST, ...settings }, clock: this.clock });
  }

  async ask(bus: ModbusBus, asked: Asked, ms = 5000): Promise<ModbusFault | null | undefined> {
    bus.request(asked);
    await this.pass(ms);
    return asked.outcomes.at(-1);
  }

  async pass(ms: number): Promise<void> {
    await this.world.runUntil(this.world.now + ms);
  }
}
