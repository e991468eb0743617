import type { Hal } from "../hal";
import { quantise, Recorder } from "../lowpower/recorder";
import { type State, type StreamState, saveState } from "../lowpower/state";
import type { Timekeeper } from "../lowpower/timekeeper";
import { profileOf } from "../model/profiles";
import { clockStepEvent, lostEvent, newEpochEvent } from "./events";
import { FlashOutbox, MAX_FRAME_BYTES, type Outbox, type StoredRecord } from "./flash-outbox";
import { dateFrame } from "./frame/date";
import { encodeFrame } from "./frame/encode";
import { decodeNote, encodeNote } from "./note";

/** Envelope, t0, count and times: what a frame takes beside its columns, at most. */
const ENVELOPE_BYTES = 64;
/** A column's head in CBOR, at most: an array of up to 65,535. */
const HEAD_BYTES = 3;
/** No integer takes more than twice the bytes in CBOR that it takes in a row. */
const GROWTH = 2;

/** Bytes of rows that make no frame longer than the outbox takes. */
export function longestRows(columns: number): number {
  return Math.floor((MAX_FRAME_BYTES - ENVELOPE_BYTES - HEAD_BYTES * columns) / GROWTH);
}

/**
 * From open batches to durable frames. What retained memory loses is in the note of the frame that was stored last:
 * registers, and up to where each point's readings are surely there.
 */
export class Store {
  readonly #hal: Hal;
  readonly #state: State;
  readonly #time: Timekeeper;
  #outbox: FlashOutbox | undefined;
  #mayBeTorn: boolean;
  /** False while a boot wires: see `save`. */
  #isSaving = false;

  /** @param mayBeTorn the last run may have ended while it wrote to flash. */
  constructor(hal: Hal, state: State, time: Timekeeper, mayBeTorn: boolean) {
    this.#hal = hal;
    this.#state = state;
    this.#time = time;
    this.#mayBeTorn = mayBeTorn || state.streams.some(({ storingId }) => storingId);
  }

