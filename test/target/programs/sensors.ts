import { bytesOfHex } from "../../../hal-mocks/expected";
import { createSerial, type SerialLine } from "../../../hal-mocks/serial";
import type { Sample } from "../../../src/model/reading";
import { Sml } from "../../../src/sensors/sml";
import { driverBenches, type Tap } from "../../support/driver-benches";
import { SML_FILES } from "../../support/sml-files";
import { StepClock } from "../../support/step-clock";
import { hex } from "./hex";

const HALF_MINUTE_MS = 30_000;

/** Every few answers one is cut off, left out, or has a bit changed: as many as leave good samples of long ones too. */
function faulty(): Tap {
  let count = 0;
  return (bytes) => {
    const kind = count++ % 97;
    if (kind === 41) return undefined;
    if (kind === 61) return bytes.subarray(0, bytes.length >> 1);
    return kind === 79 ? bytes.map((byte, index) => (index === bytes.length - 2 ? byte ^ 8 : byte)) : bytes;
  };
}

/** Engines write the same double in other digits, where two are as near. */
function bitsOf({ quality, ...values }: Sample): string {
  const parts = Object.entries(values).map(([name, value]) => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, value!);
    return `${name}=${hex(bytes)}`;
  });
  return `quality ${quality} ${parts.join(" ")}`;
}

/** What each maker's meter has sent. */
function smlFiles(lines: string[]): void {
  for (const [name, file] of Object.entries(SML_FILES)) {
    const clock = new StepClock();
    const chip = { onOpen: (line: SerialLine) => line.send(bytesOfHex(file)) };
    const io = createSerial(clock, new Map([[0, chip]]));
    const driver = new Sml({
      ...{ sensor: { io, receive: 1 }, clock },
      onSample: () => lines.push(`${name}: ${bitsOf(driver.sample()!)}`),
    });
    clock.pass(5000);
    driver.close();
  }
}

/** Half a minute of every driver with its device, whose answers are now and then damaged. */
export default function sensors(): string {
  const lines: string[] = [];
  smlFiles(lines);
  for (const { name, open } of driverBenches) {
    const clock = new StepClock();
    const driver = open(clock, () => lines.push(`${name}: ${bitsOf(driver.sample()!)}`), faulty());
    clock.pass(HALF_MINUTE_MS);
    driver.close();
    lines.push(JSON.stringify({ ...driver.identification }), JSON.stringify({ ...driver.counters }));
  }
  return lines.join("\n");
}
