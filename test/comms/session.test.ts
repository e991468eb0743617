import { Aedes } from "aedes";
import { describe, expect, it } from "vitest";
import { type AccessPointSettings, Air } from "../../hal-mocks/air";
import { VirtualClock } from "../../hal-mocks/clock";
import { Link } from "../../hal-mocks/link";
import { createMqtt } from "../../hal-mocks/mqtt";
import { createPairStream } from "../../hal-mocks/node/pair";
import { settle, settleMicrotasks } from "../../hal-mocks/node/settle";
import { createWiFi } from "../../hal-mocks/wifi";
import type { FrameMeta, StoredRecord } from "../../src/comms/outbox";
import { type Announcement, Session } from "../../src/comms/session";
import type { Descriptor } from "../../src/comms/uplink";
import { loadConfig } from "../../src/config";
import type { Hal, MqttClient, MqttConstructor, MqttOptions, MqttWriteOptions } from "../../src/hal";
import { SimulatedTerminal } from "../../tools/sim/terminal";

const DEVICE = "node";
const MINUTE = 60_000;
const META: FrameMeta = { point: 0, boot: 1, seq: 1, readings: 1, start: null, end: null };

/** What a broker sees of a CONNECT. */
interface Connect {
  clientId: string;
  clean: boolean;
  username?: string;
  password?: string;
}

/** An outbox in RAM. */
class Frames {
  readonly dropped = 0;
  lastId = 0;
  readonly #waiting = new Map<number, Uint8Array>();

  get count(): number {
    return this.#waiting.size;
  }

  has(id: number): boolean {
    return this.#waiting.has(id);
  }

  append(_meta: FrameMeta, frame: Uint8Array): boolean {
    this.#waiting.set(++this.lastId, frame);
    return true;
  }

  appendEvent(): boolean {
    return false;
  }

  next(after: number): StoredRecord | undefined {
    for (let id = after + 1; id <= this.lastId; id++) {
      const payload = this.#waiting.get(id);
      if (payload) return { id, kind: "frame", point: 0, payload, note: new Uint8Array(0) };
    }
    return undefined;
  }

  acknowledge(id: number): void {
    this.#waiting.delete(id);
  }

  close(): void {}
}

/** A terminal's platform, an outbox, and a broker that says what it has seen. */
class Rig {
  readonly clock = new VirtualClock(0, settle, settleMicrotasks);
  readonly terminal: SimulatedTerminal;
  readonly outbox = new Frames();
  readonly connects: Connect[] = [];
  readonly payloads: Uint8Array[] = [];
  /** Topics of what was published, and whether it is retained. */
  readonly published: [topic: string, retain: boolean][] = [];
  announcements: Descriptor[] = [];
  announced = 0;
  readonly wishes: number[] = [];
  pings = 0;
  /** No password is good enough. */
  refuses = false;
  readonly #aedes: Aedes;

  private constructor(aedes: Aedes) {
    this.#aedes = aedes;
    aedes.preConnect = (_client, packet, done) => {
      const { clientId, clean, username, password } = packet as unknown as Connect & {
        password?: Uint8Array;
      };
      this.connects.push({ clientId, clean, username, password: password && text(password) });
      done(null, true);
    };
    aedes.authenticate = (_client, _user, _password, done) =>
      done(this.refuses ? Object.assign(new Error("refused"), { returnCode: 5 }) : null, !this.refuses);
    aedes.on("ping", () => this.pings++);
    aedes.on("publish", ({ topic, payload, retain }) => {
      if (!topic.startsWith("gm/")) return;
      this.payloads.push(new Uint8Array(payload as Uint8Array));
      this.published.push([topic, retain]);
    });
    this.terminal = new SimulatedTerminal({
      device: DEVICE,
      config: {},
      clock: this.clock,
      seed: 1,
      chip: {},
      stream: createPairStream((far) => void aedes.handle(far)),
      log: () => {},
    });
  }

  static async open(): Promise<Rig> {
    return new Rig(await Aedes.createBroker());
  }

