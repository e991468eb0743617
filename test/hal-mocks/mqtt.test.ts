import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { Aedes } from "aedes";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../hal-mocks/clock";
import { Link, type LinkSettings } from "../../hal-mocks/link";
import { createMqtt } from "../../hal-mocks/mqtt";
import { createPairStream } from "../../hal-mocks/node/pair";
import { settle } from "../../hal-mocks/node/settle";
import { createTcpStream } from "../../hal-mocks/node/tcp";
import type { StreamConstructor } from "../../hal-mocks/stream";
import type { MqttClient, MqttOptions } from "../../src/hal";

const text = (bytes: ArrayBuffer | Uint8Array | undefined) => new TextDecoder().decode(bytes);
const bytes = (value: string) => new TextEncoder().encode(value);
/** For what no question of ours waits for: a will, or a message that the broker forwards. */
async function eventually(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 400 && !condition(); turn++) await wait(5);
}
const pattern = (length: number) => new Uint8Array(length).map((_, index) => index % 251);

/** One broker, and what it was told. */
class TestBroker {
  readonly messages: string[] = [];
  readonly payloads: Uint8Array[] = [];
  pings = 0;
  port = 0;
  readonly sockets = new Set<Socket>();
  readonly clients = new Set<{ close(): void }>();
  readonly aedes: Aedes;
  readonly server: Server;

  private constructor(aedes: Aedes) {
    this.aedes = aedes;
    this.server = createServer((socket) => {
      this.sockets.add(socket);
      aedes.handle(socket);
    });
    aedes.on("publish", ({ topic, payload, qos, retain, dup }) => {
      if (topic.startsWith("$SYS")) return;
      this.payloads.push(payload as Uint8Array);
      this.messages.push(`${topic} ${payload.length} q${qos}${retain ? " retain" : ""}${dup ? " dup" : ""}`);
    });
    aedes.on("client", (client) => this.clients.add(client));
    aedes.on("ping", () => this.pings++);
  }

  static async start(): Promise<TestBroker> {
    const broker = new TestBroker(await Aedes.createBroker());
    await new Promise<void>((resolve) => broker.server.listen(0, "127.0.0.1", resolve));
    broker.port = (broker.server.address() as AddressInfo).port;
    return broker;
  }

  publish(topic: string, payload: string | Uint8Array, qos: 0 | 1 = 1, retain = false): Promise<void> {
    const packet = { cmd: "publish", topic, payload: Buffer.from(payload), qos, retain, dup: false } as const;
    return new Promise((resolve, reject) => {
      this.aedes.publish(packet, (error) => (error ? reject(error) : resolve()));
    });
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await new Promise<void>((resolve) => this.aedes.close(resolve));
  }
}

/** One terminal, with a log of what its client has told it, each at its virtual time. */
class Node {
  readonly clock = new VirtualClock(0, settle);
  readonly link: Link;
  readonly Mqtt: ReturnType<typeof createMqtt>;
  readonly log: string[] = [];
  client!: MqttClient;

  constructor(settings: LinkSettings = {}) {
    this.link = new Link({ resolveMs: 20, tcpConnectMs: 40, roundTripMs: 30, ...settings });
    this.Mqtt = createMqtt({ clock: this.clock, link: this.link });
  }

  open(io: StreamConstructor, port: number, options: Partial<MqttOptions> = {}): MqttClient {
    this.client = new this.Mqtt({
      host: "127.0.0.1",
      port,
      id: "node",
      dns: { io: undefined },
      socket: { io },
      onControl: ({ operation, id, returnCode, payload }) => {
        const rest = [id, returnCode, payload].filter((value) => value !== undefined).join(" ");
        this.note(`control ${operation} ${rest}`);
      },
      onReadable: (count, { topic, more, QoS, byteLength }) => {
        const read = text(this.client.read(count));
        this.note(`message ${topic} ${read} ${more} ${QoS} ${byteLength}`);
      },
      onWritable: (count) => this.note(`writable ${count}`),
      onError: () => this.note("error"),
      ...options,
    });
    return this.client;
  }

  note(line: string): void {
    this.log.push(`${line.trim()} @${this.clock.now}`);
  }

  /** What was logged since the last call, without `writable`. */
  taken(): string[] {
    return this.log.splice(0).filter((line) => !line.startsWith("writable"));
  }

