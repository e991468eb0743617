import type { Sample } from "../model/reading";
import { BELGIAN_VERSION, CLOCK, LIMITS, type ParsedLine, parseLine, SLOT_NAMES, VERSION } from "./p1-line";
import { MBusLines } from "./p1-mbus-lines";

/** DSMR 4.0 brought the checksum. */
const FIRST_VERSION_WITH_CHECKSUM = 40;

/** What the lines of the telegram under way say: one value a channel, and whether all of it could be read. */
export class P1Telegram {
  readonly #values = new Float64Array(SLOT_NAMES.length).fill(Number.NaN);
  readonly #parsed: ParsedLine = { slot: -1, value: Number.NaN, unit: 0, empty: false };
  #mbus: MBusLines | undefined;
  #wantsChecksum = false;
  #isUnreadable = false;
  #hasEmpty = false;
  #hasValues = false;

  /** @param readsMBus somebody wants what it says of meters on the M-Bus. */
  begin(readsMBus: boolean): void {
    this.#values.fill(Number.NaN);
    this.#mbus = readsMBus ? (this.#mbus ?? new MBusLines()) : undefined;
    this.#mbus?.clear();
    this.#wantsChecksum = false;
    this.#isUnreadable = false;
    this.#hasEmpty = false;
    this.#hasValues = false;
  }

  /** Of this telegram, where somebody wanted them when it began. */
  get mbus(): MBusLines | undefined {
    return this.#mbus;
  }

  /** Its version says that it has a checksum. */
  get wantsChecksum(): boolean {
    return this.#wantsChecksum;
  }

  /** Parameters as of `parseLine`. */
  read(bytes: Uint8Array, from: number, end: number, utcOffset: number): void {
    this.#mbus?.read(bytes, from, end, utcOffset);
    const parsed = this.#parsed;
    parseLine(bytes, from, end, utcOffset, parsed);
    const { slot, value } = parsed;
    if (slot < 0) return;
    if (slot === VERSION) this.#wantsChecksum ||= !(value < FIRST_VERSION_WITH_CHECKSUM);
    else if (slot === BELGIAN_VERSION) this.#wantsChecksum = true;
    else {
      this.#hasValues = true;
      // What can be read is never negative.
      if (value >= 0) this.#values[slot] = value;
      // A meter whose clock is not set sends one that cannot be.
      else if (slot === CLOCK) this.#values[slot] = Number.NaN;
      // A checksum vouches for a value left empty; without one it may be damage.
      else if (parsed.empty) this.#hasEmpty = true;
      else this.#isUnreadable = true;
    }
  }

  /** @param isVouchedFor its checksum is right. */
  isReadable(isVouchedFor: boolean): boolean {
    return !this.#isUnreadable && (isVouchedFor || (this.#hasValues && !this.#hasEmpty));
  }

  /** Whether a meter can mean it. */
  isPlausible(): boolean {
    const values = this.#values;
    for (let slot = 0; slot < values.length; slot++) if (values[slot] > LIMITS[slot]) return false;
    return true;
  }

  fill(sample: Sample): void {
    const values = this.#values;
    for (let slot = 0; slot < values.length; slot++) {
      const value = values[slot];
      if (value >= 0) sample[SLOT_NAMES[slot]] = value;
    }
  }
}
