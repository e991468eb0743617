import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { VirtualClock } from "../../hal-mocks/clock";
import { Hosts } from "../../hal-mocks/hosts";
import { createPairStream } from "../../hal-mocks/node/pair";
import { settle } from "../../hal-mocks/node/settle";
import { createTcpStream } from "../../hal-mocks/node/tcp";
import type { Stream, StreamConstructor, StreamOptions } from "../../hal-mocks/stream";
import { busSubjects } from "./bus-subjects";
import { createDevice, type Faults, plants } from "./plants";
import { type Rule, rules, type Subject } from "./rules";
import { type Device, device, subjects } from "./subjects";
import { cases, createWorld, Peers } from "./world";

/** Real milliseconds in which a loopback socket certainly answers. */
const REAL_MS = 40;

let peers: Peers;

beforeAll(async () => {
  peers = await Peers.open();
});

afterAll(() => peers.close());

describe.each(Object.entries(cases))("%s", (_name, { subject, transport }) => {
  it.each(Object.entries(rules))("keeps %s", async (_rule, rule) => {
    expect(await rule(subjects[subject](createWorld(peers, transport)))).toEqual([]);
  });
});

describe.each(Object.entries(busSubjects))("%s", (_name, create) => {
  it.each(Object.entries(rules))("keeps %s", async (_rule, rule) => {
    expect(await rule(create())).toEqual([]);
  });
});

/** A stream has no virtual time, and firmware never sees one: the MQTT client does. */
function stream(createClass: () => StreamConstructor): Subject<Stream> {
  return {
    callbacks: ["onReadable", "onWritable", "onError"],
    expected: ["onReadable", "onWritable"],
    options: () => ({ address: "127.0.0.1", port: peers.echoPort }),
    bad: {
      "no address": { address: undefined },
      "port -1": { port: -1 },
      "port 65536": { port: 65_536 },
      "a callback that is no function": { onError: 1 },
    },
    open: (options) => new (createClass())(options as unknown as StreamOptions),
    uses: [(client) => client.write(Uint8Array.of(1, 2, 3))],
    react: (client, callback) => {
      if (callback === "onReadable") client.read();
      if (callback === "onWritable") client.write(Uint8Array.of(4));
    },
    settle: () => wait(REAL_MS),
  };
}

const createEcho = () => createPairStream((serverSide) => serverSide.pipe(serverSide));

const streams: Record<string, () => StreamConstructor> = {
  "tcp stream": createTcpStream,
  "pair stream": createEcho,
  "stream of several hosts": () => new Hosts(new Map([["127.0.0.1", createEcho()]])).stream,
};

describe.each(Object.entries(streams))("%s", (_name, createClass) => {
  it.each(Object.entries(rules))("keeps %s", async (_rule, rule) => {
    expect(await rule(stream(createClass))).toEqual([]);
  });
});

function planted(faults: Faults): Subject<Device> {
  const clock = new VirtualClock(0, settle);
  const Planted = createDevice(faults, clock);
  return device(
    (options) => new Planted(options),
    () => clock.runUntil(clock.now + 100),
  );
}

describe("the rules themselves", () => {
  it.each(plants)("%s rejects a class that %o: %s", async (rule, faults, finding) => {
    const findings = await (rules[rule] as Rule)(planted(faults));
    expect(findings.join()).toContain(finding);
  });

  it.each(Object.entries(rules))("%s accepts a class that keeps it", async (_name, rule) => {
    expect(await rule(planted({}))).toEqual([]);
  });
});
