import { VirtualClock } from "../../hal-mocks/clock";
import { settle, settleMicrotasks } from "../../hal-mocks/node/settle";
import { PowerLoss } from "../../hal-mocks/power";
import { createRandom } from "../../hal-mocks/random";
import { imageName } from "../../src/ota/topics";
import { VERSION } from "../../src/version";
import { type Wait, watch } from "../../tools/ota/commands/watch";
import { Fleet } from "../../tools/ota/fleet";
import { pack } from "../../tools/ota/pack";
import { verifyPackage } from "../../tools/ota/package-file";
import { contentMessages, type Message, offerMessage, withdrawalMessage } from "../../tools/ota/retained";
import { stageToken } from "../../tools/ota/stages";
import { Broker, type Listener } from "../../tools/sim/broker";
import { createSigner, IDENTITY } from "../support/updates";
import { FleetNode, SESSION_MS } from "./node";
import { BORN, imageOf, type Release, releases } from "./releases";

export interface FleetOptions {
  nodes: number;
  seed: number;
  /** Of packets, either way: 0 to 1. */
  loss: number;
  /** Of the nodes that a release reaches, the share that loses its power at an operation of its flash. */
  cuts: number;
  /** Percentages, ascending. */
  stages: readonly number[];
  /** What the watcher says. */
  onLine?: (line: string) => void;
  /** What nodes log. */
  onLog?: (line: string) => void;
}

/** What has come of a release, as the broker's messages have it. */
export interface Outcome {
  release: Release;
  /** Nodes that have said that they had the offer. */
  offered: number;
  confirmed: number;
  /** How often nodes have said that they reverted or refused, by reason. */
  ended: Readonly<Record<string, number>>;
  /** Percentages at which it was offered. */
  stages: readonly number[];
  /** Virtual. */
  hours: number;
  /** How many had failed when the watcher withdrew it. */
  haltedAt: number | undefined;
}

export interface Result {
  outcomes: Outcome[];
  cuts: number;
  /** Each is against what is claimed. */
  faults: string[];
}

const START = Date.UTC(2026, 5, 1);
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** A session to fetch, the trial, and a session to say so; twice, for who has to try again. */
const STAGE_MS = 6 * SESSION_MS;
const HEALTH_MS = 10 * MINUTE_MS;
const LOOK_MS = 30_000;
/** Until who is still under way has ended, after a withdrawal. */
const REST_MS = 6 * SESSION_MS;
/** Of operations of flash: within an update of three or four blocks. */
const CUT_WITHIN = 40;
/** Of all nodes, the share that takes a good release in time; the rest, whose power went, has an older one. */
const TAKEN = 0.9;
const LIMITS = { failures: 2, percent: 10 };

/** Releases one after the other, in stages, each watched as `gridmote ota publish --watch` does. */
export async function runFleet(options: FleetOptions): Promise<Result> {
  const broker = await Broker.open();
  const run = new FleetRun(options, broker);
  try {
    return await run.run();
  } finally {
    await run.close();
    await broker.close();
  }
}

class FleetRun {
  readonly #options: FleetOptions;
  readonly #broker: Broker;
  readonly #clock = new VirtualClock(START, settle, settleMicrotasks);
  readonly #random;
  readonly #signer = createSigner();
  readonly #fleet = new Fleet();
  readonly #nodes: FleetNode[];
  /** Device, and when its last frame came. */
  readonly #heard = new Map<string, number>();
  readonly #floors = new Map<string, readonly number[]>();
  readonly #faults: string[] = [];
  #listener: Listener | undefined;
  #onReport: (device: string) => void = () => {};
  #failure: unknown;

