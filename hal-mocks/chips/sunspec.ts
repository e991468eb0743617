import type { ModbusDevice } from "./modbus-slave";

/** One model in a device's map: its number and the registers behind its length. */
export interface SunSpecModel {
  id: number;
  words: readonly number[];
}

const NO_16 = 0xffff;
const NO_SIGNED = 0x8000;

/** Two's complement in 16 bits. */
const signed = (value: number) => (Math.round(value) + 65_536) % 65_536;
const long = (value: number) => [Math.floor(value / 65_536) % 65_536, value % 65_536];

function text(value: string, registers: number): number[] {
  return Array.from(
    { length: registers },
    (_, index) => (value.charCodeAt(2 * index) || 0) * 256 + (value.charCodeAt(2 * index + 1) || 0),
  );
}

/** Model 1. */
export function commonModel(manufacturer: string, model: string, serial: string): SunSpecModel {
  const texts = [text(manufacturer, 16), text(model, 16), text("", 8), text("1.0", 8), text(serial, 16)];
  return { id: 1, words: [...texts.flat(), 1, NO_SIGNED] };
}

/** What an inverter measures: V, A, W positive while it produces, Wh. */
export interface InverterValues {
  phases: readonly { v: number; i: number }[];
  w: number;
  var: number;
  hz: number;
  wh: number;
  dc: readonly { v: number; i: number; wh: number }[];
  cabinetC: number;
  state: number;
}

/** Model 101 or 103, with scale factors; without power factor and what else is not mandatory. */
export function inverterModel({
  phases,
  w,
  var: reactive,
  hz,
  wh,
  cabinetC,
  state,
}: InverterValues): SunSpecModel {
  const each = (read: (phase: { v: number; i: number }) => number) =>
    [0, 1, 2].map((index) => (phases[index] ? Math.round(read(phases[index])) : NO_16));
  const amperes = phases.reduce((sum, { i }) => sum + i, 0);
  const words = [
    ...[Math.round(amperes * 100), ...each(({ i }) => i * 100), signed(-2)],
    ...[NO_16, NO_16, NO_16, ...each(({ v }) => v * 10), signed(-1)],
    ...[signed(w / 10), 1, Math.round(hz * 100), signed(-2), NO_SIGNED, NO_SIGNED, signed(reactive), 0],
    ...[NO_SIGNED, NO_SIGNED, ...long(Math.floor(wh)), 0],
    ...[NO_16, NO_SIGNED, NO_16, NO_SIGNED, NO_SIGNED, NO_SIGNED],
    ...[signed(cabinetC * 10), NO_SIGNED, NO_SIGNED, NO_SIGNED, signed(-1), state, NO_16],
    ...new Array<number>(12).fill(0),
  ];
  return { id: phases.length === 3 ? 103 : 101, words };
}

/** Model 160: the DC inputs of an inverter. */
export function inputsModel({ dc }: InverterValues): SunSpecModel {
  const words = [signed(-2), signed(-1), 0, 0, 0, 0, dc.length, NO_16];
  dc.forEach(({ v, i, wh }, index) => {
    words.push(index + 1, ...text(`String ${index + 1}`, 8), Math.round(i * 100), Math.round(v * 10));
    words.push(Math.round(v * i), ...long(Math.floor(wh)), NO_16, NO_16, NO_SIGNED, NO_16, 0, 0);
  });
  return { id: 160, words };
}

/** What a battery has: V, A that are positive when it charges, percent. */
export interface BatteryValues {
  v: number;
  i: number;
  soc: number;
  soh: number;
}

/** Model 802; its current is positive when the battery gives it, and its charge state says what it does. */
export function batteryModel({ v, i, soc, soh }: BatteryValues): SunSpecModel {
  const words = new Array<number>(62).fill(NO_16);
  words[9] = Math.round(soc * 10);
  words[11] = Math.round(soh);
  words[14] = i > 0 ? 4 : i < 0 ? 3 : 6;
  words[32] = Math.round(v * 100);
  words[42] = signed(-i * 100);
  words[45] = signed(-v * i);
  words.splice(50, 12, 0, 0, 0, NO_SIGNED, signed(-1), NO_SIGNED, 0, signed(-2), NO_SIGNED, signed(-2), 0, 0);
  return { id: 802, words };
}

export interface SunSpecSettings {
  /** Where the map begins. Default 40000. */
  base?: number;
  maxRegisters?: number;
}

/** A SunSpec device at its holding registers. Behind the end's number there is nothing. */
export class SunSpecChip implements ModbusDevice {
  readonly maxRegisters: number;
  readonly #models: () => readonly SunSpecModel[];
  readonly #base: number;

  constructor(
    models: () => readonly SunSpecModel[],
    { base = 40_000, maxRegisters = 125 }: SunSpecSettings = {},
  ) {
    this.#models = models;
    this.#base = base;
    this.maxRegisters = maxRegisters;
  }

  holding(address: number): number | undefined {
    let at = address - this.#base;
    if (at < 2) return [0x5375, 0x6e53][at];
    at -= 2;
    for (const { id, words } of this.#models()) {
      if (at < 2) return at ? words.length : id;
      if (at < 2 + words.length) return words[at - 2];
      at -= 2 + words.length;
    }
    return at === 0 ? NO_16 : undefined;
  }
}
