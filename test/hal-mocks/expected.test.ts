import { describe, expect, it } from "vitest";
import { ExpectedSerial } from "../../hal-mocks/expected-serial";
import { ExpectedTcp } from "../../hal-mocks/expected-tcp";
import { createSerial } from "../../hal-mocks/serial";
import { createTcp } from "../../hal-mocks/tcp";
import { StepClock } from "../support/step-clock";

const LIST = [{ request: "01 02", answers: [{ hex: "0a" }, { hex: "0b", afterMs: 50 }] }, { request: "03" }];

function serial(writes: readonly number[][]) {
  const clock = new StepClock();
  const chip = new ExpectedSerial(clock, LIST);
  const heard: number[] = [];
  const port = new (createSerial(clock, new Map([[0, chip]])))({
    ...{ receive: 1, transmit: 2, baud: 9600, format: "buffer" },
    onReadable: () => heard.push(...new Uint8Array(port.read() as ArrayBuffer), clock.ticks),
  });
  for (const bytes of writes) {
    port.write(Uint8Array.from(bytes));
    clock.pass(100);
  }
  return { chip, heard };
}

describe("expected transactions over a serial line", () => {
  it("are answered chunk by chunk, at their times", () => {
    const { chip, heard } = serial([[1, 2], [3]]);
    expect(heard).toEqual([0x0a, 5, 0x0b, 55]);
    expect(() => chip.verify()).not.toThrow();
  });

  it.each([
    ["is missing", [[1, 2]], "03 was not sent"],
    ["is wrong", [[1, 4], [3]], "sent 01 04, expected 01 02"],
    ["is one too many", [[1, 2], [3], [5]], "sent 05, expected nothing more"],
  ])("fail when one %s", (_what, writes, message) => {
    expect(() => serial(writes).chip.verify()).toThrow(message);
  });
});

describe("TCP in virtual time", () => {
  it("connects, answers and is refused, each after its way", () => {
    const clock = new StepClock();
    const peer = new ExpectedTcp(clock, LIST);
    const Tcp = createTcp(clock, new Map([["192.0.2.1:502", peer]]), { latencyMs: 5 });
    const events: string[] = [];
    const open = (address: string) =>
      new Tcp({
        ...{ address, port: 502 },
        onWritable: () => events.push(`writable ${clock.ticks}`),
        onReadable: (count) => events.push(`${count} readable ${clock.ticks}`),
        onError: () => events.push(`error ${clock.ticks}`),
      });
    const socket = open("192.0.2.1");
    open("192.0.2.2");
    expect(() => socket.write(Uint8Array.of(1))).toThrow("not connected");
    clock.pass(20);
    socket.write(Uint8Array.of(1, 2));
    clock.pass(100);
    expect(events).toEqual(["writable 10", "error 10", "1 readable 30", "2 readable 80"]);
    const bytes = new Uint8Array(4);
    expect([socket.read(bytes), ...bytes.subarray(0, 2)]).toEqual([2, 0x0a, 0x0b]);
    socket.close();
    expect(() => socket.read(bytes)).toThrow("closed");
    expect(() => peer.verify()).toThrow("03 was not sent");
  });
});