  get hal(): Hal {
    return this.terminal.hal;
  }

  set accessPoint(settings: AccessPointSettings) {
    const { clock } = this.hal;
    this.hal.network.wifi = { io: createWiFi({ clock, link: this.terminal.link, air: new Air([settings]) }) };
  }

  session(settings: Record<string, unknown> = {}, clean = false): Session {
    const { config, problems } = loadConfig([{ from: "test", values: { ssid: "street", ...settings } }]);
    expect(problems).toEqual([]);
    const ignored = () => {};
    return new Session({
      hal: this.hal,
      config,
      device: DEVICE,
      outbox: this.outbox,
      known: { channel: 0, broker: 0 },
      setTime: async () => {},
      dated: ({ payload }) => payload,
      announcements: () => this.#unannounced(),
      will: "gone",
      clean,
      onAcknowledged: ignored,
      onWish: (until) => this.wishes.push(until),
      onLost: ignored,
    });
  }

  #unannounced(): Announcement[] {
    if (this.announced) return [];
    let left = this.announcements.length;
    const onAcknowledged = () => {
      if (--left === 0) this.announced++;
    };
    return this.announcements.map((descriptor) => ({ ...descriptor, onAcknowledged }));
  }

  /** Sends all, and closes; rejects as the session does. */
  async deliver(settings?: Record<string, unknown>, clean?: boolean): Promise<void> {
    const session = this.session(settings, clean);
    try {
      await this.clock.runFor(session.send(false, true), "a session");
    } finally {
      await this.clock.runFor(session.close(), "its end");
    }
  }

  /** Somebody subscribes in the terminal's name: the broker keeps that, and messages, while it is away. */
  async subscribeFor(topic: string): Promise<void> {
    const { socket } = this.hal.network.mqtt;
    const io = createMqtt({ clock: this.clock, link: new Link() });
    const client = new io({ host: "broker", id: DEVICE, clean: false, dns: { io: undefined }, socket });
    await this.clock.runUntil(this.clock.now + 1000);
    client.write(null, { operation: io.SUBSCRIBE, items: [{ topic, QoS: 1 }] });
    await this.clock.runUntil(this.clock.now + 1000);
    client.write(null, { operation: io.DISCONNECT });
    client.close();
    await this.clock.runUntil(this.clock.now + 1000);
  }

  publish(topic: string, payload: Uint8Array): Promise<void> {
    const packet = {
      cmd: "publish",
      topic,
      payload: Buffer.from(payload),
      qos: 1,
      retain: false,
      dup: false,
    };
    return new Promise((resolve, reject) => {
      const done = (error?: Error | null) => (error ? reject(error) : resolve());
      this.#aedes.publish(packet as Parameters<Aedes["publish"]>[0], done);
    });
  }
}

describe("announcements", () => {
  const announcements = [
    { topic: "0/d/2", payload: new Uint8Array(300) },
    { topic: "1/d/5", payload: Uint8Array.of(1) },
  ];
  const retained = [
    ["gm/node/0/d/2", true],
    ["gm/node/1/d/5", true],
  ];
  const frame = ["gm/node/0/f", false];

  async function deliver(cautious: boolean): Promise<Rig> {
    const rig = await Rig.open();
    rig.announcements = announcements;
    rig.outbox.append(META, Uint8Array.of(7));
    const session = rig.session();
    await rig.clock.runFor(session.send(cautious, true), "a session");
    // A resident's session goes on, and has said it.
    rig.outbox.append(META, Uint8Array.of(8));
    await rig.clock.runFor(session.send(cautious, true), "more of it");
    await rig.clock.runFor(session.close(), "its end");
    return rig;
  }

  it("come before the frames, retained, once", async () => {
    const rig = await deliver(false);
    expect(rig.published).toEqual([...retained, frame, frame]);
    expect(rig.payloads[0]).toHaveLength(300);
    expect([rig.announced, rig.outbox.count]).toEqual([1, 0]);
  });

  it("come after them on a link that brings one message at a time", async () => {
    const rig = await deliver(true);
    expect(rig.published).toEqual([frame, ...retained, frame]);
    expect(rig.announced).toBe(1);
  });
});

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

