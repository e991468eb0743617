import { Ina226Chip } from "../../hal-mocks/chips/ina226";
import { P1Meter } from "../../hal-mocks/chips/p1-meter";
import { VirtualClock } from "../../hal-mocks/clock";
import type { Charges } from "../../hal-mocks/energy/charges";
import { chipNames } from "../../hal-mocks/energy/chips";
import type { SessionPlan } from "../../hal-mocks/energy/session";
import { defaultSettings } from "../../hal-mocks/energy/settings";
import { latenciesOf } from "../../hal-mocks/energy/timings";
import type { MqttSetup } from "../../hal-mocks/mqtt";
import { createPairStream } from "../../hal-mocks/node/pair";
import { settle, settleMicrotasks } from "../../hal-mocks/node/settle";
import { House } from "../../hal-mocks/world/house";
import defaultApp from "../../src/app/default";
import type { App } from "../../src/app/interface";
import { Broker } from "../../tools/sim/broker";
import { SimulatedTerminal } from "../../tools/sim/terminal";

const START = Date.UTC(2026, 5, 1);
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** The first session searches all channels, learns the time and says what its frames are: it is none to judge by. */
const WARM_UP_MS = 2 * HOUR_MS;
const MEASURED_MS = 24 * HOUR_MS;
const CURRENT = { volts: 26, amperes: 5 };
const SHUNT_OHMS = 0.01;
const BURST_MS = 200;

export type Sensor = "ina226" | "p1" | "ct";

/** How readings get out. */
export interface Policy {
  name: string;
  config: Record<string, unknown>;
  /** Each reading is sent as it is taken, in the same wake. */
  sendsEach?: boolean;
}

export interface Result {
  /** By chip, in the order of `chipNames`. */
  charges: Charges[];
  readings: number;
  sessions: number;
}

/** Whatever it reads is worth a session. */
const eachReading: App = (kit) => ({ ...defaultApp(kit), onReading: () => "send" });

function sensorOf(sensor: Sensor): Record<string, unknown> {
  if (sensor === "p1") return { sensors: "p1" };
  return { sensors: `ina226 averages=1 shuntOhms=${SHUNT_OHMS} integrate=false profile=t,dcv,dci@-3,dcp` };
}

/**
 * A day of one terminal's firmware in virtual time, counted for each chip at once. It has a static address and a broker
 * and time servers that are addresses, so that nothing is resolved; it samples each minute.
 */
export async function measure(
  policy: Policy,
  { sensor, key }: { sensor: Sensor; key: SessionPlan["key"] },
  tls: MqttSetup["tls"],
): Promise<Result> {
  const clock = new VirtualClock(START, settle, settleMicrotasks);
  const broker = await Broker.open();
  let failure: unknown;
  const house = new House({ seed: 1, start: START, phases: 3, baseW: 300, pvW: 0, utcOffset: 60 });
  const onMeasure = (ms: number) => {
    terminal.energy?.measure("ina226", ms);
    if (sensor === "ct") terminal.energy?.work(BURST_MS);
  };
  const terminal: SimulatedTerminal = new SimulatedTerminal({
    device: "node",
    config: {
      ...{ address: "192.0.2.17", mask: "255.255.255.0", gateway: "192.0.2.1" },
      ...{ sampleMs: MINUTE_MS, timeServers: "192.0.2.1", ...sensorOf(sensor) },
      wifiPassword: key === "key" ? "0123456789abcdef".repeat(4) : "a passphrase",
      ...policy.config,
    },
    clock,
    seed: 1,
    chip: new P1Meter({ clock, values: (time) => house.at(time), offset: 200 }),
    chips: {
      i2c: new Map([
        [0x40, new Ina226Chip({ clock, values: () => CURRENT, shuntOhms: SHUNT_OHMS, onMeasure })],
      ]),
    },
    latencies: { ...latenciesOf("esp32"), resolveMs: 0 },
    tls,
    energy: chipNames.map((chip) => ({ ...defaultSettings, chip })),
    stream: createPairStream((far) => broker.handle(far)),
    apps: [policy.sendsEach ? eachReading : defaultApp],
    log() {},
  });
  terminal.live().catch((error: unknown) => {
    failure = error;
  });
  const pass = async (ms: number) => {
    await clock.runUntil(clock.now + ms);
    if (failure) throw failure;
  };
  try {
    await pass(WARM_UP_MS);
    terminal.energy!.take();
    const before = countsOf(terminal);
    await pass(MEASURED_MS);
    const charges = terminal.energy!.take();
    const after = countsOf(terminal);
    if (after.failed) throw new Error(`${policy.name}: ${after.failed} sessions have failed`);
    return {
      charges,
      readings: after.readings - before.readings,
      sessions: after.sessions - before.sessions,
    };
  } finally {
    terminal.halt();
    await broker.close();
  }
}

function countsOf(terminal: SimulatedTerminal): { readings: number; sessions: number; failed: number } {
  const { readings, sessions, failedSessions } = terminal.counters!;
  return { readings: readings[0], sessions, failed: failedSessions };
}