  run(ms: number): Promise<void> {
    return this.clock.runUntil(this.clock.now + ms);
  }

  async connect(io: StreamConstructor, port: number, options?: Partial<MqttOptions>): Promise<MqttClient> {
    const client = this.open(io, port, options);
    await this.run(1000);
    return client;
  }
}

let broker: TestBroker;
beforeEach(async () => {
  broker = await TestBroker.start();
});
afterEach(() => broker.stop());

const streams: [string, () => StreamConstructor][] = [
  ["over TCP", () => createTcpStream()],
  ["over a pair", () => createPairStream((far) => void broker.aedes.handle(far as never))],
];

describe.each(streams)("%s", (_name, io) => {
  it("publishes with QoS 1, each answer a round trip after its question", async () => {
    const node = new Node();
    const client = node.open(io(), broker.port);
    await node.run(1000);
    expect(node.log.splice(0)).toEqual(["control 2 0 @90", "writable 5736 @90"]);
    const left = client.write(bytes("größer"), { topic: "gm/a/0/f", QoS: 1, id: 77, retain: true });
    expect(left).toBe(5744 - 8 - (1 + 1 + 2 + 8 + 2 + 8));
    client.write(bytes("x"), { topic: "gm/a/0/f", QoS: 1, id: 78, duplicate: true });
    client.write(bytes("y"), { topic: "t" });
    await node.run(1000);
    expect(node.taken()).toEqual(["control 4 77 @1030", "control 4 78 @1030"]);
    expect([...broker.messages].sort()).toEqual(["gm/a/0/f 1 q1 dup", "gm/a/0/f 8 q1 retain", "t 1 q0"]);
    expect(broker.payloads.map(text)).toContain("größer");
    expect(node.clock.holding).toEqual([]);
    client.write(null, { operation: node.Mqtt.DISCONNECT });
    client.close();
    await node.run(1000);
    expect(node.log.filter((line) => !line.startsWith("writable"))).toEqual([]);
    expect(broker.aedes.connectedClients).toBe(0);
  });

  it("gets retained messages before the answer to a ping behind the subscription", async () => {
    await broker.publish("gm/node/w", "stay", 1, true);
    await broker.publish("gm/node/v", "now", 0, true);
    const node = new Node();
    const client = await node.connect(io(), broker.port);
    client.write(null, { operation: node.Mqtt.SUBSCRIBE, id: 5, items: [{ topic: "gm/node/#", QoS: 1 }] });
    await node.run(100);
    client.write(null, { operation: node.Mqtt.PINGREQ });
    await node.run(100);
    const seen = node.taken().map((line) => line.split(" @")[0]);
    expect(seen[0]).toBe("control 2 0");
    expect(seen).toContain("control 9 5 1");
    expect([...seen].sort()).toEqual(
      [
        "control 13",
        "control 2 0",
        "control 9 5 1",
        "message gm/node/v now false 0 3",
        "message gm/node/w stay false 1 4",
      ].sort(),
    );
    expect(seen.at(-1)).toBe("control 13");
    client.write(null, { operation: node.Mqtt.UNSUBSCRIBE, id: 6, items: [{ topic: "gm/node/#" }] });
    await node.run(100);
    expect(node.taken().map((line) => line.split(" @")[0])).toEqual(["control 11 6"]);
    client.close();
  });

  it("acknowledges what a persistent session delivers, so that it comes once", async () => {
    const persistent = { clean: false };
    const node = new Node();
    const first = await node.connect(io(), broker.port, persistent);
    first.write(null, { operation: node.Mqtt.SUBSCRIBE, items: [{ topic: "c", QoS: 1 }] });
    await node.run(100);
    first.write(null, { operation: node.Mqtt.DISCONNECT });
    first.close();
    await broker.publish("c", "while away");
    for (const expected of [["message c while away false 1 10"], []]) {
      node.taken();
      const client = await node.connect(io(), broker.port, persistent);
      client.write(null, { operation: node.Mqtt.PINGREQ });
      await node.run(1000);
      await wait(20);
      await node.run(1000);
      const messages = node.taken().filter((line) => line.startsWith("message"));
      expect(messages.map((line) => line.split(" @")[0])).toEqual(expected);
      client.write(null, { operation: node.Mqtt.DISCONNECT });
      client.close();
      await node.run(100);
    }
  });

  it.each([
    ["a session to be kept without an id", { clean: false, id: "" }],
    ["a password without a user", { password: "x" }],
    ["an id longer than a packet's text", { id: "a".repeat(70_000) }],
  ])("refuses %s before anything opens", (_, options) => {
    const { Mqtt } = new Node();
    let opened = 0;
    class Socket {
      constructor() {
        opened++;
      }
    }
    const all = { host: "broker", id: "node", dns: { io: undefined }, socket: { io: Socket }, ...options };
    expect(() => new Mqtt(all)).toThrow();
    expect(opened).toBe(0);
  });

  it("leaves a will behind when it is lost, none after DISCONNECT", async () => {
    const will = { topic: "gm/node/s", message: bytes("gone").buffer as ArrayBuffer, QoS: 1, retain: true };
    const node = new Node();
    const polite = await node.connect(io(), broker.port, { will });
    polite.write(null, { operation: node.Mqtt.DISCONNECT });
    polite.close();
    await node.run(100);
    await wait(20);
    expect(broker.messages).toEqual([]);
    await node.connect(io(), broker.port, { will });
    node.link.down();
    await eventually(() => broker.messages.length > 0);
    expect(broker.messages).toEqual(["gm/node/s 4 q1 retain"]);
    await node.run(10_000);
    expect(node.taken().filter((line) => line.startsWith("error")).length).toBe(1);
  });

  it("loses the answer when the link drops mid-flight, and says so once", async () => {
    const node = new Node({ lostMs: 2000 });
    const client = await node.connect(io(), broker.port);
    node.taken();
    client.write(bytes("frame"), { topic: "f", QoS: 1, id: 9 });
    node.clock.set(() => node.link.down(), 20);
    await node.run(1500);
    // It does not know yet, and what it writes goes nowhere.
    client.write(bytes("frame"), { topic: "g", QoS: 1, id: 10 });
    await node.run(10_000);
    expect(node.taken()).toEqual(["error @3020"]);
    expect(broker.messages).toEqual(["f 5 q1"]);
    expect(node.clock.holding).toEqual([]);
    expect(() => client.write(bytes("x"), { topic: "f" })).toThrow("closed");
    client.close();
    node.link.up();
    await node.connect(io(), broker.port);
    expect(node.taken()).toEqual(["control 2 0 @12590"]);
    node.client.close();
  });

  it("vanishes without a word when its terminal does", async () => {
    const node = new Node();
    const client = await node.connect(io(), broker.port, { will: { topic: "w", message: "gone" } });
    node.taken();
    client.write(bytes("frame"), { topic: "f", QoS: 1 });
    node.link.reset();
    expect(node.clock.holding).toEqual([]);
    await node.run(100_000);
    await eventually(() => broker.aedes.connectedClients === 0 && broker.messages.length > 1);
    expect(node.log).toEqual([]);
    expect(broker.aedes.connectedClients).toBe(0);
    expect(broker.messages).toContain("w 4 q0");
  });

  it("is told when the broker refuses it", async () => {
    broker.aedes.authenticate = (_client, user, password, done) => {
      done(null, user === "meter" && text(password) === "pass");
    };
    const node = new Node();
    await node.connect(io(), broker.port, { user: "meter", password: "wrong" });
    expect(node.log.splice(0)).toEqual(["error @90"]);
    await node.connect(io(), broker.port, { user: "meter", password: "pass" });
    expect(node.taken()).toEqual(["control 2 0 @1090"]);
    node.client.close();
    expect(node.clock.holding).toEqual([]);
  });

  it("is told when the broker closes the connection, once", async () => {
    const node = new Node();
    const client = await node.connect(io(), broker.port, { keepalive: 60_000 });
    node.taken();
    client.write(bytes("x"), { topic: "f", QoS: 1, id: 3 });
    await node.run(100);
    for (const connected of broker.clients) connected.close();
    await eventually(() => broker.aedes.connectedClients === 0);
    await wait(20);
    await node.run(100_000);
    expect(node.taken().map((line) => line.split(" @")[0])).toEqual(["control 4 3", "error"]);
  });

  it("sends a long message in fragments, as its budget comes back", async () => {
    const node = new Node();
    const message = pattern(20_000);
    let sent = 0;
    const client = await node.connect(io(), broker.port, {
      onWritable: (count) => {
        if (sent === message.length) return;
        const part = message.subarray(sent, sent + count - 20);
        const first = { topic: "long", QoS: 1, id: 4, byteLength: message.length };
        if (!sent) node.client.write(part, first);
        else node.client.write(part, undefined as never);
        sent += part.length;
      },
    });
    expect(sent).toBe(message.length);
    expect(broker.messages).toEqual(["long 20000 q1"]);
    expect(new Uint8Array(broker.payloads[0])).toEqual(message);
    expect(node.taken()).toEqual(["control 2 0 @90", "control 4 4 @210"]);
    client.close();
  });

  it("gives a long message in fragments, and parses nothing behind what is unread", async () => {
    const node = new Node();
    const message = pattern(5000);
    const parts: { count: number; more: boolean; byteLength?: number }[] = [];
    const client = await node.connect(io(), broker.port, {
      onReadable: (count, { more, byteLength }) => parts.push({ count, more, byteLength }),
    });
    client.write(null, { operation: node.Mqtt.SUBSCRIBE, items: [{ topic: "long", QoS: 1 }] });
    await node.run(100);
    node.taken();
    client.write(message, { topic: "long", QoS: 0 });
    client.write(null, { operation: node.Mqtt.PINGREQ });
    for (let turn = 0; turn < 400 && !parts.length; turn++) {
      await wait(5);
      await node.run(100);
    }
    const read: number[] = [];
    for (let round = 1; round <= 4; round++) {
      expect(parts.length).toBe(round);
      const target = new Uint8Array(1000);
      expect(client.read(target as never)).toBe(Math.min(1000, parts[round - 1].count));
      read.push(...target.subarray(0, Math.min(1000, parts[round - 1].count)));
      read.push(...new Uint8Array(client.read() ?? new ArrayBuffer(0)));
      expect(client.read()).toBeUndefined();
      await node.run(100);
    }
    expect(new Uint8Array(read)).toEqual(message);
    expect(parts.map(({ more }) => more)).toEqual([true, true, true, false]);
    expect(parts.map(({ byteLength }) => byteLength)).toEqual([5000, undefined, undefined, undefined]);
    expect(parts.every(({ count }) => count <= 1436)).toBe(true);
    client.close();
  });

  it("pings after three quarters of its keepalive time, in virtual time", async () => {
    const node = new Node();
    const client = await node.connect(io(), broker.port, { keepalive: 60_000 });
    await node.run(600_000);
    expect(broker.pings).toBe(13);
    expect(node.taken().filter((line) => line.startsWith("control 13")).length).toBe(13);
    client.close();
    await node.run(600_000);
    expect(broker.pings).toBe(13);
  });

  it("stops at an empty message, as the SDK's client does, until its keepalive time is over", async () => {
    const node = new Node();
    const client = await node.connect(io(), broker.port, { keepalive: 10_000 });
    client.write(null, { operation: node.Mqtt.SUBSCRIBE, items: [{ topic: "c" }] });
    await node.run(100);
    node.taken();
    client.write(new Uint8Array(0), { topic: "c" });
    await wait(50);
    await node.run(60_000);
    expect(node.taken()).toEqual(["error @15060"]);
    expect(node.clock.holding).toEqual([]);
  });
});