  /** Undefined, and logged, when it cannot be opened now. */
  open(): Outbox | undefined {
    const { storage, log } = this.#hal;
    if (this.#outbox) return this.#outbox;
    try {
      if (!storage.flash) throw new Error("this platform has no flash storage");
      this.#outbox = new FlashOutbox(storage.flash, { ...this.#state, clean: !this.#mayBeTorn });
    } catch (error) {
      log(`the outbox cannot be opened (${error})`);
      return undefined;
    }
    this.#sayNewEpoch(this.#outbox);
    return this.#outbox;
  }

  close(): void {
    this.#outbox?.close();
    this.#outbox = undefined;
  }

  /**
   * What the epoch before has left: the registers of a stream, or undefined. Opens the outbox.
   * @param length how many numbers they are to be.
   */
  registersBefore(point: number, profile: number, length: number): number[] | undefined {
    this.open();
    const note = decodeNote(this.#outbox?.lastNote);
    const stream = note?.streams.find((noted) => noted.point === point && noted.profile === profile);
    return stream?.registers.length === length ? stream.registers : undefined;
  }

  /** A reset came while a batch was being stored: it is in the outbox, or still open. */
  finish(): void {
    for (const saved of this.#state.streams) {
      if (!saved.storingId) continue;
      const profile = profileOf(saved.profile);
      if (profile && this.open()?.has(saved.storingId)) {
        this.#setEnd(saved);
        new Recorder(profile, saved.batch, 1).clear();
        this.#state.counters.frames++;
      }
      saved.storingId = 0;
    }
  }

  /**
   * Closes a batch into a frame: from here on it is durable. A store that fails keeps the batch open, and only one
   * that is full is given up.
   *
   * Retained memory knows before that this is under way, and after that it is done: a reset in between must neither
   * use a number twice nor store a reading twice.
   */
  store(recorder: Recorder, saved: StreamState): void {
    const { batch } = saved;
    const state = this.#state;
    if (!batch.count) return;
    const outbox = this.open();
    const stored = outbox !== undefined && this.#append(outbox, recorder, saved);
    if (stored) {
      state.counters.frames++;
      this.#setEnd(saved);
    } else if (recorder.isFull) this.#lose(recorder, saved);
    if (stored || recorder.isFull) recorder.clear();
    this.save();
  }

  /** What an earlier plan has left open. It is full, whatever its limit was. */
  storeSaved(saved: StreamState): void {
    const profile = profileOf(saved.profile);
    if (profile) this.store(new Recorder(profile, saved.batch, 1), saved);
    else {
      this.#state.counters.lost += saved.batch.count;
      this.#hal.log(`point ${saved.point}: there is no profile ${saved.profile} any more, its batch is lost`);
    }
  }

  /** The clock was set to what our own one cannot explain. */
  sayClockStep(stepMs: number): void {
    const { boot, seq } = this.#state;
    this.open()?.appendEvent(0, clockStepEvent(boot, seq, stepMs));
  }

  /** What is sent: a frame that was stored undated gets its date, if its epoch's ticks can still be told. */
  dated({ kind, payload, note: bytes }: StoredRecord): Uint8Array {
    const note = kind === "frame" ? decodeNote(bytes) : undefined;
    const time = note?.boot === this.#state.boot ? this.#time.at(note.start) : undefined;
    if (!note || time === undefined) return payload;
    return dateFrame(payload, quantise(time / 1000, note.exponent), this.#time.errorAt(note.start));
  }

  /**
   * While a boot wires, retained memory stays as it was found: what is left open may no longer fit beside settings that
   * have grown, and to store it again after a reset gives the same frame.
   */
  save(): void {
    if (this.#isSaving) saveState(this.#state, this.#hal.retained);
  }

  /** The boot has wired all that it has found. */
  beginSaving(): void {
    this.#isSaving = true;
  }

  #append(outbox: Outbox, recorder: Recorder, saved: StreamState): boolean {
    const state = this.#state;
    const { batch } = saved;
    const { boot, seq } = state;
    this.#sayLost(outbox);
    const frame = this.#encode(recorder);
    // The note is there when its frame is: what the frame holds counts as stored.
    const stored = { ...saved, end: secondsOrNull(this.#time.at(batch.end)) ?? Number.NaN };
    const streams = state.streams.map((stream) => (stream === saved ? stored : stream));
    const note = encodeNote({ ...state, streams }, batch.start, recorder.profile.columns[0].exponent);
    const meta = {
      point: saved.point,
      boot,
      seq,
      readings: batch.count,
      start: secondsOrNull(this.#time.at(batch.start)),
      end: secondsOrNull(this.#time.at(batch.end)),
    };
    state.seq++;
    saved.storingId = outbox.lastId + 1;
    this.save();
    const isStored = outbox.append(meta, frame, note);
    state.lastFrameId = outbox.lastId;
    state.dropped = outbox.dropped;
    saved.storingId = 0;
    return isStored;
  }

  #encode(recorder: Recorder): Uint8Array {
    const { boot, seq } = this.#state;
    const content = recorder.content(boot, seq, (ticks) => this.#time.at(ticks));
    const bytes = ENVELOPE_BYTES + HEAD_BYTES * content.columns + GROWTH * recorder.batch.length;
    return encodeFrame(content, new Uint8Array(bytes));
  }

  #setEnd(saved: StreamState): void {
    saved.end = secondsOrNull(this.#time.at(saved.batch.end)) ?? Number.NaN;
  }

  #lose({ batch }: Recorder, saved: StreamState): void {
    const state = this.#state;
    const from = secondsOrNull(this.#time.at(batch.start)) ?? Number.NaN;
    if (state.counters.lost === state.lostSaid) state.lostFrom = from;
    state.lostTo = secondsOrNull(this.#time.at(batch.end)) ?? Number.NaN;
    state.counters.lost += batch.count;
    this.#hal.log(`point ${saved.point}: ${batch.count} readings cannot be stored, and are lost`);
  }

  /** The store works again: first of all it takes what was lost meanwhile. */
  #sayLost(outbox: Outbox): void {
    const state = this.#state;
    const lost = state.counters.lost - state.lostSaid;
    if (!lost) return;
    const event = lostEvent(state.boot, state.seq, lost, state.lostFrom, state.lostTo);
    if (outbox.appendEvent(0, event)) state.lostSaid = state.counters.lost;
  }

  #sayNewEpoch(outbox: FlashOutbox): void {
    const state = this.#state;
    if (!state.isEpochUnsaid) return;
    const before = decodeNote(outbox.lastNote);
    if (!before || before.boot === state.boot || outbox.appendEvent(0, newEpochEvent(state.boot, before))) {
      state.isEpochUnsaid = 0;
      this.save();
    }
  }
}

function secondsOrNull(time: number | undefined): number | null {
  return time === undefined ? null : Math.floor(time / 1000);
}
