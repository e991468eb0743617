import { expect, it } from "vitest";
import { TerminalClock, VirtualClock } from "../../hal-mocks/clock";
import { settle } from "../../hal-mocks/node/settle";
import { createSerial, type SerialChip, type SerialLine, UART_FIFO } from "../../hal-mocks/serial";

class Chip implements SerialChip {
  line: SerialLine | undefined;
  readonly events: string[] = [];
  #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  onOpen(line: SerialLine): void {
    this.line = line;
    this.events.push("open");
  }

  onReceive(bytes: Uint8Array): void {
    this.events.push(`${[...bytes]}@${this.#clock.now}`);
  }

  onClose(): void {
    this.events.push("close");
  }
}

function create() {
  const clock = new VirtualClock(0, settle);
  const chip = new Chip(clock);
  const Serial = createSerial(new TerminalClock(clock), new Map([[0, chip]]));
  const open = (onReadable?: (count: number) => void) =>
    new Serial({ receive: 1, baud: 10_000, format: "buffer", onReadable });
  return { clock, chip, Serial, open };
}

it("paces bytes at the line's rate: 10 bits a byte, in chunks of a UART's FIFO", async () => {
  const { clock, chip, open } = create();
  const seen: [number, number][] = [];
  open((count) => seen.push([clock.now, count]));
  chip.line?.send(new Uint8Array(1500));
  chip.line?.send(new Uint8Array(100));
  await clock.runUntil(10_000);
  expect(seen).toEqual([
    [1024, 1024],
    [1500, 1500],
    [1600, 1600],
  ]);
});

it("gives bytes in order, by count, by buffer and by number", async () => {
  const { clock, chip, open } = create();
  const port = open();
  chip.line?.send(Uint8Array.of(1, 2, 3, 4, 5, 6, 7));
  await clock.runUntil(100);
  expect([...new Uint8Array(port.read(2)!)]).toEqual([1, 2]);
  const target = new Uint8Array(3);
  expect(port.read(target)).toBe(3);
  expect([...target]).toEqual([3, 4, 5]);
  port.format = "number";
  expect(port.read()).toBe(6);
  port.format = "buffer";
  expect([...new Uint8Array(port.read() as ArrayBuffer)]).toEqual([7]);
  expect(port.read()).toBeUndefined();
});

it("loses what was on its way when the port closes, and what nobody had read", async () => {
  const { clock, chip, open } = create();
  const port = open(() => expect.unreachable());
  chip.line?.send(new Uint8Array(100));
  port.close();
  port.close();
  chip.line?.send(new Uint8Array(100));
  await clock.runUntil(1000);
  expect(chip.events).toEqual(["open", "close"]);
  expect(() => port.read()).toThrow("closed");
  const again = open();
  await clock.runUntil(2000);
  expect(again.read()).toBeUndefined();
});

it("loses what does not fit in the driver's buffer, and keeps the rest", async () => {
  const { clock, chip, open } = create();
  let count = 0;
  const port = open((readable) => {
    count = readable;
  });
  chip.line?.send(new Uint8Array(10_000).map((_, index) => index % 251));
  await clock.runUntil(20_000);
  expect(count).toBe(8192);
  const bytes = new Uint8Array(port.read() as ArrayBuffer);
  expect(bytes.length).toBe(8192);
  expect(bytes.every((value, index) => value === index % 251)).toBe(true);
  chip.line?.send(Uint8Array.of(42));
  await clock.runUntil(30_000);
  expect([...new Uint8Array(port.read() as ArrayBuffer)]).toEqual([42]);
});

it("sends in order, paced, from a copy", async () => {
  const { clock, chip, open } = create();
  const port = open();
  const bytes = Uint8Array.of(1, 2, 3);
  port.write(bytes);
  expect(() => port.write(4)).toThrow("expected a buffer");
  port.format = "number";
  port.write(4);
  bytes.fill(9);
  await clock.runUntil(100);
  expect(chip.events).toEqual(["open", "1,2,3@3", "4@4"]);
});

it("takes what its transmit FIFO has room for, and says so", async () => {
  const { clock, Serial } = create();
  const room: number[] = [];
  const port = new Serial({
    transmit: 1,
    baud: 10_000,
    onWritable(this: unknown, count) {
      if (this === port) room.push(count);
    },
  });
  port.write(new Uint8Array(100));
  expect(() => port.write(new Uint8Array(29))).toThrow("output full");
  port.write(new Uint8Array(28));
  await clock.runUntil(100);
  port.write(new Uint8Array(100));
  await clock.runUntil(1000);
  expect(room).toContain(128);
});

it("calls back as the instance, with as much as it will give", async () => {
  const { clock, chip, Serial } = create();
  const port = new Serial({
    receive: 1,
    baud: 10_000,
    onReadable(this: unknown, count) {
      expect(this).toBe(port);
      expect(() => port.read(count + 1)).toThrow("5 are there");
      expect(port.read(count)!.byteLength).toBe(5);
    },
  });
  chip.line?.send(new Uint8Array(5));
  await clock.runUntil(100);
  expect.assertions(3);
});

it("can be as small as a UART's FIFO", async () => {
  const clock = new VirtualClock(0, settle);
  const chip = new Chip(clock);
  const Serial = createSerial(new TerminalClock(clock), new Map([[0, chip]]), UART_FIFO);
  const counts: number[] = [];
  const port = new Serial({ receive: 1, baud: 10_000, onReadable: (count) => counts.push(count) });
  chip.line?.send(new Uint8Array(300));
  await clock.runUntil(1000);
  expect(counts).toEqual([96, 128, 128, 128]);
  expect((port.read() as ArrayBuffer).byteLength).toBe(128);
});

it("opens a port once at a time", () => {
  const { open } = create();
  const port = open();
  expect(() => open()).toThrow("in use");
  port.close();
  open().close();
});

it("loses its ports with the board's RAM", async () => {
  const { clock, chip, Serial, open } = create();
  const old = open(() => expect.unreachable());
  chip.line?.send(new Uint8Array(10));
  Serial.reset();
  expect(chip.events).toEqual(["open", "close"]);
  expect(() => old.read()).toThrow("closed");
  const port = open();
  old.close();
  chip.line?.send(Uint8Array.of(5));
  await clock.runUntil(100);
  expect([...new Uint8Array(port.read() as ArrayBuffer)]).toEqual([5]);
});
