import { type MeterValues, P1Meter } from "../hal-mocks/chips/p1-meter";
import type { SerialLine } from "../hal-mocks/serial";
import type { Timer } from "../src/hal";
import { P1 } from "../src/sensors/p1";
import { Feed } from "./programs/port";

const CHUNK_BYTES = 1024;
/** Telegrams in the stream that is pushed again and again. */
const TELEGRAMS = 256;
const START = Date.UTC(2026, 5, 1);

/** Bytes a second and telegrams a second that go through the P1 driver, three-phase DSMR 5, on this machine. */
export function benchP1(seconds = 2): { bytesPerSecond: number; telegramsPerSecond: number } {
  const stream = meterStream();
  const feed = new Feed();
  let telegrams = 0;
  const p1 = new P1({
    sensor: { io: feed.io },
    onSample: () => {
      if (p1.sample()?.quality === 0) telegrams++;
    },
  });
  const push = () => feed.push(stream, CHUNK_BYTES);
  // Until the engine has compiled it.
  for (let count = 0; count < 20; count++) push();
  telegrams = 0;
  let bytes = 0;
  const start = performance.now();
  let elapsed = 0;
  do {
    push();
    bytes += stream.length;
    elapsed = (performance.now() - start) / 1000;
  } while (elapsed < seconds);
  p1.close();
  if (telegrams !== (bytes / stream.length) * TELEGRAMS) throw new Error("bench: a telegram was not read");
  return { bytesPerSecond: bytes / elapsed, telegramsPerSecond: telegrams / elapsed };
}

function meterStream(): Uint8Array {
  let now = START;
  let next: (() => void) | undefined;
  const clock = {
    get now() {
      return now;
    },
    set(callback: () => void): Timer {
      next = callback;
      return {} as Timer;
    },
    clear(): void {},
  };
  const parts: Uint8Array[] = [];
  const line: SerialLine = { baud: 115_200, send: (bytes) => parts.push(bytes.slice()) };
  new P1Meter({ clock, values }).onOpen(line);
  for (let count = 0; count < TELEGRAMS; count++) {
    now += 1000;
    next?.();
  }
  const stream = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    stream.set(part, at);
    at += part.length;
  }
  return stream;
}

function values(time: number): MeterValues {
  const second = (time - START) / 1000;
  const phase = (index: number) => ({
    v: 230 + ((second + index) % 50) / 10,
    i: (second + index) % 16,
    importW: (second * 7 + index * 31) % 3000,
    exportW: 0,
  });
  return {
    tariff: 1 + (Math.floor(second / 100) % 2),
    importWh: [3_432_827 + second, 3_224_632],
    exportWh: [12_345, 678],
    importW: (second * 21) % 9000,
    exportW: 0,
    phases: [phase(0), phase(1), phase(2)],
  };
}
