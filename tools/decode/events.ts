import { asInteger, checked, DecodeError } from "./checked";

/** What a terminal says beside its readings, see docs/events.md. Times are Unix seconds, null when they are not known. */
export type TerminalEvent =
  | {
      kind: "overflow";
      /** Null when only events were dropped. */
      first: FrameNumber | null;
      last: FrameNumber | null;
      frames: number;
      readings: number;
      from: number | null;
      to: number | null;
      /** Events that were dropped with them. */
      events: number;
    }
  | { kind: "new epoch"; boot: number; before: FrameNumber; ends: { point: number; end: number | null }[] }
  | { kind: "lost"; at: FrameNumber; readings: number; from: number | null; to: number | null }
  | { kind: "clock step"; at: FrameNumber; stepMs: number }
  /** Of a kind that this version does not know. */
  | { kind: "unknown"; number: number };

/** What numbers a frame of a device. */
export interface FrameNumber {
  boot: number;
  seq: number;
}

export type EventResult = { ok: true; event: TerminalEvent } | { ok: false; error: string };

/** Decodes an event. Never throws: what is wrong comes back as one line that names the place. */
export function decodeEvent(payload: Uint8Array): EventResult {
  const result = checked(payload, eventOf);
  return result.ok ? { ok: true, event: result.value } : result;
}

function eventOf(item: unknown): TerminalEvent {
  if (!Array.isArray(item)) throw new DecodeError("not an event");
  const integer = (index: number, low = 0) => integerAt(item[index], `item ${index}`, low);
  const seconds = (index: number) => (item[index] === null ? null : integer(index));
  const frame = (index: number) => ({ boot: integer(index), seq: integer(index + 1) });
  const kind = integer(0);
  if (kind === 1) {
    const [from, to] = [seconds(7), seconds(8)];
    return {
      kind: "overflow",
      first: item[1] === null ? null : frame(1),
      last: item[3] === null ? null : frame(3),
      frames: integer(5),
      readings: integer(6),
      from,
      to,
      events: item.length > 9 ? integer(9) : 0,
    };
  }
  if (kind === 2) return { kind: "new epoch", boot: integer(1), before: frame(2), ends: endsOf(item[4]) };
  if (kind === 3)
    return { kind: "lost", at: frame(1), readings: integer(3), from: seconds(4), to: seconds(5) };
  if (kind === 4) return { kind: "clock step", at: frame(1), stepMs: integer(3, -Number.MAX_SAFE_INTEGER) };
  return { kind: "unknown", number: kind };
}

function endsOf(item: unknown): { point: number; end: number | null }[] {
  if (!Array.isArray(item)) throw new DecodeError("item 4: not an array");
  return item.map((pair: unknown, index) => {
    const place = `item 4, ${index}`;
    if (!Array.isArray(pair)) throw new DecodeError(`${place}: not an array`);
    const [point, end] = pair;
    return {
      point: integerAt(point, place, 0),
      end: end === null ? null : integerAt(end, place, 0),
    };
  });
}

function integerAt(value: unknown, place: string, low: number): number {
  const integer = asInteger(value, low, Number.MAX_SAFE_INTEGER);
  if (integer === undefined) throw new DecodeError(`${place}: not an integer of ${low} or more`);
  return integer;
}
