import { type ModbusDevice, ModbusServer, RtuLine } from "../../hal-mocks/chips/modbus-slave";
import { Pzem004tChip } from "../../hal-mocks/chips/pzem004t";
import { Pzem017Chip } from "../../hal-mocks/chips/pzem017";
import { SdmChip, sdmValues } from "../../hal-mocks/chips/sdm";
import { commonModel, inverterModel, SunSpecChip } from "../../hal-mocks/chips/sunspec";
import { createSerial } from "../../hal-mocks/serial";
import { createTcp, type TcpPeer } from "../../hal-mocks/tcp";
import type { ModbusSensorOptions } from "../../src/sensors/modbus-sensor";
import { Pzem004t } from "../../src/sensors/pzem004t";
import { Pzem017 } from "../../src/sensors/pzem017";
import { Sdm } from "../../src/sensors/sdm";
import { SunSpec } from "../../src/sensors/sunspec";
import type { DriverSubject, SensorDriver } from "./drivers";
import { moody, Stage } from "./stage";

/** Ten minutes unless a driver is told so: as many milliseconds of virtual time would be most of what this suite takes. */
const STUCK_MS = 25_000;

/** What a device on a Modbus line measures. */
const volts = (stage: Stage) => (stage.mood === "absurd" ? 2000 : 230 + stage.ripple / 10);

function patient(driver: SensorDriver): SensorDriver {
  driver.configure({ stuckMs: STUCK_MS });
  return driver;
}

/** A driver of a device on a Modbus line. */
function modbusLine(
  name: string,
  chip: (stage: Stage) => ModbusDevice,
  open: (options: ModbusSensorOptions) => SensorDriver,
  more: Partial<DriverSubject> = {},
): DriverSubject {
  return {
    name,
    silence: "driver",
    patienceMs: 4000,
    stuckMs: STUCK_MS,
    create() {
      const stage = new Stage();
      const line = new RtuLine(stage.hostClock, new Map([[1, chip(stage)]]));
      const io = createSerial(stage.hostClock, new Map([[1, moody(line, stage)]]));
      return Object.assign(stage, {
        options: () => ({ sensor: { io, port: 1, receive: 16, transmit: 17 }, clock: stage.clock }),
        open: (options: object) => patient(open(options as ModbusSensorOptions)),
      });
    },
    badOptions: [
      ["sensor.io", { sensor: {} }],
      ["sensor.bus", { sensor: { bus: {} } }],
      ["timeoutMs", { sensor: { io: class {}, timeoutMs: 0 } }],
      ["clock", { clock: undefined }],
      ...(more.badOptions ?? []),
    ],
    badConfigurations: [
      ["unit", { unit: 256 }],
      ["unit", { unit: "1" }],
      ["pollMs", { pollMs: -1 }],
      ["stuckMs", { stuckMs: Number.NaN }],
    ],
  };
}

const modbusLines: readonly DriverSubject[] = [
  modbusLine(
    "pzem004t",
    (stage) => new Pzem004tChip(() => ({ v: volts(stage), i: 1.5, p: 345.1, wh: 1234, f: 50, pf: 1 })),
    (options) => new Pzem004t(options) as SensorDriver,
  ),
  modbusLine(
    "pzem017",
    // Its registers end at 655 V, and its current is what cannot be: the largest shunt is for 300 A.
    (stage) =>
      new Pzem017Chip(() => ({
        v: 13 + stage.ripple / 10,
        i: stage.mood === "absurd" ? 650 : 1.5,
        wh: 1234,
      })),
    (options) => new Pzem017(options) as SensorDriver,
  ),
  ...(["sdm120", "sdm230", "sdm630"] as const).map((model) =>
    modbusLine(
      model,
      (stage) =>
        new SdmChip(() => {
          const v = volts(stage);
          const phase = { v, i: 1, p: 230, q: 0, importWh: 5000, exportWh: 10 };
          return sdmValues(model === "sdm630" ? [phase, phase, phase] : [phase], 50);
        }),
      (options) => new Sdm({ model, ...options }) as SensorDriver,
      { badOptions: [["model", { model: "sdm999" }]] },
    ),
  ),
];

const inverter = (stage: Stage) =>
  new SunSpecChip(() => {
    const phases = [{ v: volts(stage), i: 5 }];
    const values = { phases, w: 1150, var: 0, hz: 50, wh: 1234, dc: [], cabinetC: 40, state: 4 };
    return [commonModel("Gridmote", "Street", "7"), inverterModel(values)];
  });

const sunspecTcp: DriverSubject = {
  ...modbusLine("sunspec over TCP", inverter, (options) => new SunSpec(options) as SensorDriver),
  create() {
    const stage = new Stage();
    const server = new ModbusServer(stage.hostClock, new Map([[1, inverter(stage)]]));
    const peer: TcpPeer = {
      onReceive(bytes, connection) {
        if (stage.mood !== "nonsense" && stage.mood !== "silent") server.onReceive(bytes, connection);
        // Another transaction, unit and protocol.
        if (stage.mood === "nonsense") connection.send(bytes.map((byte) => byte ^ 4));
      },
    };
    const io = createTcp(stage.hostClock, new Map([["192.0.2.7:502", peer]]));
    return Object.assign(stage, {
      options: () => ({ sensor: { io, address: "192.0.2.7", timeoutMs: 600 }, clock: stage.clock }),
      open: (options: object) => patient(new SunSpec(options as ModbusSensorOptions) as SensorDriver),
    });
  },
  badOptions: [
    ["sensor.io", { sensor: { address: "192.0.2.7" } }],
    ["address", { sensor: { io: class {}, host: "" } }],
    ["port", { sensor: { io: class {}, address: "192.0.2.7", port: 65_536 } }],
  ],
  badConfigurations: [
    ["part", { part: "heater" }],
    ["maxRegisters", { maxRegisters: 126 }],
    ["unit", { unit: -1 }],
  ],
};

/** Drivers of Modbus devices, over RTU and TCP. */
export const modbusSubjects: readonly DriverSubject[] = [
  ...modbusLines,
  modbusLine("sunspec over RTU", inverter, (options) => new SunSpec(options) as SensorDriver),
  sunspecTcp,
];
