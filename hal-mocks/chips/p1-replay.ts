import type { Timer } from "../../src/hal";
import type { SerialChip, SerialLine } from "../serial";

/** A recorded P1 stream, cut into what was sent at one time. */
export interface P1Recording {
  /** The recording had bare LF; CR LF, over which a meter computes its checksum, was restored. */
  restoredLineEnds: boolean;
  /** What stands before the first telegram: as a rule the end of one whose beginning was missed. */
  lead: Uint8Array;
  telegrams: { at: number; bytes: Uint8Array }[];
}

const SLASH = 0x2f;
const LF = 0x0a;
const CR = 0x0d;
const CLOCK = /0-0:1\.0\.0\((\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)([SW])\)/;
const VERSION_5 = /1-3:0\.2\.8\(5\d\)|0-0:96\.1\.4\(5\d+\)/;
/** Maker, identification, an empty line: how a telegram begins, wherever its `/` stands. */
const HEAD = /^\/[A-Za-z]{3}[^A-Za-z\r\n][^\r\n]*\r\n\r\n/;
const HEAD_BYTES = 64;
const TELEGRAM_BYTES = 4096;
/** A clock that leaps by more was set, or the recording is made of several. */
const LONGEST_GAP_MS = 3_600_000;

/**
 * Cuts a recording at each telegram's `/`. A telegram's moment is what its own clock says, as long as that goes on
 * from the one before. One without a clock comes 1 s (DSMR 5) or 10 s (before) after the one before it; so does one
 * whose clock goes back or leaps ahead by more than an hour, and those behind it follow as their clocks say.
 * Where a recording has any bare LF, CR LF is restored: a meter sends nothing else, and some programs that record
 * serial lines drop the CR.
 * @param utcOffset the meter's standard time in minutes east of UTC.
 * @param start Unix milliseconds of the first telegram, if it has no clock.
 */
export function parseRecording(recorded: Uint8Array, utcOffset = 60, start = 0): P1Recording {
  const bytes = restoreLineEnds(recorded);
  const starts: number[] = [];
  bytes.forEach((byte, index) => {
    if (byte === SLASH && isBeginning(bytes, index)) starts.push(index);
  });
  const timing = new Timing(start);
  const telegrams = starts.map((from, index) => {
    const telegram = bytes.subarray(from, starts[index + 1] ?? bytes.length);
    const text = textOf(telegram, TELEGRAM_BYTES);
    return { at: timing.next(clockOf(text, utcOffset), periodOf(text)), bytes: telegram };
  });
  const lead = bytes.subarray(0, starts[0] ?? bytes.length);
  return { restoredLineEnds: bytes.length > recorded.length, lead, telegrams };
}

/** Damage makes a `/` of a `.` or a `-`: within a line, only what looks like a telegram's head begins one. */
function isBeginning(bytes: Uint8Array, at: number): boolean {
  return at === 0 || bytes[at - 1] === LF || HEAD.test(textOf(bytes.subarray(at), HEAD_BYTES));
}

function textOf(bytes: Uint8Array, maximum: number): string {
  return String.fromCharCode(...bytes.subarray(0, maximum));
}

/** When telegrams are sent, one after the other. */
class Timing {
  readonly #start: number;
  #last: number | undefined;
  /** How far the replay's time is ahead of the meter's clock. */
  #ahead = 0;

  constructor(start: number) {
    this.#start = start;
  }

  next(clock: number | undefined, period: number): number {
    const at = this.#at(clock, period);
    if (clock !== undefined) this.#ahead = at - clock;
    this.#last = at;
    return at;
  }

  #at(clock: number | undefined, period: number): number {
    const last = this.#last;
    if (last === undefined) return clock ?? this.#start;
    const at = clock === undefined ? undefined : clock + this.#ahead;
    return at !== undefined && at >= last && at <= last + LONGEST_GAP_MS ? at : last + period;
  }
}

function restoreLineEnds(recorded: Uint8Array): Uint8Array {
  const restored: number[] = [];
  for (let index = 0; index < recorded.length; index++) {
    if (recorded[index] === LF && recorded[index - 1] !== CR) restored.push(CR);
    restored.push(recorded[index]);
  }
  return Uint8Array.from(restored);
}

/** What the telegram's own clock says, in Unix milliseconds. */
export function clockOf(text: string, utcOffset: number): number | undefined {
  const found = CLOCK.exec(text);
  if (!found) return undefined;
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number);
  const local = Date.UTC(2000 + year, month - 1, day, hour, minute, second);
  return local - (utcOffset + (found[7] === "S" ? 60 : 0)) * 60_000;
}

function periodOf(text: string): number {
  return VERSION_5.test(text) ? 1000 : 10_000;
}

export interface P1ReplaySettings {
  /** Virtual time: Unix milliseconds. */
  clock: {
    readonly now: number;
    set(callback: () => void, ms: number): Timer;
    clear(timer: Timer | undefined): void;
  };
  recording: P1Recording;
}

/**
 * Sends a recording with its own timing while the port is open; what comes while it is closed is lost, as on a
 * real line. Telegrams of one moment follow each other as fast as the line allows.
 */
export class P1Replay implements SerialChip {
  readonly #settings: P1ReplaySettings;
  #index = 0;
  #led = false;
  #timer: Timer | undefined;

  constructor(settings: P1ReplaySettings) {
    this.#settings = settings;
  }

  /** Telegrams that have not had their turn. */
  get remaining(): number {
    return this.#settings.recording.telegrams.length - this.#index;
  }

  onOpen(line: SerialLine): void {
    const { clock, recording } = this.#settings;
    while (this.remaining && recording.telegrams[this.#index].at < clock.now) this.#index++;
    if (!this.#led && !this.#index && recording.lead.length) line.send(recording.lead);
    this.#led = true;
    this.#schedule(line);
  }

  onClose(): void {
    this.#settings.clock.clear(this.#timer);
    this.#timer = undefined;
  }

  #schedule(line: SerialLine): void {
    const { clock, recording } = this.#settings;
    const next = recording.telegrams[this.#index];
    if (!next) return;
    this.#timer = clock.set(
      () => {
        this.#index++;
        line.send(next.bytes);
        this.#schedule(line);
      },
      Math.max(next.at - clock.now, 0),
    );
  }
}
