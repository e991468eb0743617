import type { Timer } from "../../src/hal";
import type { SerialChip, SerialLine } from "../serial";

/** What was seen on a serial line at one time. */
export interface BusEvent {
  /** Milliseconds after the recording's start. */
  at: number;
  /** From the terminal to the device, or back. */
  isAsked: boolean;
  bytes: Uint8Array;
}

/** Whose line it was, so that the same terminal can read it again. */
export interface BusHead {
  /** Unix milliseconds. */
  start: number;
  /** The sensors on this line, as the setting says them. */
  sensors: string;
  mode: "sleeper" | "resident";
  /** Milliseconds between readings. */
  sampleMs: number;
}

export interface BusRecording extends BusHead {
  events: BusEvent[];
}

/** How a recording's first line begins. */
const MAGIC = '{"gridmote":"bus recording 1",';
const LINE = /^(\d{1,12}) ([<>]) ((?:[0-9a-f]{2})+)$/;

/** The first line of a recording. */
export function headLine({ start, sensors, mode, sampleMs }: BusHead): string {
  return JSON.stringify({
    gridmote: "bus recording 1",
    start: new Date(start).toISOString(),
    ...{ sensors, mode, sampleMs },
  });
}

/** One event: milliseconds after the start, `>` to the device or `<` from it, the bytes in hexadecimal. */
export function eventLine({ at, isAsked, bytes }: BusEvent): string {
  let hex = "";
  for (const byte of bytes) hex += byte.toString(16).padStart(2, "0");
  return `${Math.round(at)} ${isAsked ? ">" : "<"} ${hex}`;
}

export function isBusRecording(text: string): boolean {
  return text.startsWith(MAGIC);
}

/**
 * A recording from its text.
 * @throws RangeError that names the first line that is none.
 */
export function parseBusRecording(text: string): BusRecording {
  const [first, ...lines] = text.split("\n");
  const head = headOf(first);
  let last = 0;
  const events = lines.flatMap((line, index): BusEvent[] => {
    if (!line.trim()) return [];
    const [, at, way, hex] = LINE.exec(line.trim()) ?? [];
    if (hex === undefined || Number(at) < last)
      throw new RangeError(`line ${index + 2}: expected milliseconds that do not go back, < or >, and bytes`);
    last = Number(at);
    const bytes = Uint8Array.from({ length: hex.length / 2 }, (_, place) =>
      Number.parseInt(hex.slice(2 * place, 2 * place + 2), 16),
    );
    return [{ at: last, isAsked: way === ">", bytes }];
  });
  return { ...head, events };
}

function headOf(line: string): BusHead {
  let head: Record<string, unknown> = {};
  try {
    head = JSON.parse(line);
  } catch {}
  const { start, sensors, mode, sampleMs } = head;
  const moment = typeof start === "string" ? Date.parse(start) : Number.NaN;
  const isMode = mode === "sleeper" || mode === "resident";
  if (Number.isNaN(moment) || typeof sensors !== "string" || !isMode || typeof sampleMs !== "number")
    throw new RangeError("line 1: expected start, sensors, mode and sampleMs of a bus recording");
  return { start: moment, sensors, mode, sampleMs };
}

interface RecordingClock {
  readonly now: number;
  set(callback: () => void, ms: number): Timer;
  clear(timer: Timer | undefined): void;
}

/** The same chip, of whose line `onEvent` sees everything: what it sends, as it begins to, and what it hears. */
export function recorded(
  chip: SerialChip,
  clock: Pick<RecordingClock, "now">,
  start: number,
  onEvent: (event: BusEvent) => void,
): SerialChip {
  const see = (isAsked: boolean, bytes: Uint8Array) => onEvent({ at: clock.now - start, isAsked, bytes });
  const lines = new Map<SerialLine, SerialLine>();
  const around = (line: SerialLine): SerialLine => {
    const known = lines.get(line);
    if (known) return known;
    const heard: SerialLine = {
      get baud() {
        return line.baud;
      },
      send(bytes) {
        see(false, bytes);
        line.send(bytes);
      },
    };
    lines.set(line, heard);
    return heard;
  };
  return {
    onOpen: (line) => chip.onOpen?.(around(line)),
    onReceive(bytes, line) {
      see(true, bytes);
      chip.onReceive?.(bytes, around(line));
    },
    onClose: (line) => chip.onClose?.(around(line)),
  };
}