describe("a session's way to the broker", () => {
  it("is the network that its settings name, with their password", async () => {
    const rig = await Rig.open();
    rig.accessPoint = { SSID: "attic", password: "correct horse" };
    await rig.deliver({ ssid: "attic", wifiPassword: "correct horse" });
    expect(rig.connects).toHaveLength(1);
  });

  it.each([
    ["sleeper", false],
    ["resident", true],
  ])("lets the radio of a %s rest between beacons: %s", async (mode, isOn) => {
    const rig = await Rig.open();
    const rests: boolean[] = [];
    rig.hal.network.wifi!.savePower = (rest) => void rests.push(rest);
    await rig.deliver({ mode });
    expect(rests).toEqual([isOn]);
  });

  it("asks an open network for no password", async () => {
    const rig = await Rig.open();
    rig.accessPoint = { SSID: "café" };
    await rig.deliver({ ssid: "café" });
    expect(rig.connects).toHaveLength(1);
  });

  it.each([
    ["that cannot be heard", { ssid: "cellar", wifiPassword: "correct horse" }],
    ["that refuses its password", { ssid: "attic", wifiPassword: "wrong" }],
    ["that wants a password", { ssid: "attic" }],
  ])("fails long before its budget is spent at a network %s", async (_what, settings) => {
    const rig = await Rig.open();
    rig.accessPoint = { SSID: "attic", password: "correct horse" };
    await expect(rig.deliver({ ...settings, awakeMs: 10 * MINUTE })).rejects.toThrow(/^wifi$/);
    expect(rig.clock.now).toBeLessThan(MINUTE);
    expect(rig.connects).toEqual([]);
  });

  it.each([
    ["says nothing", "silent", "address"],
    ["sends it away", "refuses", "wifi|address"],
  ] as const)("fails for want of an address where DHCP %s", async (_what, dhcp, message) => {
    const rig = await Rig.open();
    rig.accessPoint = { SSID: "street", dhcp };
    await expect(rig.deliver({ awakeMs: 10 * MINUTE })).rejects.toThrow(new RegExp(`^(${message})$`));
    expect(rig.clock.now).toBeLessThan(MINUTE);
    expect(rig.connects).toEqual([]);
  });

  it("fails when Wi-Fi gives up, and does not wait for what the broker's connection says of it", async () => {
    const rig = await Rig.open();
    const session = rig.session();
    const ends = session.send(false, true).catch((error: unknown) => error);
    await rig.clock.runUntil(1_510);
    // Associated, with an address, and not yet connected: that would find out after 3 s.
    rig.terminal.link.down("wifi");
    expect(await rig.clock.runFor(ends, "a failure")).toMatchObject({ message: "wifi" });
    expect(rig.clock.now).toBeLessThan(1_510 + 2_500);
    await rig.clock.runFor(session.close(), "its end");
  });

  it("is no more when it has closed: the radio would go on listening", async () => {
    const rig = await Rig.open();
    await rig.deliver();
    const station = new rig.hal.network.wifi!.io({});
    expect(station.connection).toBeLessThan(300);
    expect(station.address).toBeUndefined();
  });
});

