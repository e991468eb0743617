import type { ModbusDevice } from "./modbus-slave";

/** What a PZEM-017 measures: V, A, W, Wh of a DC circuit. */
export interface PzemDcValues {
  v: number;
  i: number;
  wh: number;
  highAlarm?: boolean;
  lowAlarm?: boolean;
}

/** A PZEM-017 at its registers. */
export class Pzem017Chip implements ModbusDevice {
  readonly #values: () => PzemDcValues;
  #resetWh = 0;

  constructor(values: () => PzemDcValues) {
    this.#values = values;
  }

  input(address: number): number | undefined {
    const { v, i, wh, highAlarm, lowAlarm } = this.#values();
    const [dw, energy] = [Math.floor(v * i * 10), Math.floor(wh - this.#resetWh)];
    return [
      Math.round(v * 100),
      Math.round(i * 100),
      ...[dw, energy].flatMap((value) => [value % 65_536, Math.floor(value / 65_536)]),
      highAlarm ? 65_535 : 0,
      lowAlarm ? 65_535 : 0,
    ][address];
  }

  reset(): void {
    this.#resetWh = this.#values().wh;
  }
}
