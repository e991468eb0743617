import type { LinkOperation } from "../link";
import { type Activity, OPERATIONS } from "./activity";
import { type Charges, type Consumer, chargesOf } from "./charges";
import { type Entry, isKnown } from "./figure";
import { Line, type Segment } from "./line";
import type { PowerProbe, RadioState } from "./probe";
import type { EnergySettings } from "./settings";
import { timings } from "./timings";

/** What a consumer beside the chip does. */
export type PartState = "off" | "on" | "program" | "erase";

export type AnySegment = Segment<string> & { consumer: string };

/** A state that a terminal must have left is still there as it sleeps. */
export class OpenState extends Error {
  override name = "OpenState";
}

const PAGE_BYTES = 256;

/**
 * The ledger of one terminal: what its mocks report becomes states of its chip and of what else draws current, without a
 * gap from its first boot to `finish`. What the firmware did not do is not in it.
 */
export class EnergyAccount implements PowerProbe {
  readonly settings: EnergySettings;
  readonly #clock: { readonly now: number };
  readonly #bootMs: number;
  readonly #validationMs: number;
  readonly #chip: Line<Activity>;
  readonly #flash: Line<PartState>;
  readonly #board: Line<PartState>;
  readonly #sensors = new Map<string, Line<PartState>>();
  readonly #onSegment: ((segment: AnySegment) => void) | undefined;
  readonly #begin: number;
  #radio: RadioState = "off";
  /** Until when, in virtual milliseconds, an operation is under way. */
  #busyUntil = 0;
  /** By how many milliseconds the ledger is behind: what took no virtual time, and has still to be waited for. */
  #lag = 0;
  #boots = 0;
  #sent = 0;

  /** @param onSegment sees each stretch of time as it ends, of each consumer in order. */
  constructor(
    settings: EnergySettings,
    clock: { readonly now: number },
    onSegment?: (segment: AnySegment) => void,
  ) {
    this.settings = settings;
    this.#clock = clock;
    this.#onSegment = onSegment;
    const { boot, validation } = timings;
    this.#bootMs = knownMs(boot[settings.chip]);
    this.#validationMs = settings.validates ? knownMs(validation[settings.chip]) : 0;
    // The world begins when the firmware does: the boot is before.
    this.#begin = clock.now - this.#bootMs - this.#validationMs;
    this.#chip = new Line<Activity>("deep sleep", this.#begin, this.#observe("chip"));
    this.#flash = new Line<PartState>("off", this.#begin, this.#observe("flash"));
    this.#board = new Line<PartState>("on", this.#begin, this.#observe("board"));
  }