describe("a peer that fails", () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  async function peer(onConnection: (socket: Socket) => void): Promise<number> {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      onConnection(socket);
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  }

  const CONNACK = Uint8Array.of(0x20, 2, 0, 0);

  it.each<[string, (socket: Socket) => void]>([
    ["is silent", () => {}],
    ["dies before CONNECT", (socket) => socket.destroy()],
    ["dies at CONNECT", (socket) => socket.on("data", () => socket.destroy())],
    ["half-closes at CONNECT", (socket) => socket.on("data", () => socket.end())],
    ["talks nonsense", (socket) => socket.on("data", () => socket.write(Uint8Array.of(0xf0, 0xff, 0xff)))],
    ["answers only CONNECT", (socket) => socket.once("data", () => socket.write(CONNACK))],
  ])("%s: one error, no hold left", async (_what, onConnection) => {
    const sockets: Socket[] = [];
    const port = await peer((socket) => {
      sockets.push(socket);
      onConnection(socket);
    });
    const node = new Node();
    node.open(createTcpStream({ deadlineMs: 60 }), port, {
      onWritable: () => {
        node.client.write(bytes("x"), { topic: "f", QoS: 1 });
        node.client.write(null, { operation: node.Mqtt.PINGREQ });
        node.client.write(null, { operation: node.Mqtt.DISCONNECT });
      },
    });
    await node.run(10_000);
    await wait(20);
    await node.run(10_000);
    expect(node.taken().filter((line) => line.startsWith("error")).length).toBe(1);
    expect(node.clock.holding).toEqual([]);
    for (const socket of sockets) socket.destroy();
  });

  it("does not keep a closed client's DISCONNECT waiting for ever", async () => {
    const sockets: Socket[] = [];
    const port = await peer((socket) => {
      sockets.push(socket);
      socket.once("data", () => socket.write(CONNACK));
    });
    const node = new Node();
    const client = await node.connect(createTcpStream({ deadlineMs: 60 }), port);
    client.write(null, { operation: node.Mqtt.DISCONNECT });
    client.close();
    expect(node.clock.holding).toEqual(["the answer to DISCONNECT of node"]);
    await node.run(1000);
    expect(node.clock.holding).toEqual([]);
    for (const socket of sockets) socket.destroy();
  });

  it("refuses at once, or has no route: in virtual time", async () => {
    const port = await peer(() => {});
    servers.splice(0)[0].close();
    const node = new Node({ refusedMs: 50, noRouteMs: 3000 });
    await node.connect(createTcpStream(), port);
    expect(node.log.splice(0)).toEqual(["error @110"]);
    node.link.down();
    node.open(createTcpStream(), port);
    await node.run(10_000);
    expect(node.log).toEqual(["error @4060"]);
  });

  it("refuses as a pair whose far side throws", async () => {
    const node = new Node();
    await node.connect(
      createPairStream(() => {
        throw new Error("not now");
      }),
      1883,
    );
    expect(node.log).toEqual(["error @110"]);
  });
});

