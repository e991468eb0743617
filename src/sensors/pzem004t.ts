import type { Sample } from "../model/reading";
import { type Block, blockOf, type ModbusSensorOptions, type SensorFault } from "./modbus-sensor";
import { lowWordFirst, PzemSensor } from "./pzem";

/** 100 A with the split-core transformer; doubled, since overload happens. */
const MAX_A = 200;
/** It measures 80 to 260 V; higher ones it cannot survive. Below 80 V it shows what it may. */
const MAX_V = 400;
const MAX_W = MAX_V * MAX_A;
const MAX_HZ = 70;
const REGISTERS = 10;
/** Of the alarm's register. */
const ALARM = 0xffff;

/**
 * Peacefair PZEM-004T V3 (also PZEM-014 and -016), one AC circuit, on a serial line of 9600 8N1. It does not know which way
 * power flows: `p` is never negative. Registers: ESPHome's pzemac.cpp and the frame quoted there; the alarm's two values:
 * Peacefair's register table, as jabastien/STM32_PZEM016 has it.
 *
 * Channels: `v` 0.1 V, `i` 1 mA, `p` 0.1 W, `ei` 1 Wh, `f` 0.1 Hz, `pf` 0.01; `flags` 1 while its power alarm is on.
 */
export class Pzem004t extends PzemSensor {
  readonly identification = { model: "PZEM-004T", classification: "PowerMeter" } as const;
  readonly #block = blockOf(0, REGISTERS);

  constructor(options: ModbusSensorOptions) {
    super("pzem004t", options, true);
  }

  protected blockAt(step: number): Block | undefined {
    return step === 0 ? this.#block : undefined;
  }

  protected fill(sample: Sample): SensorFault | undefined {
    const { view } = this.#block;
    sample.v = view.getUint16(0) / 10;
    sample.i = lowWordFirst(view, 1) / 1000;
    sample.p = lowWordFirst(view, 3) / 10;
    sample.ei = lowWordFirst(view, 5);
    sample.f = view.getUint16(14) / 10;
    sample.pf = view.getUint16(16) / 100;
    const alarm = view.getUint16(18);
    sample.flags = alarm === ALARM ? 1 : 0;
    if (alarm !== 0 && alarm !== ALARM) return "malformed";
    const isPlausible =
      sample.v <= MAX_V && sample.i <= MAX_A && sample.p <= MAX_W && sample.f <= MAX_HZ && sample.pf <= 1;
    return isPlausible ? undefined : "implausible";
  }
}
