import { CborWriter } from "../frame/cbor";
import { FRAME, type RecordHead } from "./record";

/** In flash: a word for each field. */
const WORDS = 9;
export const LOSSES_BYTES = 4 * WORDS;
/** An array of 10 items of at most 5 bytes. */
const EVENT_BYTES = 1 + 10 * 5;
/** The kind of event, see docs/events.md. */
const OVERFLOW = 1;

/** What was dropped, unsent, to make room. */
export class Losses {
  frames = 0;
  readings = 0;
  /** Events other than statements of a loss, which are merged. */
  events = 0;
  #firstBoot = 0;
  #firstSeq = 0;
  #lastBoot = 0;
  #lastSeq = 0;
  /** Unix seconds; 0 when there are none. */
  #start = 0;
  #end = 0;

  /** What a gap record holds. */
  static decode(bytes: Uint8Array): Losses {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, WORDS);
    const losses = new Losses();
    losses.#firstBoot = words[0];
    losses.#firstSeq = words[1];
    losses.#lastBoot = words[2];
    losses.#lastSeq = words[3];
    losses.frames = words[4];
    losses.readings = words[5];
    losses.#start = words[6];
    losses.#end = words[7];
    losses.events = words[8];
    return losses;
  }

  encode(): Uint8Array {
    const words = Uint32Array.of(
      this.#firstBoot,
      this.#firstSeq,
      this.#lastBoot,
      this.#lastSeq,
      this.frames,
      this.readings,
      this.#start,
      this.#end,
      this.events,
    );
    return new Uint8Array(words.buffer);
  }

  /** A frame or an event behind those that were added before. */
  add({ kind, boot, seq, readings, start, end }: RecordHead): void {
    if (kind !== FRAME) {
      this.events++;
      return;
    }
    if (!this.frames) {
      this.#firstBoot = boot;
      this.#firstSeq = seq;
    }
    this.#lastBoot = boot;
    this.#lastSeq = seq;
    this.frames++;
    this.readings += readings;
    this.#span(start, end);
  }

  /** What was lost later. */
  merge(later: Losses): void {
    if (later.frames && !this.frames) {
      this.#firstBoot = later.#firstBoot;
      this.#firstSeq = later.#firstSeq;
    }
    if (later.frames) {
      this.#lastBoot = later.#lastBoot;
      this.#lastSeq = later.#lastSeq;
    }
    this.frames += later.frames;
    this.readings += later.readings;
    this.events += later.events;
    this.#span(later.#start, later.#end);
  }

  #span(start: number, end: number): void {
    if (start && (!this.#start || start < this.#start)) this.#start = start;
    if (end > this.#end) this.#end = end;
  }

  /** As an event, see docs/events.md. */
  get event(): Uint8Array {
    const writer = new CborWriter(new Uint8Array(EVENT_BYTES));
    writer.array(10);
    writer.integer(OVERFLOW);
    for (const number of [this.#firstBoot, this.#firstSeq, this.#lastBoot, this.#lastSeq]) {
      if (this.frames) writer.integer(number);
      else writer.null();
    }
    writer.integer(this.frames);
    writer.integer(this.readings);
    for (const time of [this.#start, this.#end]) {
      if (time) writer.integer(time);
      else writer.null();
    }
    writer.integer(this.events);
    return writer.written;
  }
}
