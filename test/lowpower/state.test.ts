import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RetainedMemory } from "../../hal-mocks/retained";
import { crc32 } from "../../src/crc32";
import { emptyBatch } from "../../src/lowpower/recorder";
import {
  AppTrust,
  loadAppTrust,
  loadState,
  newState,
  rowBytes,
  type State,
  saveState,
} from "../../src/lowpower/state";
import { profiles } from "../../src/model/profiles";

function someState(): State {
  const state = newState(4_000_000_000);
  state.seq = 7;
  state.lastFrameId = 12;
  state.sessionDue = 2 ** 40 + 1;
  state.attempt = 3;
  state.dropped = 5;
  state.counters.lost = 8;
  state.device = "0a1b2c3d4e5f";
  state.provisioned = '{"ssid":"Zürich ☂"}';
  state.counters.readings[3] = 9;
  state.counters.frames = 2 ** 33;
  state.counters.acknowledged = 2 ** 33 - 1;
  state.counters.sessions = 21;
  state.counters.failedSessions = 5;
  const batch = emptyBatch(profiles.meter3, 100);
  batch.count = 2;
  batch.length = 5;
  batch.start = 10;
  batch.end = 20;
  batch.capacity = 5;
  batch.rows = Uint8Array.of(1, 2, 3, 4, 5);
  batch.last[1] = -(2 ** 53 - 1);
  const registers = Float64Array.of(1, 2, 3, 4, Number.NaN, 6);
  const triggers = Float64Array.of(230.5, Number.NaN, 1);
  state.streams.push({
    point: 0,
    profile: 2,
    due: 60_000,
    storingId: 13,
    end: 1_780_000_000,
    source: 4_000_000_001,
    lead: 431,
    spare: 225,
    floor: 107,
    taken: 17,
    batch,
    registers,
    triggers,
  });
  state.time = {
    ticks: 5,
    time: 1_780_000_000_123,
    errorMs: 510,
    slip: -2_900,
    slipError: 130,
    ...{ baseTicks: 2, baseTime: 1_780_000_000_120, baseErrorMs: 520 },
    due: 7,
    doubt: 9,
  };
  state.link = { channel: 11, broker: 1 };
  state.resets = 3;
  state.reset0 = 6;
  state.stayUntil = 1_780_000_600_000;
  state.appTrust = AppTrust.refused;
  return state;
}

describe("retained state", () => {
  it("comes back as it was saved", () => {
    const retained = new RetainedMemory();
    const state = someState();
    saveState(state, retained);
    const { batch } = state.streams[0];
    state.streams[0].batch = { ...batch, rows: batch.rows.slice(0, batch.length) };
    expect(loadState(retained)).toEqual(state);
    expect(loadAppTrust(retained)).toBe(AppTrust.refused);
  });

  it("is no state after a power loss", () => {
    const retained = new RetainedMemory();
    expect(loadState(retained)).toBeUndefined();
    expect(loadAppTrust(retained)).toBe(AppTrust.unknown);
    saveState(someState(), retained);
    retained.lose();
    expect(loadState(retained)).toBeUndefined();
  });

  it("is no state when any one bit of it has flipped", () => {
    const retained = new RetainedMemory();
    for (let seed = 0; seed < 1000; seed++) {
      saveState(someState(), retained);
      retained.flip(seed, 1);
      expect(loadState(retained), `seed ${seed}`).toBeUndefined();
    }
  });

  it("is no state when another version of the firmware has written it", () => {
    const retained = new RetainedMemory();
    saveState(someState(), retained);
    const bytes = retained.read()!;
    const view = new DataView(bytes.buffer);
    view.setUint32(0, view.getUint32(0, true) + 1, true);
    retained.write(bytes);
    expect(loadState(retained)).toBeUndefined();
  });

  it("is no state when it is any other bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const retained = new RetainedMemory();
        retained.write(bytes);
        expect(loadState(retained)).toBeUndefined();
      }),
    );
  });

  it("leaves room for rows so that a full batch still fits", () => {
    const retained = new RetainedMemory(2048);
    const state = someState();
    const { registers, triggers } = state.streams[0];
    const numbers = profiles.meter3.columns.length + registers.length + triggers.length;
    const batch = emptyBatch(profiles.meter3, rowBytes(retained, state, 1, numbers));
    batch.rows = new Uint8Array(batch.capacity);
    batch.length = batch.capacity;
    state.streams[0].batch = batch;
    expect(() => saveState(state, retained)).not.toThrow();
    expect(batch.length).toBeGreaterThan(1000);
  });
});

describe("crc32", () => {
  it("has the check value of CRC-32/ISO-HDLC", () => {
    expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
  });

  it("is the same bit by bit, wherever the bytes lie and whichever of them it is of", () => {
    const part = fc.tuple(fc.uint8Array({ maxLength: 70 }), fc.nat(7), fc.nat(70), fc.nat(70));
    fc.assert(
      fc.property(part, ([content, offset, from, to]) => {
        const bytes = new Uint8Array(new ArrayBuffer(offset + content.length), offset);
        bytes.set(content);
        const [start, end] = [Math.min(from, content.length), Math.min(Math.max(from, to), content.length)];
        expect(crc32(bytes, start, end)).toBe(naiveCrc32(content.subarray(start, end)));
        expect(crc32(bytes, start, end, crc32(bytes, 0, start))).toBe(crc32(bytes, 0, end));
      }),
    );
  });
});

function naiveCrc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}
