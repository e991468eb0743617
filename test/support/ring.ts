import { decode } from "cbor-x";
import { expect } from "vitest";
import { BLOCK_BYTES, createFlash, Partition } from "../../hal-mocks/flash";
import { Power } from "../../hal-mocks/power";
import { FlashOutbox, type FrameMeta, type StoredRecord } from "../../src/comms/outbox";

const BOOT = 3_575_348_104;
const T0 = 1_780_264_800;

/** The id of what was under way as the power went. */
const UNKNOWN = 0;

/** A frame or event that the outbox has accepted. */
interface Expected {
  id: number;
  kind: "frame" | "event";
  meta: FrameMeta;
  payload: Uint8Array;
  note: Uint8Array;
}

/** A stated loss, as docs/events.md has it. */
export interface Gap {
  id: number;
  first: number | null;
  last: number | null;
  frames: number;
  readings: number;
  from: number | null;
  to: number | null;
  events: number;
}

export function ringOf(blocks: number) {
  const partition = new Partition({ byteLength: blocks * BLOCK_BYTES });
  const storage = createFlash(new Map([["outbox", partition]]));
  return { partition, storage };
}

/** Every fifth frame is not dated. */
export function metaOf(seq: number): FrameMeta {
  const start = seq % 5 === 4 ? null : T0 + 60 * seq;
  return { point: seq % 3, boot: BOOT, seq, readings: 1 + (seq % 7), start, end: start && start + 50 };
}

export function bytesOf(seq: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (seq * 31 + index * 7 + (index >> 8)) & 0xff);
}

export function gapOf({ id, payload }: StoredRecord): Gap {
  const [kind, , first, , last, frames, readings, from, to, events] = decode(payload);
  expect(kind).toBe(1);
  return { id, first, last, frames, readings, from, to, events };
}

/** Everything that waits, oldest first. */
export function drain(outbox: FlashOutbox): StoredRecord[] {
  const records: StoredRecord[] = [];
  for (let next = outbox.next(0); next; next = outbox.next(next.id)) records.push(next);
  return records;
}

/** An outbox beside a plain list of what it has to hold, with a supply that can be cut. */
export class RingModel {
  readonly partition: Partition;
  readonly power = new Power();
  readonly #storage: ReturnType<typeof createFlash>;
  outbox: FlashOutbox;
  /** What waits, or has been lost since it was last looked. */
  #waiting: Expected[] = [];
  /** Acknowledged, or under way as the power went: may be there or not. */
  #uncertain: Expected[] = [];
  /** Gaps that wait, and that were delivered. */
  #gaps: Gap[] = [];
  #deliveredGaps: Gap[] = [];
  #notes: Uint8Array[] = [];
  #seq = 0;
  #lastId = 0;
  readonly lost = { frames: 0, readings: 0, events: 0 };

  constructor(blocks: number) {
    const { partition, storage } = ringOf(blocks);
    this.partition = partition;
    partition.power = this.power;
    this.#storage = storage;
    this.outbox = this.#open(false);
  }

  #open(clean: boolean): FlashOutbox {
    return new FlashOutbox(this.#storage, { clean });
  }

  get waits(): number {
    return this.#waiting.length + this.#gaps.length;
  }

