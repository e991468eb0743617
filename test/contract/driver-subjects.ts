import { type ModbusDevice, ModbusServer, RtuLine } from "../../hal-mocks/chips/modbus-slave";
import { P1Meter } from "../../hal-mocks/chips/p1-meter";
import { Pzem004tChip } from "../../hal-mocks/chips/pzem004t";
import { Pzem017Chip } from "../../hal-mocks/chips/pzem017";
import { SdmChip, sdmValues } from "../../hal-mocks/chips/sdm";
import { commonModel, inverterModel, SunSpecChip } from "../../hal-mocks/chips/sunspec";
import { TerminalClock, VirtualClock } from "../../hal-mocks/clock";
import { settleMicrotasks } from "../../hal-mocks/node/settle";
import { createSerial, type SerialChip, type SerialLine } from "../../hal-mocks/serial";
import { createTcp, type TcpPeer } from "../../hal-mocks/tcp";
import type { ModbusSensorOptions } from "../../src/sensors/modbus-sensor";
import { P1, type P1Options } from "../../src/sensors/p1";
import { Pzem004t } from "../../src/sensors/pzem004t";
import { Pzem017 } from "../../src/sensors/pzem017";
import { Sdm } from "../../src/sensors/sdm";
import { SunSpec } from "../../src/sensors/sunspec";
import { CountingClock, type DriverSubject, type SensorDriver } from "./drivers";

/** What a device does at the moment. */
export type Mood = "well" | "silent" | "nonsense";

/** A world, its clock and the mood of the device in it: what all subjects begin with. */
export class Stage {
  readonly world = new VirtualClock(Date.UTC(2026, 5, 1, 12), settleMicrotasks);
  /** The mocks'. */
  readonly hostClock = new TerminalClock(this.world);
  /** The driver's. */
  readonly clock = new CountingClock(this.hostClock);
  mood: Mood = "well";

  speakWell(): void {
    this.mood = "well";
  }

  goSilent(): void {
    this.mood = "silent";
  }

  talkNonsense(): void {
    this.mood = "nonsense";
  }
}

/** A serial chip that says what it has to say, nothing, or that with a bit of each byte changed. */
export function moody(chip: SerialChip, stage: Stage): SerialChip {
  const around = (line: SerialLine): SerialLine => ({
    baud: line.baud,
    send(bytes) {
      if (stage.mood === "silent") return;
      line.send(
        stage.mood === "well" ? bytes : bytes.map((byte, index) => (index % 5 === 4 ? byte ^ 4 : byte)),
      );
    },
  });
  return {
    onOpen: (line) => chip.onOpen?.(around(line)),
    onReceive: (bytes, line) => chip.onReceive?.(bytes, around(line)),
    onClose: (line) => chip.onClose?.(around(line)),
  };
}

const p1: DriverSubject = {
  name: "p1",
  silence: "stream",
  patienceMs: 2500,
  create() {
    const stage = new Stage();
    const meter = new P1Meter({
      clock: stage.world,
      values: () => ({
        ...{ tariff: 1, importWh: [1000, 2000], exportWh: [0, 0], importW: 230, exportW: 0 },
        phases: [{ v: 230, i: 1, importW: 230, exportW: 0 }],
      }),
    });
    const io = createSerial(stage.hostClock, new Map([[1, moody(meter, stage)]]));
    return Object.assign(stage, {
      options: () => ({ sensor: { io, port: 1, receive: 16 }, clock: stage.clock }),
      open: (options: object) => new P1(options as P1Options) as SensorDriver,
    });
  },
  badOptions: [
    ["sensor.io", { sensor: {} }],
    ["clock", { clock: {} }],
  ],
  badConfigurations: [
    ["utcOffset", { utcOffset: 1.5 }],
    ["dataBits", { dataBits: 9 }],
    ["checksum", { checksum: "maybe" }],
  ],
};

/** A driver of a device on a Modbus line. */
function modbusLine(
  name: string,
  chip: () => ModbusDevice,
  open: (options: ModbusSensorOptions) => SensorDriver,
  badOptions: DriverSubject["badOptions"] = [],
): DriverSubject {
  return {
    name,
    silence: "driver",
    patienceMs: 4000,
    create() {
      const stage = new Stage();
      const line = new RtuLine(stage.hostClock, new Map([[1, chip()]]));
      const io = createSerial(stage.hostClock, new Map([[1, moody(line, stage)]]));
      return Object.assign(stage, {
        options: () => ({ sensor: { io, port: 1, receive: 16, transmit: 17 }, clock: stage.clock }),
        open: (options: object) => open(options as ModbusSensorOptions),
      });
    },
    badOptions: [
      ["sensor.io", { sensor: {} }],
      ["sensor.bus", { sensor: { bus: {} } }],
      ["timeoutMs", { sensor: { io: class {}, timeoutMs: 0 } }],
      ["clock", { clock: undefined }],
      ...badOptions,
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
    () => new Pzem004tChip(() => ({ v: 230.1, i: 1.5, p: 345.1, wh: 1234, f: 50, pf: 1 })),
    (options) => new Pzem004t(options) as SensorDriver,
  ),
  modbusLine(
    "pzem017",
    () => new Pzem017Chip(() => ({ v: 13.4, i: 1.5, wh: 1234 })),
    (options) => new Pzem017(options) as SensorDriver,
  ),
  ...(["sdm120", "sdm230", "sdm630"] as const).map((model) =>
    modbusLine(
      model,
      () => {
        const phases = [230, 231, 232].map((v) => ({ v, i: 1, p: v, q: 0, importWh: 5000, exportWh: 10 }));
        return new SdmChip(() => sdmValues(phases.slice(0, model === "sdm630" ? 3 : 1), 50));
      },
      (options) => new Sdm({ model, ...options }) as SensorDriver,
      [["model", { model: "sdm999" }]],
    ),
  ),
];

const SUNSPEC = () => {
  const phases = [{ v: 230.1, i: 5 }];
  const values = { phases, w: 1150, var: 0, hz: 50, wh: 1234, dc: [], cabinetC: 40, state: 4 };
  return new SunSpecChip(() => [commonModel("Gridmote", "Street", "7"), inverterModel(values)]);
};

const sunspecTcp: DriverSubject = {
  ...modbusLine("sunspec over TCP", SUNSPEC, (options) => new SunSpec(options) as SensorDriver),
  create() {
    const stage = new Stage();
    const server = new ModbusServer(stage.hostClock, new Map([[1, SUNSPEC()]]));
    const peer: TcpPeer = {
      onReceive(bytes, connection) {
        if (stage.mood === "well") server.onReceive(bytes, connection);
        // Another transaction, unit and protocol.
        if (stage.mood === "nonsense") connection.send(bytes.map((byte) => byte ^ 4));
      },
    };
    const io = createTcp(stage.hostClock, new Map([["192.0.2.7:502", peer]]));
    return Object.assign(stage, {
      options: () => ({ sensor: { io, address: "192.0.2.7", timeoutMs: 600 }, clock: stage.clock }),
      open: (options: object) => new SunSpec(options as ModbusSensorOptions) as SensorDriver,
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

/** Every driver of src/sensors: a new one adds its subject here. */
export const driverSubjects: readonly DriverSubject[] = [
  p1,
  ...modbusLines,
  modbusLine("sunspec over RTU", SUNSPEC, (options) => new SunSpec(options) as SensorDriver),
  sunspecTcp,
];
