import type { Config } from "../config";
import type { Hal } from "../hal";
import { quantise, Recorder } from "../lowpower/recorder";
import { type State, type StreamState, saveState } from "../lowpower/state";
import { LARGEST_ERROR_MS, type Timekeeper } from "../lowpower/timekeeper";
import { type Profile, profileOf } from "../model/profiles";
import { clockStepEvent, lostEvent, newEpochEvent } from "./events";
import { encodeFrameAs } from "./frame/choice";
import { dateFrame, stateError } from "./frame/date";
import { decodeNote, encodeNote } from "./note";
import { FlashOutbox, MAX_FRAME_BYTES, type Outbox, type StoredRecord } from "./outbox";

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
  readonly #body: Config["frame"];
  readonly #profiles: readonly Profile[];
  #outbox: FlashOutbox | undefined;
  readonly #mayBeTorn: boolean;
  /** False while a boot wires: see `save`. */
  #isSaving = false;
  /** Of what this outbox has found damaged, how much is counted. */
  #damagedCounted = 0;

  /**
   * @param profiles of the plan's streams.
   * @param mayBeTorn the last run may have ended while it wrote to flash.
   */
  constructor(
    hal: Hal,
    body: Config["frame"],
    state: State,
    time: Timekeeper,
    profiles: readonly Profile[],
    mayBeTorn: boolean,
  ) {
    this.#hal = hal;
    this.#body = body;
    this.#profiles = profiles;
    this.#state = state;
    this.#time = time;
    this.#mayBeTorn = mayBeTorn || state.streams.some(({ storingId }) => storingId);
  }

  /** Undefined, and logged, when it cannot be opened now. */
  open(): FlashOutbox | undefined {
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
    this.#damagedCounted = 0;
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
    const { boot, seq } = this.#state;
    for (const saved of this.#state.streams) {
      if (!saved.storingId) continue;
      const profile = this.#profileOf(saved.profile);
      if (profile && this.open()?.hasFrame(saved.storingId, boot, seq - 1)) {
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
    } else if (recorder.isFull) {
      this.#hal.log(`point ${saved.point}: ${batch.count} readings cannot be stored, and are lost`);
      this.#lose(saved);
    }
    if (stored || recorder.isFull) recorder.clear();
    this.save();
  }

  /** What an earlier plan has left open. It is full, whatever its limit was. */
  storeSaved(saved: StreamState): void {
    const profile = this.#profileOf(saved.profile);
    if (profile) this.store(new Recorder(profile, saved.batch, 1), saved);
    else {
      this.#hal.log(`point ${saved.point}: there is no profile ${saved.profile} any more, its batch is lost`);
      this.#lose(saved);
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
    if (!this.#isSaving) return;
    const damaged = this.#outbox?.damaged ?? 0;
    this.#state.counters.damaged += damaged - this.#damagedCounted;
    this.#damagedCounted = damaged;
    saveState(this.#state, this.#hal.retained);
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
    const note = this.#note(recorder, saved);
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

  /** It is there only with its frame, so it says of the stream what holds then. */
  #note({ batch, profile }: Recorder, saved: StreamState): Uint8Array {
    const { end } = saved;
    this.#setEnd(saved);
    const note = encodeNote(this.#state, batch.start, profile.columns[0].exponent);
    saved.end = end;
    return note;
  }

  #encode(recorder: Recorder): Uint8Array {
    const { boot, seq } = this.#state;
    const content = recorder.content(boot, seq, (ticks) => this.#time.at(ticks));
    const bytes = ENVELOPE_BYTES + HEAD_BYTES * content.columns + GROWTH * recorder.batch.length;
    // The dense body is made with t0, which an undated frame gets only when it is sent.
    const body = content.dated ? this.#body : "plain";
    const frame = encodeFrameAs(body, content, recorder.profile.columns, new Uint8Array(bytes));
    const { start, end } = recorder.batch;
    const errorMs = Math.max(this.#time.errorAt(start), this.#time.errorAt(end));
    return content.dated && errorMs > LARGEST_ERROR_MS ? stateError(frame, errorMs) : frame;
  }

  #profileOf(number: number): Profile | undefined {
    return this.#profiles.find((profile) => profile.number === number) ?? profileOf(number);
  }

  #setEnd(saved: StreamState): void {
    saved.end = secondsOrNull(this.#time.at(saved.batch.end)) ?? Number.NaN;
  }

  /** Counted, and said as soon as the outbox takes it. */
  #lose({ batch }: StreamState): void {
    const state = this.#state;
    const from = secondsOrNull(this.#time.at(batch.start)) ?? Number.NaN;
    if (state.counters.lost === state.lostSaid) state.lostFrom = from;
    state.lostTo = secondsOrNull(this.#time.at(batch.end)) ?? Number.NaN;
    state.counters.lost += batch.count;
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