  append(length: number, noteLength: number): void {
    const seq = this.#seq++;
    const meta = metaOf(seq);
    const payload = bytesOf(seq, length);
    const note = bytesOf(seq + 1, noteLength);
    this.#add({ id: UNKNOWN, kind: "frame", meta, payload, note }, () =>
      this.outbox.append(meta, payload, note),
    );
  }

  appendEvent(length: number): void {
    const seq = this.#seq++;
    const meta = { ...metaOf(seq), readings: 0 };
    const payload = bytesOf(seq, length);
    const added: Expected = { id: UNKNOWN, kind: "event", meta, payload, note: new Uint8Array(0) };
    this.#add(added, () => this.outbox.appendEvent(meta.point, payload));
  }

  #add(record: Expected, store: () => boolean): void {
    const isStored = store();
    if (!this.power.isOn) {
      this.#uncertain.push(record);
      this.#recover(record);
      return;
    }
    expect(isStored).toBe(true);
    record.id = this.outbox.lastId;
    expect(record.id).toBeGreaterThan(this.#lastId);
    this.#lastId = record.id;
    this.#waiting.push(record);
    if (record.note.length) this.#notes.push(record.note);
    expect(this.outbox.has(record.id)).toBe(true);
  }

  /** Acknowledges what waits at this place. */
  acknowledge(index: number): void {
    let id = 0;
    for (let count = 0; count <= index; count++) {
      const next = this.outbox.next(id);
      if (!next) break;
      ({ id } = next);
    }
    if (!id) return;
    // What it has dropped by then is lost before it is acknowledged.
    this.check();
    this.outbox.acknowledge(id);
    const isOurs = (record: { id: number }) => record.id === id;
    this.#uncertain.push(...this.#waiting.filter(isOurs));
    this.#deliveredGaps.push(...this.#gaps.filter(isOurs));
    this.#waiting = this.#waiting.filter((record) => !isOurs(record));
    this.#gaps = this.#gaps.filter((gap) => !isOurs(gap));
    if (!this.power.isOn) this.#recover();
    else expect(this.outbox.has(id)).toBe(false);
  }

  /** @param clean as a caller would say that knows how the last write has ended. */
  reopen(clean: boolean): void {
    const { isClean } = this.outbox;
    this.outbox.close();
    this.outbox = this.#open(clean && isClean);
    this.#checkAnew();
  }

  /** @param under way as the power went. */
  #recover(underWay?: Expected): void {
    this.power.restore();
    this.outbox = this.#open(false);
    this.#checkAnew(underWay);
  }

  #checkAnew(underWay?: Expected): void {
    const newest = this.#notes[this.#notes.length - 1];
    const { lastNote } = this.outbox;
    const isUnderWay = underWay?.note.length && lastNote && Buffer.compare(lastNote, underWay.note) === 0;
    if (isUnderWay) this.#notes.push(underWay.note);
    else expect(lastNote).toEqual(newest);
    expect(this.outbox.lastId).toBeGreaterThanOrEqual(this.#lastId);
    this.check(this.#uncertain);
    this.#uncertain = [];
    this.#lastId = this.outbox.lastId;
  }

  /** Compares all that waits with the list. @param possible what may be there beside it. */
  check(possible: readonly Expected[] = []): void {
    const { outbox } = this;
    const records = drain(outbox);
    expect(records.map(({ id }) => id)).toEqual(
      [...new Set(records.map(({ id }) => id))].sort((a, b) => a - b),
    );
    expect(outbox.count).toBe(records.length);
    expect(outbox.damaged).toBe(0);
    const candidates = [...this.#waiting, ...possible];
    const held: Expected[] = [];
    this.#gaps = [];
    for (const record of records) {
      const match = candidates.find((candidate) => isSame(candidate, record));
      if (match) held.push({ ...match, id: record.id });
      else this.#gaps.push(gapOf(record));
    }
    const oldest = Math.min(...held.filter(({ kind }) => kind === "frame").map(({ meta }) => meta.seq));
    const lost = this.#waiting.filter(({ meta }) => !held.some((record) => record.meta.seq === meta.seq));
    for (const { kind, meta } of lost) {
      if (kind === "frame") this.lost.frames++;
      else this.lost.events++;
      this.lost.readings += meta.readings;
      expect(meta.seq).toBeLessThan(oldest);
    }
    this.#waiting = held;
    // One whose acknowledgement was lost with the power waits again.
    this.#deliveredGaps = this.#deliveredGaps.filter(({ id }) => !this.#gaps.some((gap) => gap.id === id));
    this.#checkGaps(lost.filter(({ kind }) => kind === "frame"));
  }

  #checkGaps(lost: readonly Expected[]): void {
    const gaps = [...this.#gaps, ...this.#deliveredGaps];
    const stated = { frames: 0, readings: 0, events: 0 };
    for (const { frames, readings, events } of gaps) {
      stated.frames += frames;
      stated.readings += readings;
      stated.events += events;
    }
    expect(stated).toEqual(this.lost);
    expect(this.outbox.dropped).toBe(this.lost.frames);
    for (const { meta } of lost) expect(gaps.some((gap) => covers(gap, meta))).toBe(true);
  }
}

function covers({ first, last, from, to }: Gap, { seq, start, end }: FrameMeta): boolean {
  if (first === null || last === null || seq < first || seq > last) return false;
  return start === null || end === null || (from !== null && to !== null && start >= from && end <= to);
}

function isSame(expected: Expected, record: StoredRecord): boolean {
  return (
    (expected.id === UNKNOWN || expected.id === record.id) &&
    expected.kind === record.kind &&
    expected.meta.point === record.point &&
    Buffer.compare(expected.payload, record.payload) === 0 &&
    Buffer.compare(expected.note, record.note) === 0
  );
}
