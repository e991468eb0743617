import type { Sample } from "../model/reading";
import { type Block, blockOf, type ModbusSensorOptions, type SensorFault } from "./modbus-sensor";
import { lowWordFirst, PzemSensor } from "./pzem";

/** It measures up to 300 V and, with the largest shunt, 300 A; twice as much is no measurement. */
const MAX_V = 600;
const MAX_A = 600;
const REGISTERS = 8;

/**
 * Peacefair PZEM-017 (also PZEM-003), DC, on a serial line of 9600 8N2: the second stop bit is the platform's to set, and
 * a receiver of 8N1 reads what it sends. It does not know which way current flows.
 *
 * Channels: `dcv` 0.01 V, `dci` 0.01 A, `dcp` 0.1 W, `dcei` 1 Wh; `flags` 1 while its alarm of high voltage is on, 2 of
 * low voltage.
 *
 * The eight registers are those of ESPHome's pzemdc.cpp and of the frame quoted there. An alarm that is on reads FFFF, one
 * that is off 0000, says Peacefair's register table; the library PZEM017v1 takes whatever is not 0 for on, and so does
 * this. Which shunt is set (holding register 3) no driver can see: a wrong one makes current, power and energy wrong by the
 * same factor.
 */
export class Pzem017 extends PzemSensor {
  readonly identification = { model: "PZEM-017", classification: "DCPowerMeter" } as const;
  readonly #block = blockOf(0, REGISTERS);

  constructor(options: ModbusSensorOptions) {
    super("pzem017", options, false);
  }

  protected blockAt(step: number): Block | undefined {
    return step === 0 ? this.#block : undefined;
  }

  protected fill(sample: Sample): SensorFault | undefined {
    const { view } = this.#block;
    sample.dcv = view.getUint16(0) / 100;
    sample.dci = view.getUint16(2) / 100;
    sample.dcp = lowWordFirst(view, 2) / 10;
    sample.dcei = lowWordFirst(view, 4);
    sample.flags = (view.getUint16(12) ? 1 : 0) + (view.getUint16(14) ? 2 : 0);
    const isPlausible = sample.dcv <= MAX_V && sample.dci <= MAX_A && sample.dcp <= MAX_V * MAX_A;
    return isPlausible ? undefined : "implausible";
  }
}
