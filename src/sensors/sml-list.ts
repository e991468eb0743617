import { SmlCursor, SmlType } from "./sml-cursor";

// The readings in an SML file, as numbers under channel names. Values live in slots, in the order of `SML_CHANNELS`.

const TARIFFS = ["", "_t1", "_t2", "_t3", "_t4"];
const PHASES = ["", "_l1", "_l2", "_l3"];
const OF_A_PHASE = ["pi", "pe", "p", "i", "v"];

/** Channel names by slot: registers by tariff, then each phase (the whole connection first), then what is once. */
export const SML_CHANNELS: readonly string[] = [
  ...["ei", "ee", "eqi", "eqe"].flatMap((name) => TARIFFS.map((tariff) => name + tariff)),
  ...PHASES.flatMap((phase) => OF_A_PHASE.map((name) => name + phase)),
  ...["f", "clock"],
];

const BY_PHASE = 4 * TARIFFS.length;
const POWER = 2;
const FREQUENCY = BY_PHASE + PHASES.length * OF_A_PHASE.length;
const CLOCK = FREQUENCY + 1;

// Units: DLMS UA Blue Book, enumeration of units.
const W = 27;
const WH = 30;
const VARH = 32;
const A = 33;
const V = 35;
const HZ = 44;

const GET_LIST_RESPONSE = 0x0701;
const MESSAGE_ELEMENTS = 6;
const LIST_ELEMENTS = 7;
const ENTRY_ELEMENTS = 7;
/** SML_Time: the choices of seconds since the meter's start, of Unix time, and of Unix time with its offsets. */
const TIMESTAMP = 2;
const LOCAL_TIMESTAMP = 3;
const MAX_SCALER = 9;

/** The lowest byte names FNN's newer form of status (manual of DZG WS74, clause 14.5); bit 11 says export (arendst/Tasmota). */
const FNN_STATUS = 0x04;
const FNN_EXPORTS = 0x0800;
/** The form before that: FNN, Lastenheft EDL 1.0, page 31, and what EMH's ED300L sends. */
const EDL_EXPORTS = 0x20;
/** DZG's meters give a power of 327.68 to 655.35 W in two bytes that say they are signed, and are not. */
const DZG = [0x44, 0x5a, 0x47];
const TWO_BYTES = 0x10000;

/** The quantity of a phase by value group C, less 20 by phase: 1 and 2, 16, 11 and 12. */
function slotOf(c: number, d: number, e: number): number {
  if (d === 8) return c >= 1 && c <= 4 && e <= 4 ? (c - 1) * TARIFFS.length + e : -1;
  if (d !== 7 || e !== 0) return -1;
  if (c === 14) return FREQUENCY;
  // 15 is the amount of 16, whose sign then stands in the status.
  if (c === 15) return BY_PHASE + POWER;
  const phase = Math.floor((c - 1) / 20);
  if (phase >= PHASES.length) return -1;
  const quantity = [1, 2, 16, 11, 12].indexOf(c - 20 * phase);
  return quantity < 0 || (phase === 0 && quantity > POWER)
    ? -1
    : BY_PHASE + phase * OF_A_PHASE.length + quantity;
}

function unitOf(slot: number): number {
  if (slot < 2 * TARIFFS.length) return WH;
  if (slot < BY_PHASE) return VARH;
  if (slot === FREQUENCY) return HZ;
  const quantity = (slot - BY_PHASE) % OF_A_PHASE.length;
  return quantity <= POWER ? W : quantity === POWER + 1 ? A : V;
}

/** The largest amount that any meter can mean. */
function limitOf(slot: number): number {
  const unit = unitOf(slot);
  if (unit === V) return 1000;
  if (unit === A) return 10_000;
  if (unit === HZ) return 100;
  return unit === W ? 10_000_000 : Number.MAX_SAFE_INTEGER;
}

/** Reads SML files, one after the other, into `values`. */
export class SmlList {
  /** By slot, NaN for what the meter has not sent. */
  readonly values = new Float64Array(SML_CHANNELS.length);
  readonly #cursor = new SmlCursor();
  #isDzg = false;
  #status = Number.NaN;
  #isShortPower = false;

