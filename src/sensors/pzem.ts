import { ModbusCode } from "./modbus";
import type { ModbusFault, ModbusTransaction } from "./modbus-bus";
import { ModbusSensor } from "./modbus-sensor";

/** Two registers, the lower one first, of which each has its high byte first. */
export function lowWordFirst(view: DataView, register: number): number {
  return view.getUint16(2 * register) + 0x1_0000 * view.getUint16(2 * register + 2);
}

/** Sets a PZEM's energy register to 0. */
class EnergyReset implements ModbusTransaction {
  attempts = 0;
  readonly unit: number;
  readonly code = ModbusCode.resetEnergy;
  readonly address = 0;
  readonly count = 0;
  readonly data = new Uint8Array(0);
  readonly onDone: (fault: ModbusFault | null) => void;

  constructor(unit: number, onDone: (fault: ModbusFault | null) => void) {
    this.unit = unit;
    this.onDone = onDone;
  }
}

/** What Peacefair's PZEMs have in common. */
export abstract class PzemSensor extends ModbusSensor {
  #reset: EnergyReset | undefined;

  /** Sets the energy register to 0, after what is under way. `onDone` is called later, with null when that is done. */
  resetEnergy(onDone: (fault: ModbusFault | null) => void): void {
    this.#reset = new EnergyReset(this.unit, onDone);
    this.bus?.request(this.#reset);
  }

  override close(): void {
    if (this.#reset) this.bus?.cancel(this.#reset);
    super.close();
  }
}