  #observe(consumer: string) {
    const observe = this.#onSegment;
    return observe && ((segment: Segment<string>) => observe({ ...segment, consumer }));
  }

  // ---- The chip ----

  /**
   * The chip boots, and so leaves whatever it was in.
   * @param isPlanned a timer woke it, and early enough: its boot is over now. Else it begins now.
   */
  boot(isPlanned: boolean): void {
    const { now } = this.#clock;
    this.#boots++;
    const begin = isPlanned ? now - this.#bootMs - this.#validationMs : now;
    if (this.#validationMs) this.#chip.occupy("validation", this.#validationMs, begin);
    if (this.#bootMs) this.#chip.occupy("boot", this.#bootMs, begin + this.#validationMs);
    this.#chip.enter("awake", now);
    this.#lag = Math.max(this.#chip.until - now, 0);
  }

  /** @throws OpenState when the radio is on: a firmware that forgets it would be surprised by its next boot. */
  sleep(): void {
    if (this.#radio !== "off")
      throw new OpenState(`energy: the radio is still "${this.#radio}" as the chip falls asleep`);
    this.#chip.enter("deep sleep", this.#settle());
    this.#lag = 0;
  }

  /** The processor is busy for so long, which takes no virtual time. */
  work(ms: number): void {
    this.#spend("work", ms);
  }

  #spend(activity: Activity, ms: number): void {
    const at = this.#settle();
    this.#chip.occupy(activity, ms, at);
    if (this.#busyUntil > at) this.#busyUntil += ms;
    this.#lag += ms;
  }

  // ---- The radio ----

  radio(state: RadioState): void {
    const at = this.#settle();
    const wasOff = this.#radio === "off";
    this.#radio = state;
    if (state === "off" && !wasOff) this.#chip.enter("awake", at);
    if (state === "off" || !wasOff) return;
    // It is a part of the time that the association takes.
    this.#chip.occupy("radio start", timings.radioStart.typical, at);
    this.#chip.enter("listen", at);
    this.#busyUntil = at;
  }

  operation(operation: LinkOperation, ms: number): void {
    if (this.#radio === "off") return;
    const at = this.#settle();
    this.#chip.enter(OPERATIONS[operation], at);
    this.#busyUntil = Math.max(this.#busyUntil, at + ms);
    // The network's time is another chip's.
    const more = operation === "derive" ? timings.derive[this.settings.chip].typical - ms : 0;
    if (more > 0) this.#spend("derive key", more);
  }

  transmitted(byteLength: number): void {
    if (this.#radio === "off") return;
    this.#sent += byteLength;
    const { byte, packet } = timings;
    this.#chip.occupy("transmit", packet.typical + byteLength * byte.typical, this.#settle());
  }

  /**
   * Ends what has ended by itself since the last report.
   * @returns now, and behind it as much as the ledger is behind virtual time: what the processor did meanwhile.
   */
  #settle(): number {
    const { now } = this.#clock;
    const at = now + this.#lag;
    if (this.#radio !== "off" && this.#busyUntil <= at) {
      this.#chip.enter("listen", this.#busyUntil);
      const tail = this.#busyUntil + timings.activeTail.typical;
      if (this.#radio === "up" && tail <= at) this.#chip.enter("associated", tail);
    }
    // What only waits makes up for it.
    const isWaiting = this.#chip.state === "associated" || this.#chip.state === "awake";
    if (isWaiting) this.#lag = Math.min(this.#lag, Math.max(this.#chip.until - now, 0));
    return now + this.#lag;
  }

  // ---- What else draws current ----

  programmed(byteLength: number): void {
    this.#useFlash("program", Math.ceil(byteLength / PAGE_BYTES) * timings.pageProgram.typical);
  }

  erased(blocks: number): void {
    this.#useFlash("erase", blocks * timings.blockErase.typical);
  }

  /** Code runs from flash: the processor waits meanwhile. */
  #useFlash(state: "program" | "erase", ms: number): void {
    this.#settle();
    const at = Math.max(this.#clock.now, this.#chip.until);
    this.#spend(this.#radio === "off" ? "awake" : "listen", ms);
    this.#flash.occupy(state, ms, at);
  }

  /** A sensor measures for so long from now on; else it is in power-down. */
  measure(sensor: string, ms: number): void {
    let line = this.#sensors.get(sensor);
    if (!line) {
      line = new Line<PartState>("off", this.#begin, this.#observe(sensor));
      this.#sensors.set(sensor, line);
    }
    line.occupy("on", ms, this.#clock.now);
  }

  // ---- The sum ----

  /** What was drawn since the last call, or the first boot. Counting goes on. */
  take(): Charges {
    this.#settle();
    const end = Math.max(this.#clock.now, this.#chip.until);
    const lines = this.#lines();
    for (const { line } of lines) line.settle(end);
    const counts = { boots: this.#boots, sentBytes: this.#sent };
    const charges = chargesOf(lines, this.settings, counts);
    for (const { line } of lines) line.totals.clear();
    this.#boots = 0;
    this.#sent = 0;
    return charges;
  }

  /** The last `take`: nothing may be reported any more. */
  finish(): Charges {
    const charges = this.take();
    for (const { line } of this.#lines()) line.close(this.#clock.now);
    return charges;
  }

  #lines(): Consumer[] {
    return [
      { name: "chip", line: this.#chip },
      { name: "flash", line: this.#flash },
      ...[...this.#sensors].map(([name, line]) => ({ name, line })),
      { name: "board", line: this.#board },
    ];
  }
}

/** What nobody has published takes no time here; `Charges.missing` says so. */
function knownMs(entry: Entry): number {
  return isKnown(entry) ? entry.typical : 0;
}
