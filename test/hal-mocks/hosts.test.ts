import { setTimeout as wait } from "node:timers/promises";
import { Aedes } from "aedes";
import { expect, it } from "vitest";
import { VirtualClock } from "../../hal-mocks/clock";
import { type Health, Hosts } from "../../hal-mocks/hosts";
import { Link } from "../../hal-mocks/link";
import { createMqtt } from "../../hal-mocks/mqtt";
import { createPairStream } from "../../hal-mocks/node/pair";
import { settle } from "../../hal-mocks/node/settle";
import { createRandom } from "../../hal-mocks/random";
import type { MqttOptions } from "../../src/hal";

/** Real milliseconds until a peer that does not answer is given up: none that is made up may take them. */
const DEADLINE_MS = 2000;

/** Two brokers in this process, and a terminal that can reach them. */
async function create() {
  const clock = new VirtualClock(0, settle);
  const link = new Link({
    ...{ resolveMs: 20, tcpConnectMs: 40, roundTripMs: 30, refusedMs: 50 },
    random: createRandom(1),
  });
  const brokers = [await Aedes.createBroker(), await Aedes.createBroker()];
  const [first, second] = brokers.map((broker) =>
    createPairStream((far) => void broker.handle(far), { deadlineMs: DEADLINE_MS }),
  );
  const hosts = new Hosts(
    new Map([
      ["first", first],
      ["second", second],
    ]),
  );
  const Mqtt = createMqtt({ clock, link });
  const log: string[] = [];
  const open = (host: string, options: Partial<MqttOptions> = {}) =>
    new Mqtt({
      ...{ host, id: "node", dns: { io: undefined }, socket: { io: hosts.stream } },
      onControl: ({ operation, id }) => log.push(`${host} ${operation} ${id ?? "-"} @${clock.now}`),
      onError: (error) => log.push(`${host} ${error instanceof Error ? error.message : error} @${clock.now}`),
      ...options,
    });
  return { clock, link, brokers, hosts, log, open };
}

it("has a second broker answer while the first is down", async () => {
  const { clock, brokers, hosts, log, open } = await create();
  hosts.set("first", "down");
  open("first");
  const client = open("second");
  await clock.runUntil(1000);
  expect(log).toEqual(["second 2 - @90", "first first refuses the connection @110"]);
  expect(brokers.map(({ connectedClients }) => connectedClients)).toEqual([0, 1]);
  hosts.set("first", "up");
  expect(hosts.health("first")).toBe("up");
  const other = open("first");
  await clock.runUntil(2000);
  expect(log.slice(2)).toEqual(["first 2 - @1090"]);
  other.close();
  client.close();
});

it.each<[string, Health, string[]]>([
  ["refuses each CONNECT", { returnCode: 3 }, ["refused the connection with return code 3 @90"]],
  ["closes at the first bytes", "closes", ["the peer closed the connection @90"]],
  ["is silent, until the client's patience ends", "silent", ["no answer within the keepalive time @10060"]],
])("has a host that %s, in virtual time alone", async (_what, health, expected) => {
  const { clock, hosts, log, open } = await create();
  hosts.set("first", health);
  open("first", { keepalive: 10_000 });
  const begun = performance.now();
  await clock.runUntil(60_000);
  expect(performance.now() - begun).toBeLessThan(DEADLINE_MS);
  expect(log.length).toBe(expected.length);
  for (const [index, line] of expected.entries()) expect(log[index]).toContain(line);
  expect(clock.holding).toEqual([]);
});

it("cuts what is connected to a host that changes, and nothing else", async () => {
  const { clock, brokers, hosts, log, open } = await create();
  open("first");
  const client = open("second");
  await clock.runUntil(1000);
  log.length = 0;
  hosts.set("first", "silent");
  expect(log).toEqual([]);
  await clock.runUntil(2000);
  expect(log).toEqual(["first the peer closed the connection @1030"]);
  for (let turn = 0; turn < 400 && brokers[0].connectedClients; turn++) await wait(5);
  expect(brokers.map(({ connectedClients }) => connectedClients)).toEqual([0, 1]);
  client.close();
});

it("does not know hosts that were not named", async () => {
  const { clock, hosts, log, open } = await create();
  open("third");
  await clock.runUntil(1000);
  expect(log).toEqual(['third there is no host "third" @110']);
  expect(() => hosts.set("third", "up")).toThrow('there is no host "third"');
});

it("loses no message to lost packets, but time", async () => {
  const { clock, link, brokers, log, open } = await create();
  const received: string[] = [];
  brokers[0].on("publish", ({ topic }) => void (topic.startsWith("$") || received.push(topic)));
  const client = open("first");
  await clock.runUntil(1000);
  link.loss = 0.1;
  log.length = 0;
  for (let id = 1; id <= 50; id++) {
    client.write(Uint8Array.of(id), { topic: `t${id}`, QoS: 1, id });
    await clock.runUntil(clock.now + 10_000);
  }
  expect(received.length).toBe(50);
  expect(log.map((line) => line.split(" @")[0])).toEqual(received.map((_, index) => `first 4 ${index + 1}`));
  const late = log.map((line, index) => Number(line.split("@")[1]) - 1000 - 10_000 * index);
  expect(late.filter((ms) => ms === 30).length).toBeGreaterThan(25);
  expect(late).toContain(1030);
  client.close();
});

it("breaks a connection over which nothing gets through, and finds no address there", async () => {
  const { clock, link, log, open } = await create();
  const client = open("first");
  await clock.runUntil(1000);
  log.length = 0;
  link.loss = 1;
  client.write(Uint8Array.of(1), { topic: "t", QoS: 1, id: 7 });
  open("second");
  await clock.runUntil(200_000);
  expect(log).toEqual([
    "second nobody knows the broker's address @5000",
    "first the connection is lost @128030",
  ]);
  expect(clock.holding).toEqual([]);
});