describe("a session at the broker", () => {
  it("is the device's own, is kept while it sleeps, and gives user and password", async () => {
    const rig = await Rig.open();
    await rig.deliver({ user: "meter", password: "pässword" });
    await rig.deliver();
    const own = { clientId: DEVICE, clean: false };
    expect(rig.connects).toEqual([
      { ...own, username: "meter", password: "pässword" },
      { ...own, username: undefined, password: undefined },
    ]);
  });

  it("fails at once where the broker refuses its password", async () => {
    const rig = await Rig.open();
    rig.refuses = true;
    await expect(rig.deliver({ user: "node", password: "wrong", awakeMs: 10 * MINUTE })).rejects.toThrow(
      /^broker$/,
    );
    expect(rig.clock.now).toBeLessThan(MINUTE / 2);
    expect(rig.published).toEqual([]);
  });

  it("is heard of each minute while it has nothing to say", async () => {
    const rig = await Rig.open();
    const session = rig.session();
    await rig.clock.runFor(session.send(false, true), "a session");
    await rig.clock.runUntil(rig.clock.now + 30 * MINUTE);
    expect(rig.pings).toBeGreaterThanOrEqual(29);
    await rig.clock.runFor(session.close(), "its end");
  });

  it("is not held up by messages that the broker has kept for it, short or long", async () => {
    const rig = await Rig.open();
    await rig.subscribeFor("commands");
    for (const length of [1, 5_000, 20]) await rig.publish("commands", new Uint8Array(length).fill(0x61));
    for (let byte = 0; byte < 10; byte++) rig.outbox.append(META, Uint8Array.of(byte));
    await rig.deliver();
    expect(rig.payloads.map(([byte]) => byte)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(rig.outbox.count).toBe(0);
  });

  it("gets past an empty message that the broker has kept for it when it wants none", async () => {
    const rig = await Rig.open();
    await rig.subscribeFor("commands");
    await rig.publish("commands", new Uint8Array(0));
    rig.outbox.append(META, Uint8Array.of(1));
    await expect(rig.deliver()).rejects.toThrow("deadline");
    expect(rig.outbox.count).toBe(1);
    await rig.deliver({}, true);
    await rig.deliver();
    expect(rig.outbox.count).toBe(0);
  });
});

describe("a session's frames", () => {
  it("begin only where a good part of them fits, and arrive whole", async () => {
    const rig = await Rig.open();
    const { mqtt } = rig.hal.network;
    const begun: number[] = [];
    mqtt.io = class extends mqtt.io {
      override write(...[data, options]: Parameters<MqttClient["write"]>): number {
        if (options?.topic) begun.push(data!.byteLength);
        return super.write(data, options);
      }
    };
    // Two of them leave some 100 bytes of the send buffer.
    const frames = [1, 2, 3, 4, 5, 6].map((byte) => new Uint8Array(2_800).fill(byte));
    for (const frame of frames) rig.outbox.append(META, frame);
    await rig.deliver();
    expect(rig.payloads).toEqual(frames);
    expect(begun).toHaveLength(6);
    expect(Math.min(...begun)).toBeGreaterThanOrEqual(256);
  });

  it("go on after 65,535 of them, under packet ids that begin anew at 1", async () => {
    const rig = await Rig.open();
    const broker = instantBroker();
    rig.hal.network.mqtt.io = broker.io;
    for (let count = 0; count < 65_550; count++) rig.outbox.append(META, new Uint8Array(1));
    const session = rig.session();
    await rig.clock.runFor(session.send(false, true), "a session");
    expect(rig.outbox.count).toBe(0);
    // The first one was the subscription's.
    expect(broker.ids.slice(65_532, 65_537)).toEqual([65_534, 65_535, 1, 2, 3]);
    await rig.clock.runFor(session.close(), "its end");
  });
});

/** An MQTT class that takes and acknowledges everything, with the packet ids that it was given. */
function instantBroker(): { io: MqttConstructor; ids: number[] } {
  const ids: number[] = [];
  const Operations = { CONNACK: 2, PUBLISH: 3, PUBACK: 4, DISCONNECT: 14 };
  class Instant {
    readonly #options: MqttOptions;

    constructor(options: MqttOptions) {
      this.#options = options;
      queueMicrotask(() => {
        options.onControl?.({ operation: Operations.CONNACK });
        options.onWritable?.(5_000);
      });
    }

    write(_data: unknown, { id, topic }: MqttWriteOptions = {}): number {
      if (topic) {
        ids.push(id!);
        queueMicrotask(() => this.#options.onControl?.({ operation: Operations.PUBACK, id }));
      }
      return 5_000;
    }

    read(): undefined {}

    close(): void {}
  }
  return { io: Object.assign(Instant, Operations) as unknown as MqttConstructor, ids };
}
