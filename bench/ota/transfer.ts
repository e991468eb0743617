import { P1Meter } from "../../hal-mocks/chips/p1-meter";
import { VirtualClock } from "../../hal-mocks/clock";
import { published } from "../../hal-mocks/energy/published";
import { defaultSettings } from "../../hal-mocks/energy/settings";
import { latenciesOf, timings } from "../../hal-mocks/energy/timings";
import { createPairStream } from "../../hal-mocks/node/pair";
import { settle, settleMicrotasks } from "../../hal-mocks/node/settle";
import { Power } from "../../hal-mocks/power";
import { House } from "../../hal-mocks/world/house";
import app from "../../src/app/default";
import { imageName } from "../../src/ota/topics";
import { VERSION } from "../../src/version";
import { Fleet } from "../../tools/ota/fleet";
import { createKey, trustedKeyOf } from "../../tools/ota/key-files";
import { pack, type Release } from "../../tools/ota/pack";
import { verifyPackage } from "../../tools/ota/package-file";
import { contentMessages, offerMessage } from "../../tools/ota/retained";
import { Broker } from "../../tools/sim/broker";
import { SimulatedTerminal, type UpdateSetup } from "../../tools/sim/terminal";
import { AirCount } from "./air";

/** An update, and what is there before it. */
export interface Change {
  name: string;
  kind: "app" | "native";
  before: Uint8Array;
  after: Uint8Array;
}

export interface Transfer {
  name: string;
  kind: string;
  imageBytes: number;
  blocks: number;
  /** More than the same node has without the update: both ways, MQTT's packets and modelled headers below them. */
  airBytes: number;
  mqttBytes: number;
  headerBytes: number;
  /** Of these: messages in full. */
  offerBytes: number;
  tableBytes: number;
  blockBytes: number;
  /** Of the ledger, more than without the update, and `airMAh`. */
  mAh: number;
  /** To listen as long as what comes in is on the air, at the slowest rate: the ledger has its round trips only. */
  airMAh: number;
  /** Sessions that have brought blocks, and blocks of the fullest one. */
  fetches: number;
  mostBlocks: number;
  /** From the publication, a minute after a session, to `confirmed` on the broker. */
  minutes: number;
  /** Of the partitions of updates, more than without the update. */
  flashErases: number;
  flashWrites: number;
}

const START = Date.UTC(2026, 5, 1);
const MINUTE_MS = 60_000;
const SESSION_MS = 15 * MINUTE_MS;
const MOST_MS = 7 * 24 * 60 * MINUTE_MS;
const MC_PER_MAH = 3600;
const [LOW_MA, HIGH_MA] = published[defaultSettings.chip].receive;
const RECEIVE_MA = (LOW_MA + HIGH_MA) / 2;
const ENGINE = "13.3";
const privateKey = createKey();
const trusted = trustedKeyOf(privateKey);
const vendor = new Uint8Array(16).fill(1);
const deviceClass = new Uint8Array(16).fill(2);

function setupOf({ kind, before }: Change): UpdateSetup {
  const settings = { vendor, deviceClass, hardware: 1, engine: ENGINE, keys: [trusted] };
  const native = kind === "native" ? before : new Uint8Array([0xe9]);
  // On this engine bytecode does not run: the app in its place samples as the one that the base brings.
  return { settings, native, appOf: () => app };
}

function releaseOf({ kind }: Change): Release {
  return {
    ...{ vendor, deviceClass, kind, version: 1, epoch: 0 },
    hardware: { low: 1, high: 1 },
    healthMs: 60 * MINUTE_MS,
    ...(kind === "app" && { base: { build: VERSION, engine: ENGINE } }),
  };
}

/** A sleeper with its meter and its broker, in virtual time. */
class Node {
  readonly clock = new VirtualClock(START, settle, settleMicrotasks);
  readonly air = new AirCount();
  readonly fleet = new Fleet();
  readonly terminal: SimulatedTerminal;
  readonly power = new Power();
  #failure: unknown;

