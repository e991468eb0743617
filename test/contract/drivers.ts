/**
 * What every driver of src/sensors keeps, as plain functions: no test framework and no host, as in rules.ts. A rule
 * resolves to what it found wrong.
 */
import type { VirtualClock } from "../../hal-mocks/clock";
import type { Clock, Timer } from "../../src/hal";
import { channelNumber } from "../../src/model/channels";
import { Quality, qualityName } from "../../src/model/quality";
import type { Sample } from "../../src/model/reading";
import type { Options } from "./rules";

/** A driver in ECMA-419's Sensor pattern. */
export interface SensorDriver {
  readonly identification: { readonly model: string; readonly classification: string };
  readonly counters: object;
  configure(options: Options): void;
  sample(): Sample | undefined;
  close(): void;
}

/** One driver's device, in a world of its own: a rule never shares one with another. */
export interface DriverWorld {
  /** Time of this world, from `createClock`. */
  readonly world: VirtualClock;
  /** Good options but for the callbacks, with `clock` in them. A rule may open and close several drivers one by one. */
  options(): Options;
  open(options: Options): SensorDriver;
  /** From the beginning, and after one of the two below: the device is in order. */
  speakWell(): void;
  /** No byte comes, no edge, no answer. */
  goSilent(): void;
  /** What comes is wrong: noise, wrong checksums, values that cannot be. */
  talkNonsense(): void;
  /** What comes is in order, and says what no device of its kind can mean. */
  beAbsurd(): void;
  /** What comes is the same again and again, as no measurement is. */
  repeatItself(): void;
}

export interface DriverSubject {
  name: string;
  /**
   * Who says that the device is silent. `driver`: it does itself. `bus`: its bus does, where no target acknowledges.
   * `stream`: the stream of a driver that only listens.
   */
  silence: "driver" | "bus" | "stream";
  /** Virtual milliseconds after which a change of the device certainly shows in samples. */
  patienceMs: number;
  /** After as many it has told that its device is stuck; left out where it cannot: counts and states may stay the same. */
  stuckMs?: number;
  /** The world's clock goes to the driver through `clock`, which counts timers. */
  create(): DriverWorld & { clock: CountingClock };
  /** Options that must be refused, each by the field that the message must name. */
  badOptions: readonly (readonly [field: string, change: Options])[];
  badConfigurations: readonly (readonly [field: string, configuration: Options])[];
}

/** Counts the timers that are set and neither fired nor cleared. */
export class CountingClock implements Clock {
  readonly #clock: Clock;
  readonly #pending = new Set<Timer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get pending(): number {
    return this.#pending.size;
  }

  get ticks(): number {
    return this.#clock.ticks;
  }

  set(callback: () => void, ms: number): Timer {
    const timer = this.#clock.set(() => {
      this.#pending.delete(timer);
      callback();
    }, ms);
    this.#pending.add(timer);
    return timer;
  }

  clear(timer: Timer | undefined): void {
    if (timer) this.#pending.delete(timer);
    this.#clock.clear(timer);
  }
}

/** A driver under test, what it has given, and what was wrong on the way. */
class Rig {
  readonly device: ReturnType<DriverSubject["create"]>;
  readonly findings: string[] = [];
  samples: Sample[] = [];
  calls = 0;
  #driver: SensorDriver | undefined;
  #inside = 0;

  constructor(subject: DriverSubject) {
    this.device = subject.create();
  }

  get driver(): SensorDriver {
    return this.#driver!;
  }