/** A question and what has come until the next one. */
interface Exchange {
  question: Uint8Array;
  answers: { afterMs: number; bytes: Uint8Array }[];
}

/** Of a device that talks by itself: in a longer pause the port was closed, or the device had nothing to say. */
const PAUSE_MS = 2000;
/** A terminal may wake by so much later than that which was recorded. */
const LATE_MS = 5000;

/**
 * A device that says what it said before. One that talks by itself says it at its time; what comes while the port is
 * closed is lost, but for what came behind a pause just before the port is opened: then it begins with that. One that is
 * asked answers each question as it did when it was asked so for the next time, as long after.
 */
export class BusReplay implements SerialChip {
  readonly #clock: RecordingClock;
  readonly #recording: BusRecording;
  readonly #exchanges: Exchange[] = [];
  #index = 0;
  #heard: number[] = [];
  #timer: Timer | undefined;
  /** Milliseconds by which what it says now is late. */
  #late = 0;

  constructor(clock: RecordingClock, recording: BusRecording) {
    this.#clock = clock;
    this.#recording = recording;
    let asked = Number.NaN;
    let wasAsked = false;
    for (const { at, isAsked, bytes } of recording.events) {
      const last = this.#exchanges.at(-1);
      // A question may have come in parts.
      if (isAsked && wasAsked && last) last.question = Uint8Array.of(...last.question, ...bytes);
      else if (isAsked) this.#exchanges.push({ question: bytes, answers: [] });
      else last?.answers.push({ afterMs: at - asked, bytes });
      if (isAsked) asked = at;
      wasAsked = isAsked;
    }
  }

  onOpen(line: SerialLine): void {
    this.#heard = [];
    if (this.#exchanges.length) return;
    this.#skip();
    this.#talk(line);
  }

  onClose(): void {
    this.#clock.clear(this.#timer);
    this.#timer = undefined;
  }

  onReceive(bytes: Uint8Array, line: SerialLine): void {
    this.#heard.push(...bytes);
    const heard = this.#heard;
    for (let index = this.#index; index < this.#exchanges.length; index++) {
      const { question, answers } = this.#exchanges[index];
      if (!begins(question, heard)) continue;
      // The rest of it may follow.
      if (question.length > heard.length) return;
      this.#index = index + 1;
      this.#heard = [];
      for (const { afterMs, bytes: answer } of answers) this.#clock.set(() => line.send(answer), afterMs);
      return;
    }
    this.#heard = [];
  }

  /** Past what came while the port was closed. */
  #skip(): void {
    const { start, events } = this.#recording;
    const now = this.#clock.now - start;
    for (; this.#index < events.length; this.#index++) {
      this.#late = Math.max(now - events[this.#index].at, 0);
      if (!this.#late || (this.#late <= LATE_MS && this.#isBehindPause)) return;
    }
  }

  get #isBehindPause(): boolean {
    const { events } = this.#recording;
    return !this.#index || events[this.#index].at - events[this.#index - 1].at > PAUSE_MS;
  }

  #talk(line: SerialLine): void {
    const { start, events } = this.#recording;
    const next = events[this.#index];
    if (!next) return;
    const dueMs = start + next.at + this.#late - this.#clock.now;
    this.#timer = this.#clock.set(
      () => {
        this.#index++;
        if (this.#index < events.length && this.#isBehindPause) this.#late = 0;
        line.send(next.bytes);
        this.#talk(line);
      },
      Math.max(dueMs, 0),
    );
  }
}

function begins(question: Uint8Array, heard: readonly number[]): boolean {
  return heard.length <= question.length && heard.every((byte, index) => byte === question[index]);
}
