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
  readonly #sensors = new Map<string, Line<PartState>>();
  readonly #onSegment: ((segment: AnySegment) => void) | undefined;
  readonly #begin: number;
  #radio: RadioState = "off";
  /** Until when, in virtual milliseconds, an operation is under way. */
  #busyUntil = 0;
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
  }

  /** @throws OpenState when the radio is on: a firmware that forgets it would be surprised by its next boot. */
  sleep(): void {
    if (this.#radio !== "off")
      throw new OpenState(`energy: the radio is still "${this.#radio}" as the chip falls asleep`);
    this.#chip.enter("deep sleep", this.#clock.now);
  }

  /** The processor is busy for so long, which takes no virtual time. */
  work(ms: number): void {
    this.#settle();
    this.#chip.occupy("work", ms, this.#clock.now);
  }

  // ---- The radio ----

  radio(state: RadioState): void {
    const { now } = this.#clock;
    this.#settle();
    const wasOff = this.#radio === "off";
    this.#radio = state;
    if (state === "off") {
      this.#busyUntil = 0;
      if (!wasOff) this.#chip.enter("awake", now);
      return;
    }
    if (!wasOff) return;
    this.#chip.occupy("radio start", timings.radioStart.typical, now);
    this.#chip.enter("listen", now);
    this.#busyUntil = now;
  }

  operation(operation: LinkOperation, ms: number): void {
    if (this.#radio === "off") return;
    this.#settle();
    const { now } = this.#clock;
    this.#chip.enter(OPERATIONS[operation], now);
    this.#busyUntil = Math.max(this.#busyUntil, now + ms);
  }

  transmitted(byteLength: number): void {
    if (this.#radio === "off") return;
    this.#settle();
    this.#sent += byteLength;
    const { byte, packet } = timings;
    this.#chip.occupy("transmit", packet.typical + byteLength * byte.typical, this.#clock.now);
  }

  /** What has ended by itself since the last report. */
  #settle(): void {
    if (this.#radio === "off") return;
    const { now } = this.#clock;
    if (this.#busyUntil > now) return;
    this.#chip.enter("listen", this.#busyUntil);
    const tail = this.#busyUntil + timings.activeTail.typical;
    if (this.#radio === "up" && tail <= now) this.#chip.enter("associated", tail);
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
    const { now } = this.#clock;
    const at = Math.max(now, this.#chip.until);
    this.#chip.occupy(this.#radio === "off" ? "awake" : "listen", ms, at);
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

  // ---- The end ----

  /** Ends all lines; nothing may be reported any more. */
  finish(): Charges {
    this.#settle();
    const end = Math.max(this.#clock.now, this.#chip.until);
    const board = new Line<PartState>("on", this.#begin, this.#observe("board"));
    const lines: Consumer[] = [
      { name: "chip", line: this.#chip },
      { name: "flash", line: this.#flash },
      ...[...this.#sensors].map(([name, line]) => ({ name, line })),
      { name: "board", line: board },
    ];
    for (const { line } of lines) line.close(end);
    return chargesOf(lines, this.settings, { boots: this.#boots, sentBytes: this.#sent });
  }
}

/** What nobody has published takes no time here; `Charges.missing` says so. */
function knownMs(entry: Entry): number {
  return isKnown(entry) ? entry.typical : 0;
}