  /** @param onSample what happens instead of taking the sample. */
  open(onSample = () => this.take()): SensorDriver {
    const called = (name: string, react: () => void) => () => {
      this.calls++;
      if (this.#inside) this.findings.push(`calls ${name} from inside a public call`);
      react();
    };
    const callbacks = { onSample: called("onSample", onSample), onError: called("onError", () => {}) };
    this.call(() => {
      this.#driver = this.device.open({ ...this.device.options(), ...callbacks });
    });
    return this.driver;
  }

  call(body: () => void): void {
    this.#inside++;
    try {
      body();
    } catch (error) {
      this.findings.push(`throws ${error}`);
    } finally {
      this.#inside--;
    }
  }

  take(): void {
    this.call(() => {
      const sample = this.driver.sample();
      if (!sample) this.findings.push("calls onSample without a sample");
      else this.samples.push(sample);
    });
  }

  async pass(ms: number): Promise<void> {
    const { world } = this.device;
    await world.runUntil(world.now + ms);
  }

  /** The samples of this time. */
  async samplesIn(ms: number): Promise<Sample[]> {
    this.samples = [];
    await this.pass(ms);
    return this.samples;
  }

  close(): void {
    this.call(() => this.driver.close());
    if (this.device.clock.pending) this.findings.push(`close leaves ${this.device.clock.pending} timers`);
  }

  isGood(sample: Sample): boolean {
    return sample.quality === Quality.good;
  }

  expectGood(samples: readonly Sample[], when: string): void {
    if (!samples.some((sample) => this.isGood(sample))) this.findings.push(`gives no good sample ${when}`);
  }

  expectBad(samples: readonly Sample[], when: string): void {
    const good = samples.find((sample) => this.isGood(sample));
    if (good) this.findings.push(`gives ${JSON.stringify(good)} as good ${when}`);
  }
}

export type DriverRule = (subject: DriverSubject) => Promise<string[]>;

const NUMBERS_BESIDE_CHANNELS = ["quality", "ticks"];

async function givesChannelsOfTheRegistry(subject: DriverSubject): Promise<string[]> {
  const rig = new Rig(subject);
  const { findings } = rig;
  rig.open();
  const samples = (await rig.samplesIn(subject.patienceMs)).filter((sample) => rig.isGood(sample));
  rig.expectGood(samples, "at all");
  for (const [name, value] of Object.entries(samples[0] ?? {})) {
    if (!Number.isFinite(value)) findings.push(`${name} is ${value}`);
    if (NUMBERS_BESIDE_CHANNELS.includes(name)) continue;
    try {
      channelNumber(name);
    } catch (error) {
      findings.push(String(error));
    }
  }
  if (samples[0] && Object.keys(samples[0]).length <= NUMBERS_BESIDE_CHANNELS.length)
    findings.push("a good sample has no channel");
  const { ticks = Number.NaN } = samples[0] ?? {};
  if (!(ticks >= 0 && ticks <= rig.device.clock.ticks)) findings.push(`ticks are ${ticks}`);
  const { model, classification } = rig.driver.identification;
  if (!model || !classification) findings.push("has no identification");
  rig.close();
  return findings;
}

async function givesEachSampleOnce(subject: DriverSubject): Promise<string[]> {
  const rig = new Rig(subject);
  rig.open(() => {});
  await rig.pass(subject.patienceMs);
  rig.take();
  const [first] = rig.samples;
  rig.call(() => {
    if (rig.driver.sample()) rig.findings.push("gives a sample again");
  });
  const kept = JSON.stringify(first);
  await rig.pass(subject.patienceMs);
  rig.take();
  if (JSON.stringify(first) !== kept) rig.findings.push("changes a sample that it has given");
  if (first === rig.samples[1]) rig.findings.push("gives the same object twice");
  rig.close();
  return rig.findings;
}

async function saysThatItsDeviceIsSilent(subject: DriverSubject): Promise<string[]> {
  const rig = new Rig(subject);
  rig.open();
  rig.expectGood(await rig.samplesIn(subject.patienceMs), "before");
  rig.device.goSilent();
  await rig.pass(subject.patienceMs);
  const before = JSON.stringify(rig.driver.counters);
  const silent = await rig.samplesIn(subject.patienceMs);
  rig.expectBad(silent, "while its device is silent");
  if (subject.silence !== "stream") {
    const expected = subject.silence === "bus" ? Quality.bus : Quality.silent;
    if (!silent.length) rig.findings.push("says nothing of a silent device");
    const wrong = silent.find(({ quality }) => quality !== expected);
    if (wrong) rig.findings.push(`calls a silent device ${qualityName(wrong.quality)}`);
    if (JSON.stringify(rig.driver.counters) === before) rig.findings.push("counts no silence");
  }
  rig.device.speakWell();
  rig.expectGood(await rig.samplesIn(2 * subject.patienceMs), "when its device is back");
  rig.close();
  return rig.findings;
}

async function believesNoNonsense(subject: DriverSubject): Promise<string[]> {
  const rig = new Rig(subject);
  rig.open();
  rig.expectGood(await rig.samplesIn(subject.patienceMs), "before");
  rig.device.talkNonsense();
  await rig.pass(subject.patienceMs);
  const before = JSON.stringify(rig.driver.counters);
  const samples = await rig.samplesIn(2 * subject.patienceMs);
  rig.expectBad(samples, "of nonsense");
  if (!samples.length) rig.findings.push("says nothing of nonsense");
  if (JSON.stringify(rig.driver.counters) === before) rig.findings.push("counts no nonsense");
  rig.device.speakWell();
  rig.expectGood(await rig.samplesIn(2 * subject.patienceMs), "when its device is in order again");
  rig.close();
  return rig.findings;
}

async function refusesWhatCannotBe(subject: DriverSubject): Promise<string[]> {
  const rig = new Rig(subject);
  rig.open();
  rig.expectGood(await rig.samplesIn(subject.patienceMs), "before");
  rig.device.beAbsurd();
  await rig.pass(subject.patienceMs);
  const before = countOf(rig, "implausible");
  const samples = await rig.samplesIn(subject.patienceMs);
  rig.expectBad(samples, "of what cannot be");
  if (!samples.length) rig.findings.push("says nothing of what cannot be");
  const wrong = samples.find(({ quality }) => quality !== Quality.implausible);
  if (wrong) rig.findings.push(`calls what cannot be ${qualityName(wrong.quality)}`);
  if (!(countOf(rig, "implausible") > before)) rig.findings.push("counts nothing that cannot be");
  rig.device.speakWell();
  rig.expectGood(await rig.samplesIn(2 * subject.patienceMs), "of what can be again");
  rig.close();
  return rig.findings;
}

async function refusesWhatIsStuck(subject: DriverSubject): Promise<string[]> {
  if (subject.stuckMs === undefined) return [];
  const rig = new Rig(subject);
  rig.open();
  rig.expectGood(await rig.samplesIn(subject.patienceMs), "before");
  const before = countOf(rig, "stuck");
  rig.device.repeatItself();
  await rig.pass(subject.stuckMs);
  const samples = await rig.samplesIn(subject.patienceMs);
  rig.expectBad(samples, "of a device that is stuck");
  if (!samples.length) rig.findings.push("says nothing of a device that is stuck");
  if (!(countOf(rig, "stuck") > before)) rig.findings.push("counts nothing that is stuck");
  rig.device.speakWell();
  rig.expectGood(await rig.samplesIn(2 * subject.patienceMs), "when its device moves again");
  rig.close();
  return rig.findings;
}

function countOf({ driver }: Rig, counter: string): number {
  return (driver.counters as Record<string, number>)[counter] ?? 0;
}

/** How many moments of a device's cycle `close` is tried at. */
const MOMENTS = 24;

async function closesInAnyState(subject: DriverSubject): Promise<string[]> {
  const findings: string[] = [];
  for (const state of ["speakWell", "goSilent", "talkNonsense"] as const) {
    for (let moment = 0; moment <= MOMENTS; moment++) {
      const rig = new Rig(subject);
      rig.open();
      if (moment % 2) await rig.pass(subject.patienceMs);
      rig.device[state]();
      // Steps that are no multiple of a device's own.
      await rig.pass(Math.floor((subject.patienceMs * moment * moment) / (MOMENTS * MOMENTS)));
      rig.close();
      const { calls } = rig;
      await rig.pass(2 * subject.patienceMs);
      rig.close();
      rig.call(() => rig.driver.sample());
      if (rig.calls !== calls) rig.findings.push("calls back after close");
      // Of a port that is still open this throws.
      rig.open(() => {});
      rig.close();
      for (const finding of rig.findings) findings.push(`${state}, moment ${moment}: ${finding}`);
    }
  }
  return findings;
}

/** As a sleeper does: opened, one sample, closed, again and again. */
async function servesASleeper(subject: DriverSubject): Promise<string[]> {
  const rig = new Rig(subject);
  for (let wake = 0; wake < 3; wake++) {
    rig.samples = [];
    let isClosed = false;
    rig.open(() => {
      rig.take();
      Promise.resolve().then(() => {
        if (isClosed) return;
        isClosed = true;
        rig.close();
      });
    });
    await rig.pass(subject.patienceMs);
    if (!isClosed) rig.close();
    rig.expectGood(rig.samples, `in wake ${wake}`);
  }
  return rig.findings;
}

async function refusesBadOptions(subject: DriverSubject): Promise<string[]> {
  const findings: string[] = [];
  const always: [string, Options][] = [
    ["sensor", { sensor: undefined }],
    ["onSample", { onSample: 1 }],
    ["onError", { onError: "no" }],
  ];
  for (const [field, change] of [...always, ...subject.badOptions]) {
    const rig = new Rig(subject);
    const options = { ...rig.device.options(), ...change };
    const message = messageOf(() => rig.device.open(options).close());
    if (!message?.includes(field)) findings.push(`says "${message}" of ${field}`);
    await rig.pass(1);
    if (rig.device.clock.pending) findings.push(`${field}: a refused driver leaves a timer`);
    rig.open();
    rig.close();
    for (const finding of rig.findings) findings.push(`after ${field} was refused: ${finding}`);
  }
  return findings;
}

async function refusesBadConfigurations(subject: DriverSubject): Promise<string[]> {
  const rig = new Rig(subject);
  rig.open();
  for (const [field, configuration] of subject.badConfigurations) {
    const message = messageOf(() => rig.driver.configure(configuration));
    if (!message?.includes(field)) rig.findings.push(`says "${message}" of ${field}`);
  }
  rig.expectGood(await rig.samplesIn(subject.patienceMs), "after bad configurations");
  rig.close();
  return rig.findings;
}

async function leavesOptionsAlone(subject: DriverSubject): Promise<string[]> {
  const rig = new Rig(subject);
  const options = rig.device.options();
  Object.freeze(options.sensor);
  const text = Object.entries(options.sensor as object).toString();
  rig.call(() => rig.device.open(Object.freeze(options)).close());
  if (Object.entries(options.sensor as object).toString() !== text) rig.findings.push("changes its options");
  return rig.findings;
}

function messageOf(body: () => void): string | undefined {
  try {
    body();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

export const driverRules: Readonly<Record<string, DriverRule>> = {
  givesChannelsOfTheRegistry,
  givesEachSampleOnce,
  saysThatItsDeviceIsSilent,
  believesNoNonsense,
  refusesWhatCannotBe,
  refusesWhatIsStuck,
  closesInAnyState,
  servesASleeper,
  refusesBadOptions,
  refusesBadConfigurations,
  leavesOptionsAlone,
};
