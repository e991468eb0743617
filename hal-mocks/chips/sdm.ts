import type { ModbusDevice } from "./modbus-slave";

/** What an SDM measures, by address of its input registers: V, A, W, kWh and so on, as it shows them. */
export type SdmValues = ReadonlyMap<number, number>;

/** What one phase has, in V, A, W, var. */
export interface SdmPhase {
  v: number;
  i: number;
  p: number;
  q: number;
  importWh: number;
  exportWh: number;
}

/** The registers of an SDM630 (three phases) or of an SDM120 or SDM230 (one). */
export function sdmValues(phases: readonly SdmPhase[], hz: number): SdmValues {
  const values = new Map<number, number>();
  const sum = (read: (phase: SdmPhase) => number) => phases.reduce((total, phase) => total + read(phase), 0);
  phases.forEach(({ v, i, p, q, importWh, exportWh }, index) => {
    const at = 2 * index;
    values
      .set(0x00 + at, v)
      .set(0x06 + at, i)
      .set(0x0c + at, p)
      .set(0x12 + at, v * i)
      .set(0x18 + at, q);
    values.set(0x1e + at, i ? p / (v * i) : 1);
    values.set(0x15a + at, importWh / 1000).set(0x160 + at, exportWh / 1000);
    values.set(0xea + at, 1.9).set(0xf0 + at, 12);
    values.set(0xc8 + at, v * Math.sqrt(3));
  });
  const [p, q, s] = [sum((phase) => phase.p), sum((phase) => phase.q), sum((phase) => phase.v * phase.i)];
  values
    .set(0x34, p)
    .set(0x38, s)
    .set(0x3c, q)
    .set(0x3e, s ? p / s : 1)
    .set(0x46, hz)
    .set(0xe0, 0.4);
  values.set(0x48, sum((phase) => phase.importWh) / 1000).set(0x4a, sum((phase) => phase.exportWh) / 1000);
  return values.set(0x4c, 1.5).set(0x4e, 0.25);
}

/** An Eastron SDM at its input registers: floats of two, high word first; where nothing is, 0. */
export class SdmChip implements ModbusDevice {
  readonly maxRegisters = 80;
  readonly #values: () => SdmValues;
  readonly #float = new DataView(new ArrayBuffer(4));

  constructor(values: () => SdmValues) {
    this.#values = values;
  }

  input(address: number): number | undefined {
    if (address > 0x17f) return undefined;
    this.#float.setFloat32(0, this.#values().get(address - (address % 2)) ?? 0);
    return this.#float.getUint16(address % 2 ? 2 : 0);
  }
}
