import { P1Meter } from "../../hal-mocks/chips/p1-meter";
import { TerminalClock, VirtualClock } from "../../hal-mocks/clock";
import { settleMicrotasks } from "../../hal-mocks/node/settle";
import { createSerial, type SerialChip, type SerialLine } from "../../hal-mocks/serial";
import { P1, type P1Options } from "../../src/sensors/p1";
import { CountingClock, type DriverSubject, type SensorDriver } from "./drivers";

/** What a device does at the moment. */
type Mood = "well" | "silent" | "nonsense";

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

/** Every driver of src/sensors: a new one adds its subject here. */
export const driverSubjects: readonly DriverSubject[] = [p1];