  /** False when the file is not whole or has no list of readings. */
  read(bytes: Uint8Array, length: number): boolean {
    const cursor = this.#cursor;
    cursor.open(bytes, length);
    this.values.fill(Number.NaN);
    this.#isDzg = false;
    this.#status = Number.NaN;
    this.#isShortPower = false;
    let hasList = false;
    while (!cursor.isAtEnd) {
      if (
        !cursor.enterList(MESSAGE_ELEMENTS) ||
        !cursor.skip(3) ||
        !cursor.enterList(2) ||
        !cursor.nextValue()
      )
        return false;
      const isList = cursor.number === GET_LIST_RESPONSE;
      if (isList ? !this.#readList() : !cursor.skip(1)) return false;
      // The message's own CRC, which the file's covers too, and its end.
      if (!cursor.skip(2)) return false;
      hasList ||= isList;
    }
    if (hasList) this.#mendPower();
    return hasList;
  }

  /** Whether a meter can mean what was read. */
  isPlausible(): boolean {
    const { values } = this;
    for (let slot = 0; slot < CLOCK; slot++) {
      const value = values[slot];
      if (Math.abs(value) > limitOf(slot) || (value < 0 && !isSigned(slot))) return false;
    }
    return true;
  }

  #readList(): boolean {
    const cursor = this.#cursor;
    if (!cursor.enterList(LIST_ELEMENTS) || !cursor.skip(1) || !cursor.nextValue()) return false;
    this.#readServer();
    if (!cursor.skip(1) || !this.#readTime()) return false;
    if (!cursor.next() || cursor.type !== SmlType.list) return false;
    const entries = cursor.length;
    for (let entry = 0; entry < entries; entry++) if (!this.#readEntry()) return false;
    return cursor.skip(2);
  }

  #readServer(): void {
    const cursor = this.#cursor;
    this.#isDzg = cursor.length === 10 && DZG.every((byte, index) => cursor.byteAt(2 + index) === byte);
  }

  #readTime(): boolean {
    const cursor = this.#cursor;
    if (!cursor.next()) return false;
    // Absent, or, against the standard, a number alone.
    if (cursor.type !== SmlType.list) return true;
    if (cursor.length !== 2 || !cursor.nextValue()) return false;
    const choice = cursor.number;
    if (choice === LOCAL_TIMESTAMP) {
      if (!cursor.enterList(3) || !cursor.nextValue()) return false;
      this.values[CLOCK] = cursor.number;
      return cursor.skip(2);
    }
    if (choice !== TIMESTAMP) return cursor.skip(1);
    if (!cursor.nextValue()) return false;
    this.values[CLOCK] = cursor.number;
    return true;
  }

  /** Name, status, time, unit, scaler, value, signature: all but name and value may be absent. */
  #readEntry(): boolean {
    const cursor = this.#cursor;
    if (!cursor.enterList(ENTRY_ELEMENTS) || !cursor.nextValue()) return false;
    const slot = this.#slot();
    if (slot < 0) return cursor.skip(ENTRY_ELEMENTS - 1);
    if (!cursor.nextValue()) return false;
    const status = cursor.number;
    if (!cursor.skip(1) || !cursor.nextValue()) return false;
    const unit = cursor.number;
    if (!cursor.nextValue()) return false;
    const scaler = cursor.length === 0 ? 0 : cursor.number;
    if (!cursor.nextValue()) return false;
    this.#accept(slot, status, unit, scaler);
    return cursor.skip(1);
  }

  /** OBIS in six bytes, A-B:C.D.E*F: 1-0 is electricity, and FF is now. */
  #slot(): number {
    const cursor = this.#cursor;
    if (cursor.type !== SmlType.text || cursor.length !== 6) return -1;
    if (cursor.byteAt(0) !== 1 || cursor.byteAt(1) !== 0 || cursor.byteAt(5) !== 0xff) return -1;
    return slotOf(cursor.byteAt(2), cursor.byteAt(3), cursor.byteAt(4));
  }

  #accept(slot: number, status: number, unit: number, scaler: number): void {
    if (unit !== unitOf(slot) || !(Math.abs(scaler) <= MAX_SCALER)) return;
    const { number, type, length } = this.#cursor;
    // A whole power of ten divides exactly where a fraction of one would round.
    this.values[slot] = scaler < 0 ? number / 10 ** -scaler : number * 10 ** scaler;
    if (slot < 2 * TARIFFS.length && !Number.isNaN(status)) this.#status = status;
    if (slot === BY_PHASE + POWER)
      this.#isShortPower = type === SmlType.signed && length === 2 && scaler === -2;
  }

  /** The sign of the power, where a meter has that in the status of its registers alone, or has it wrong. */
  #mendPower(): void {
    const slot = BY_PHASE + POWER;
    const watts = this.values[slot];
    if (!Number.isNaN(this.#status)) {
      const exports = this.#exports();
      if (watts > 0 && exports) this.values[slot] = -watts;
      if (watts < 0 && !exports && this.#isDzg && this.#isShortPower)
        this.values[slot] = watts + TWO_BYTES / 100;
    }
    for (let phase = 0; phase < PHASES.length; phase++) this.#split(BY_PHASE + phase * OF_A_PHASE.length);
  }

  #exports(): boolean {
    const status = this.#status;
    // Some status words are longer than 32 bits.
    const low = status % 0x1_0000;
    return ((low & 0xff) === FNN_STATUS ? low & FNN_EXPORTS : low & EDL_EXPORTS) !== 0;
  }

  /** Import and export of a signed power, where the meter does not send them. */
  #split(slot: number): void {
    const { values } = this;
    const watts = values[slot + POWER];
    if (Number.isNaN(watts) || !Number.isNaN(values[slot]) || !Number.isNaN(values[slot + 1])) return;
    values[slot] = Math.max(watts, 0);
    values[slot + 1] = Math.max(-watts, 0);
  }
}

function isSigned(slot: number): boolean {
  return slot >= BY_PHASE && slot < FREQUENCY && (slot - BY_PHASE) % OF_A_PHASE.length === POWER;
}