  constructor(
    readonly broker: Broker,
    change: Change,
  ) {
    const { clock } = this;
    const house = new House({ seed: 1, start: START, phases: 3, baseW: 300, pvW: 0, utcOffset: 60 });
    this.terminal = new SimulatedTerminal({
      device: "sleeper",
      config: { mode: "sleeper", p1Port: 1, sampleMs: MINUTE_MS, sessionMs: SESSION_MS },
      clock,
      seed: 1,
      chip: new P1Meter({ clock, values: (time) => house.at(time), offset: 200 }),
      stream: this.air.of(createPairStream((far) => broker.handle(far))),
      latencies: latenciesOf(defaultSettings.chip),
      energy: [defaultSettings],
      update: setupOf(change),
      log: () => {},
    });
    const images = this.terminal.images!;
    if (change.kind === "app") images.flash("xs", change.before);
    images.power = this.power;
    this.terminal.live().catch((error: unknown) => {
      this.#failure = error;
    });
  }

  async pass(ms: number): Promise<void> {
    await this.clock.runUntil(this.clock.now + ms);
    if (this.#failure) throw this.#failure;
  }

  /** A minute after the next session. */
  async passSession(): Promise<void> {
    const { connections } = this.air;
    const count = connections.length;
    while (connections.length === count) await this.pass(1000);
    await this.pass(MINUTE_MS);
  }

  end() {
    const { mqttBytes, headerBytes, bytes, inBytes, inSegments } = this.air;
    const { operations } = this.power;
    const { erases } = this.terminal.images!;
    const [charges] = this.terminal.endCounting();
    this.terminal.halt();
    const airMs = inBytes * timings.byte.typical + inSegments * timings.packet.typical;
    return { mqttBytes, headerBytes, bytes, operations, erases, airMs, mC: charges.known.typical };
  }
}

/** Updates a node, and runs another one for as long without. */
export async function transfer(change: Change): Promise<Transfer> {
  const packed = pack(change.after, releaseOf(change), privateKey);
  const manifest = verifyPackage(packed, [trusted]);
  const offer = offerMessage(manifest, { ...packed, percent: 100, token: new Uint8Array(0) });
  const image = imageName(manifest);
  const broker = await Broker.open();
  const node = new Node(broker, change);
  const listener = await broker.listen("gm/+/s", (topic, payload) => node.fleet.accept(topic, payload));
  try {
    await node.pass(MINUTE_MS);
    await node.passSession();
    const published = node.clock.now;
    for (const { topic, payload } of [...contentMessages(manifest, packed), offer])
      await broker.publish(topic, payload);
    while (!node.fleet.tally(image).confirmed) {
      if (node.clock.now - published > MOST_MS)
        throw new Error(`${change.name}: not confirmed (${JSON.stringify(node.fleet.nodes)})`);
      await node.pass(1000);
    }
    const minutes = (node.clock.now - published) / MINUTE_MS;
    // Whatever it has brought forward or put off is level again.
    await node.pass(2 * SESSION_MS);
    const { air } = node;
    const fetches = air.connections.map(({ blocks }) => blocks).filter(Boolean);
    const lasted = node.clock.now - START;
    const updated = node.end();
    const without = await undisturbed(change, lasted);
    const erases = updated.erases - without.erases;
    const airMAh = ((updated.airMs - without.airMs) / 1000) * (RECEIVE_MA / MC_PER_MAH);
    return {
      ...{ name: change.name, kind: change.kind, imageBytes: change.after.length },
      blocks: packed.blocks.length,
      airBytes: updated.bytes - without.bytes,
      mqttBytes: updated.mqttBytes - without.mqttBytes,
      headerBytes: updated.headerBytes - without.headerBytes,
      ...{ offerBytes: air.offerBytes, tableBytes: air.tableBytes, blockBytes: air.blockBytes },
      mAh: (updated.mC - without.mC) / MC_PER_MAH + airMAh,
      airMAh,
      ...{ fetches: fetches.length, mostBlocks: Math.max(...fetches), minutes },
      ...{ flashErases: erases, flashWrites: updated.operations - without.operations - erases },
    };
  } finally {
    await listener.close();
    node.terminal.halt();
    await broker.close();
  }
}

async function undisturbed(change: Change, ms: number) {
  const broker = await Broker.open();
  const node = new Node(broker, change);
  try {
    await node.pass(ms);
    return node.end();
  } finally {
    await broker.close();
  }
}
