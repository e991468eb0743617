import { beforeAll, describe, expect, it } from "vitest";
import { driverBenches } from "../support/driver-benches";
import {
  concat,
  hasRecordedTelegrams,
  recordedStream,
  recordedTelegram,
  recordedTelegramNames,
  telegram,
} from "../support/dsmr";
import { SML_FILES } from "../support/sml-files";
import { BUILD_TIMEOUT_MS, hasCompiler, onXs, target } from "../support/target";
import frames from "./programs/frames";
import modbus from "./programs/modbus";
import numbers from "./programs/numbers";
import p1 from "./programs/p1";
import sensors from "./programs/sensors";

/** As the program p1 takes them. */
function blocks(...parts: readonly Uint8Array[]): Uint8Array {
  const sized = parts.flatMap((part) => {
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, part.length);
    return [length, part];
  });
  return concat(...sized);
}

/** Line by line, so that a difference is one line and not a book. */
function expectSame(xs: string, node: string): void {
  const lines = xs.split("\n");
  const expected = node.split("\n");
  const first = expected.findIndex((line, index) => line !== lines[index]);
  expect(lines[first]).toBe(expected[first]);
  expect(lines.length).toBe(expected.length);
}

describe.runIf(hasCompiler())("XS gives what Node gives", () => {
  beforeAll(() => {
    expect(target([])).toMatchObject({ status: 0, stderr: "" });
  }, BUILD_TIMEOUT_MS);

  it("for frames, and for what the recorder makes of samples", () => {
    const onNode = frames();
    expect(onNode.split("\n").length).toBeGreaterThan(500);
    expectSame(onXs("frames"), onNode);
  });

  it("for checksums, wakes, rounding, rows, settings, channels and descriptors", () => {
    const onNode = numbers();
    expect(onNode.split("\n").length).toBe(2100);
    expectSame(onXs("numbers"), onNode);
  });

  it("for Modbus meters, inverters and batteries, in order and with faults", () => {
    const onNode = modbus();
    expect(onNode.split("\n").length).toBeGreaterThan(500);
    for (const quality of [0, 1, 2, 3]) expect(onNode.includes(`quality ${quality} `)).toBe(true);
    expectSame(onXs("modbus"), onNode);
  });

  it("for every driver of sensors with its device, in order and with faults", () => {
    const onNode = sensors();
    const names = [...driverBenches.map(({ name }) => name), ...Object.keys(SML_FILES)];
    for (const name of names) expect(`\n${onNode}`).toContain(`\n${name}: quality 0 `);
    for (const quality of [1, 3, 7]) expect(onNode).toContain(`quality ${quality} `);
    expectSame(onXs("sensors"), onNode);
  });

  it("for telegrams, whole and broken", () => {
    const whole = telegram(["1-3:0.2.8(50)", "0-0:1.0.0(260601120000S)", "1-0:1.8.1(001234.567*kWh)"]);
    const broken = Uint8Array.from(whole, (byte, index) => (index === 60 ? byte ^ 1 : byte));
    const input = blocks(whole, broken, whole.subarray(9), concat(broken, whole, whole));
    const onNode = p1(input);
    expect(onNode).toContain('"ei_t1":1234567');
    expect(onNode).toContain('"quality":3');
    expectSame(onXs("p1", input), onNode);
  });
});

describe.runIf(hasCompiler() && hasRecordedTelegrams())("XS reads recorded meters as Node does", () => {
  it("every telegram", () => {
    const input = blocks(...recordedTelegramNames().map(recordedTelegram));
    const onNode = p1(input);
    expect(onNode.split("\n").length).toBeGreaterThan(recordedTelegramNames().length);
    expectSame(onXs("p1", input), onNode);
  });

  it("a whole stream", () => {
    const input = blocks(recordedStream());
    expectSame(onXs("p1", input), p1(input));
  });
});