  constructor(options: FleetOptions, broker: Broker) {
    this.#options = options;
    this.#broker = broker;
    this.#random = createRandom(`fleet ${options.seed}`);
    const { vendor, deviceClass, hardware, engine } = IDENTITY;
    const settings = { vendor, deviceClass, hardware, engine, keys: [this.#signer.trusted] };
    this.#nodes = Array.from(
      { length: options.nodes },
      (_, index) =>
        new FleetNode({
          ...{ clock: this.#clock, broker, settings, loss: options.loss, log: options.onLog },
          device: `node-${index}`,
          seed: options.seed * 1000 + index,
          random: createRandom(`${options.seed} node ${index}`),
        }),
    );
  }

  async run(): Promise<Result> {
    this.#listener = await this.#broker.listen("gm/#", (topic, payload) => this.#accept(topic, payload));
    // Not all at the same moment.
    for (const node of this.#nodes)
      this.#clock.set(() => {
        node.live().catch((error: unknown) => {
          this.#failure ??= error;
        });
      }, this.#random.below(SESSION_MS));
    await this.#pass(2 * SESSION_MS);
    const outcomes: Outcome[] = [];
    for (const release of releases) outcomes.push(await this.#release(release));
    await this.#pass(REST_MS);
    this.#judge(outcomes);
    const cuts = this.#nodes.reduce((sum, node) => sum + node.cuts, 0);
    return { outcomes, cuts, faults: [...this.#faults, ...this.#nodes.flatMap(({ faults }) => faults)] };
  }

  async close(): Promise<void> {
    for (const { terminal } of this.#nodes) terminal.halt();
    await this.#listener?.close();
  }

  async #pass(ms: number): Promise<void> {
    const end = this.#clock.now + ms;
    while (this.#clock.now < end) {
      try {
        await this.#clock.runUntil(end);
      } catch (error) {
        // The power went in a callback: that node has lost it, and the world goes on.
        if (!(error instanceof PowerLoss)) throw error;
      }
    }
    if (this.#failure) throw this.#failure;
  }

  /** Runs the world until something has come about. */
  async #until<Value>(promise: Promise<Value>): Promise<Value> {
    let isDone = false;
    const done = () => {
      isDone = true;
    };
    promise.then(done, done);
    await settle();
    while (!isDone) await this.#pass(MINUTE_MS);
    return promise;
  }

  // ---- A release ----

  async #release(release: Release): Promise<Outcome> {
    const { kind, version } = release;
    const { vendor, deviceClass, hardware, engine } = IDENTITY;
    const stageSecret = new Uint8Array(32).fill(version);
    const packed = pack(
      imageOf(release),
      {
        ...{ vendor, deviceClass, kind, version, epoch: 0, healthMs: HEALTH_MS },
        hardware: { low: hardware, high: hardware },
        ...(kind === "app" && { base: { build: VERSION, engine } }),
      },
      this.#signer.key,
      { stageSecret },
    );
    const manifest = verifyPackage(packed, [this.#signer.trusted]);
    const image = imageName(manifest);
    const begun = this.#clock.now;
    const ended = this.#follow(image);
    const stages: number[] = [];
    let haltedAt: number | undefined;
    for (const percent of this.#options.stages) {
      stages.push(percent);
      const token = stageToken(stageSecret, manifest.digest, percent);
      const offer = offerMessage(manifest, { ...packed, percent, token });
      await this.#until(this.#publish([...contentMessages(manifest, packed), offer]));
      if (await this.#until(this.#watch(manifest))) {
        haltedAt = this.#fleet.tally(image).failed;
        break;
      }
    }
    const hours = (this.#clock.now - begun) / HOUR_MS;
    if (haltedAt !== undefined) await this.#pass(REST_MS);
    const { confirmed } = this.#fleet.tally(image);
    const { offered, reasons } = ended();
    return { release, offered, confirmed, ended: reasons, stages, hours, haltedAt };
  }

  #watch(manifest: ReturnType<typeof verifyPackage>): Promise<number> {
    const { onLine = () => {} } = this.#options;
    const io = { stdout: { write: onLine }, stderr: { write: onLine } } as unknown as Parameters<
      typeof watch
    >[2];
    const broker = {
      fleet: this.#fleet,
      withdraw: async (of: typeof manifest) => {
        await this.#publish([withdrawalMessage(of)]);
        return true;
      },
    };
    const wait: Wait = (ms, signal) =>
      new Promise<void>((resolve) => {
        const end = () => {
          this.#clock.clear(timer);
          signal.removeEventListener("abort", end);
          resolve();
        };
        const timer = this.#clock.set(end, Math.max(ms, LOOK_MS));
        signal.addEventListener("abort", end);
      });
    return watch({ broker, manifest, limits: LIMITS }, STAGE_MS, io, wait);
  }

  /** One after the other; virtual time waits for the broker. */
  async #publish(messages: readonly Message[]): Promise<void> {
    const release = this.#clock.hold("a publication");
    try {
      for (const { topic, payload } of messages) await this.#broker.publish(topic, payload);
    } finally {
      release();
    }
  }

  /** Counts what nodes say of an image, and lets some lose their power as they begin to fetch it. */
  #follow(image: string) {
    const said = new Map<string, string>();
    const reasons: Record<string, number> = {};
    this.#onReport = (device) => {
      const update = this.#fleet.nodes.find((node) => node.device === device)?.update;
      if (update?.image !== image) return;
      const { state, reason = "" } = update;
      const before = said.get(device);
      said.set(device, `${state} ${reason}`);
      if (before === undefined && this.#random.unit() < this.#options.cuts)
        this.#nodes.find((node) => node.device === device)!.cutWithin(CUT_WITHIN);
      if (before === `${state} ${reason}` || (state !== "reverted" && state !== "refused")) return;
      reasons[reason] = (reasons[reason] ?? 0) + 1;
    };
    return () => ({ offered: said.size, reasons });
  }

  #accept(topic: string, payload: Uint8Array): void {
    const device = topic.split("/")[1];
    if (topic.endsWith("/f")) this.#heard.set(device, this.#clock.now);
    if (!this.#fleet.accept(topic, payload)) return;
    const { update } = JSON.parse(new TextDecoder().decode(payload)) as { update?: { floors: number[] } };
    if (!update) return;
    const before = this.#floors.get(device) ?? [];
    if (before.some((floor, index) => update.floors[index] < floor))
      this.#faults.push(`${device}: its floors fall from ${before} to ${update.floors}`);
    this.#floors.set(device, update.floors);
    this.#onReport(device);
  }

  // ---- At the end ----

  #judge(outcomes: readonly Outcome[]): void {
    for (const { release, haltedAt, confirmed } of outcomes) {
      const { name, behaviour } = release;
      if (behaviour === "good" && haltedAt !== undefined) this.#faults.push(`${name}: it was halted`);
      if (behaviour === "good" && confirmed < this.#nodes.length * TAKEN)
        this.#faults.push(`${name}: only ${confirmed} have confirmed it`);
      if (behaviour !== "good" && haltedAt === undefined) this.#faults.push(`${name}: it was not halted`);
      if (behaviour !== "good" && confirmed) this.#faults.push(`${name}: ${confirmed} have confirmed it`);
    }
    const good = (kind: string) => [
      ...(kind === "native" ? [BORN] : []),
      ...releases.filter((of) => of.kind === kind && of.behaviour === "good").map(({ tag }) => tag),
    ];
    for (const { device, native, app } of this.#nodes) {
      if (!good("native").includes(native)) this.#faults.push(`${device} ends in native image ${native}`);
      if (app !== undefined && !good("app").includes(app)) this.#faults.push(`${device} ends in app ${app}`);
      const silentMs = this.#clock.now - (this.#heard.get(device) ?? 0);
      if (silentMs > REST_MS)
        this.#faults.push(`${device} has sent no frame for ${silentMs / MINUTE_MS} minutes`);
    }
  }
}
