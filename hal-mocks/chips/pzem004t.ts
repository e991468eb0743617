import type { ModbusDevice } from "./modbus-slave";

/** What a PZEM-004T measures: V, A, W, Wh, Hz. */
export interface PzemValues {
  v: number;
  i: number;
  p: number;
  wh: number;
  f: number;
  pf: number;
  alarm?: boolean;
}

/** A PZEM-004T V3 at its registers. */
export class Pzem004tChip implements ModbusDevice {
  readonly #values: () => PzemValues;
  /** The meter's own register was reset at so many Wh of its world. */
  #resetWh = 0;

  constructor(values: () => PzemValues) {
    this.#values = values;
  }

  input(address: number): number | undefined {
    const { v, i, p, wh, f, pf, alarm } = this.#values();
    const [ma, dw, energy] = [Math.round(i * 1000), Math.round(p * 10), Math.floor(wh - this.#resetWh)];
    return [
      Math.round(v * 10),
      ...[ma, dw, energy].flatMap((value) => [value % 65_536, Math.floor(value / 65_536)]),
      Math.round(f * 10),
      Math.round(pf * 100),
      alarm ? 65_535 : 0,
    ][address];
  }

  reset(): void {
    this.#resetWh = this.#values().wh;
  }
}
