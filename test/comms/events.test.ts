import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clockStepEvent, lostEvent, newEpochEvent } from "../../src/comms/events";
import { decodeEvent } from "../../tools/decode/events";

const seconds = fc.oneof(fc.nat(2 ** 33), fc.constant(Number.NaN));
const number = fc.nat(2 ** 32 - 1);
/** As a reader has it. */
const orNull = (value: number) => (Number.isNaN(value) ? null : value);

describe("what a terminal says beside its readings", () => {
  it("is of a new epoch where each point's readings end, of up to eight points", () => {
    const streams = fc.array(fc.record({ point: fc.nat(255), end: seconds }), { maxLength: 8 });
    fc.assert(
      fc.property(number, number, number, streams, (boot, was, seq, points) => {
        const noted = points.map((point) => ({ ...point, profile: 1, registers: [] }));
        const note = { boot: was, seq, start: 0, exponent: 0, streams: noted };
        const ends = points.map(({ point, end }) => ({ point, end: orNull(end) }));
        const event = { kind: "new epoch", boot, before: { boot: was, seq }, ends };
        expect(decodeEvent(newEpochEvent(boot, note))).toEqual({ ok: true, event });
      }),
    );
  });

  it("is how many readings were lost, and of when, if that is known", () => {
    fc.assert(
      fc.property(number, number, number, seconds, seconds, (boot, seq, readings, from, to) => {
        const event = { kind: "lost", at: { boot, seq }, readings, from: orNull(from), to: orNull(to) };
        expect(decodeEvent(lostEvent(boot, seq, readings, from, to))).toEqual({ ok: true, event });
      }),
    );
  });

  it("is by how much its clock has gone, either way", () => {
    fc.assert(
      fc.property(number, number, fc.maxSafeInteger(), (boot, seq, stepMs) => {
        const event = { kind: "clock step", at: { boot, seq }, stepMs };
        expect(decodeEvent(clockStepEvent(boot, seq, stepMs))).toEqual({ ok: true, event });
      }),
    );
  });
});
