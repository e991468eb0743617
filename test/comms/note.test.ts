import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeNote, encodeNote } from "../../src/comms/note";
import { newLead } from "../../src/lowpower/lead";
import { emptyBatch } from "../../src/lowpower/recorder";
import { newState, type StreamState } from "../../src/lowpower/state";
import { profiles } from "../../src/model/profiles";

const integer = fc.maxSafeNat();

function stream(point: number, end: number, registers: readonly number[]): StreamState {
  const batch = emptyBatch(profiles.meter1, 0);
  const rest = { ...newLead(), source: 1, due: 0, storingId: 0, batch, triggers: new Float64Array(0) };
  return { point, profile: 1, end, registers: Float64Array.from(registers), ...rest };
}

describe("a note", () => {
  it("gives back the epoch, the number, and each stream's end and registers", () => {
    const streams = fc.array(
      fc.tuple(fc.nat(255), fc.option(integer, { nil: Number.NaN }), fc.array(integer, { maxLength: 6 })),
      { maxLength: 3 },
    );
    fc.assert(
      fc.property(fc.nat(2 ** 32 - 1), integer, integer, streams, (boot, seq, start, list) => {
        const state = newState(boot);
        state.seq = seq;
        state.streams = list.map(([point, end, registers]) => stream(point, end, registers));
        expect(decodeNote(encodeNote(state, start, -1))).toEqual({
          boot,
          seq,
          start,
          exponent: -1,
          streams: list.map(([point, end, registers]) => ({ point, profile: 1, end, registers })),
        });
      }),
    );
  });

  it("has at most 255 bytes: of very many streams it keeps the first ones, whole", () => {
    const state = newState(1);
    state.streams = Array.from({ length: 40 }, (_, point) =>
      stream(point, 1_780_000_000, [1, 2, 3, 4, 5, 6]),
    );
    const bytes = encodeNote(state, 5, 0);
    expect(bytes.length).toBeLessThanOrEqual(255);
    const { streams } = decodeNote(bytes)!;
    expect(streams.length).toBeGreaterThan(10);
    for (const { registers } of streams) expect(registers).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("is none when there are no bytes, or of another version", () => {
    expect(decodeNote(undefined)).toBeUndefined();
    expect(decodeNote(new Uint8Array(0))).toBeUndefined();
    expect(decodeNote(Uint8Array.of(9, 1, 1, 1, 1))).toBeUndefined();
  });
});
