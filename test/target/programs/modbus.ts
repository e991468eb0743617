import { type ModbusDevice, ModbusServer, RtuLine } from "../../../hal-mocks/chips/modbus-slave";
import { Pzem004tChip } from "../../../hal-mocks/chips/pzem004t";
import { Pzem017Chip } from "../../../hal-mocks/chips/pzem017";
import { SdmChip, sdmValues } from "../../../hal-mocks/chips/sdm";
import {
  batteryModel,
  commonModel,
  inputsModel,
  inverterModel,
  SunSpecChip,
} from "../../../hal-mocks/chips/sunspec";
import { createSerial, type SerialLine } from "../../../hal-mocks/serial";
import { createTcp } from "../../../hal-mocks/tcp";
import type { Sample } from "../../../src/model/reading";
import type { ModbusSensor, ModbusSensorOptions } from "../../../src/sensors/modbus-sensor";
import { Pzem004t } from "../../../src/sensors/pzem004t";
import { Pzem017 } from "../../../src/sensors/pzem017";
import { Sdm } from "../../../src/sensors/sdm";
import { SunSpec } from "../../../src/sensors/sunspec";
import { StepClock } from "../../support/step-clock";
import { hex } from "./hex";

const MINUTE_MS = 60_000;
const DC = { v: 402.5, i: 5.1, wh: 7_000_000 };

const ac = (tick: number) => ({
  v: 230 + (tick % 7) / 10,
  i: 1.5,
  p: 345.1,
  wh: 70_000 + tick,
  f: 50,
  pf: 0.99,
});
const phase = (tick: number) => ({
  v: 229.9,
  i: 2.1,
  p: 300 - tick,
  q: -7,
  importWh: tick,
  exportWh: 12_345_678,
});
const inverter = (tick: number) => ({
  phases: [230.1, 231.2, 229.9].map((v) => ({ v, i: 5 })),
  ...{ w: 3450, var: -120, hz: 50.02, wh: 12_345_678 + tick, cabinetC: 41.5, state: 4, dc: [DC, DC] },
});

/** Each driver with its device. */
const drivers: readonly (readonly [
  device: (tick: () => number) => ModbusDevice,
  open: (options: ModbusSensorOptions) => ModbusSensor,
])[] = [
  [(tick) => new Pzem004tChip(() => ac(tick())), (options) => new Pzem004t(options)],
  [(tick) => new Pzem017Chip(() => ({ ...DC, wh: tick() })), (options) => new Pzem017(options)],
  [
    (tick) => new SdmChip(() => sdmValues([phase(tick())], 50.01)),
    (options) => new Sdm({ ...options, model: "sdm120" }),
  ],
  [
    (tick) => new SdmChip(() => sdmValues([phase(tick()), phase(1), phase(2)], 49.99)),
    (options) => new Sdm({ ...options, model: "sdm630" }),
  ],
  [
    (tick) => {
      const values = () => inverter(tick());
      return new SunSpecChip(() => [
        commonModel("A", "B", "C"),
        inverterModel(values()),
        inputsModel(values()),
      ]);
    },
    (options) => new SunSpec(options),
  ],
  [
    (tick) => new SunSpecChip(() => [batteryModel({ v: 51.2, i: tick() % 9, soc: 67.5, soh: 98 })]),
    (options) => new SunSpec(options),
  ],
];

/** A line whose answers now and then have a bit changed, or are cut off or left out. */
class Faulty extends RtuLine {
  #count = 0;

  override onReceive(bytes: Uint8Array, line: SerialLine): void {
    const { baud } = line;
    super.onReceive(bytes, {
      baud,
      send: (answer) => {
        const kind = this.#count++ % 11;
        if (kind === 3) return;
        const bad = kind === 5 ? answer.map((byte, index) => (index === 4 ? byte ^ 1 : byte)) : answer;
        line.send(kind === 7 ? bad.subarray(0, -3) : bad);
      },
    });
  }
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

function run(
  open: (options: ModbusSensorOptions) => ModbusSensor,
  clock: StepClock,
  sensor: object,
): string[] {
  const lines: string[] = [];
  const driver = open({
    sensor: sensor as ModbusSensorOptions["sensor"],
    clock,
    onSample: () => lines.push(bitsOf(driver.sample()!)),
  });
  clock.pass(MINUTE_MS);
  driver.close();
  lines.push(JSON.stringify({ ...driver.identification }), JSON.stringify({ ...driver.counters }));
  return lines;
}

/** A minute of each driver over a serial line with faults, and of each over TCP. */
export default function modbus(): string {
  const lines: string[] = [];
  for (const [device, open] of drivers) {
    const clock = new StepClock();
    const units = new Map([[1, device(() => Math.floor(clock.ticks / 1000))]]);
    const serial = createSerial(clock, new Map([[0, new Faulty(clock, units)]]));
    lines.push(...run(open, clock, { io: serial, receive: 1, transmit: 2, retries: 0 }));
    const tcp = createTcp(clock, new Map([["192.0.2.7:502", new ModbusServer(clock, units)]]));
    lines.push(...run(open, clock, { io: tcp, address: "192.0.2.7" }));
  }
  return lines.join("\n");
}