describe("what a client refuses", () => {
  it("throws before it is connected, after it is closed, and for what does not fit", async () => {
    const node = new Node();
    const io = createTcpStream();
    const client = node.open(io, broker.port);
    expect(() => client.write(bytes("x"), { topic: "t" })).toThrow("not connected");
    await node.run(1000);
    expect(() => client.write(new Uint8Array(5744), { topic: "t" })).toThrow("overflow");
    expect(() => client.write(bytes("x"), { topic: "t", QoS: 2 })).toThrow("QoS is 2");
    expect(() => client.write(bytes("x"), {})).toThrow("needs a topic");
    expect(() => client.write(bytes("xyz"), { topic: "t", byteLength: 2 })).toThrow("more data");
    expect(() => client.write(null, { operation: 1 })).toThrow("cannot be written");
    client.write(bytes("ab"), { topic: "t", byteLength: 4 });
    expect(() => client.write(bytes("c"), { topic: "u" })).toThrow("the rest of a message");
    expect(() => client.write(bytes("cde"), undefined as never)).toThrow("the rest of a message");
    client.write(bytes("cd"), undefined as never);
    await eventually(() => broker.messages.length > 0);
    expect(broker.messages).toEqual(["t 4 q0"]);
    client.close();
    expect(() => client.write(bytes("x"), { topic: "t" })).toThrow("closed");
    expect(() => client.read()).toThrow("closed");
  });
});

it("tells the same story at the same virtual times over TCP and over a pair, every time", async () => {
  const stories: string[][] = [];
  for (const [, io] of [...streams, ...streams]) {
    const node = new Node();
    for (let session = 0; session < 5; session++) {
      const client = await node.connect(io(), broker.port, { keepalive: 20_000, clean: false });
      for (let frame = 1; frame <= 3; frame++) {
        client.write(pattern(900 * frame), { topic: "f", QoS: 1, id: frame });
        await node.run(10);
      }
      await node.run(30_000);
      client.write(null, { operation: node.Mqtt.DISCONNECT });
      client.close();
      await node.run(10);
    }
    stories.push(node.log);
  }
  expect(stories[0].length).toBeGreaterThan(40);
  for (const story of stories) expect(story).toEqual(stories[0]);
});
