import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Subscriber } from "../../tools/subscriber";
import { TestBroker } from "./broker";

/** What aedes keeps for sessions that are not clean; its types leave it out. */
interface Keeping {
  persistence: { countOffline(): Promise<{ subsCount: number; clientsCount: number }> };
}

let broker: TestBroker;
beforeEach(async () => {
  broker = await TestBroker.open();
});
afterEach(() => broker.stop());

it("waits at a barrier for all that came before", async () => {
  const seen: string[] = [];
  const subscriber = await Subscriber.connect(broker.url, {
    filter: "t/+",
    onMessage: (topic) => void seen.push(topic),
  });
  const sent = Array.from({ length: 500 }, (_, index) => `t/${index}`);
  const published = Promise.all(sent.map((topic) => broker.publish(topic, "x")));
  await subscriber.barrier();
  expect(seen).toEqual(sent);
  await published;
  await Promise.all([subscriber.barrier(), subscriber.barrier()]);
  await subscriber.close();
});

it("comes back when the broker does, and says once that it was gone", async () => {
  const seen: string[] = [];
  let lost = 0;
  let restored = 0;
  const subscriber = await Subscriber.connect(broker.url, {
    filter: "t/+",
    onMessage: (topic) => void seen.push(topic),
    onLost: () => void lost++,
    onRestored: () => void restored++,
  });
  for (const round of [1, 2]) {
    await broker.stop();
    await new Promise((resolve) => setTimeout(resolve, 350));
    await broker.start();
    await subscriber.barrier();
    await broker.publish(`t/${round}`, "x");
    await subscriber.barrier();
    expect(lost).toBe(round);
    expect(restored).toBe(round);
  }
  expect(seen).toEqual(["t/1", "t/2"]);
  await subscriber.close();
  expect(lost).toBe(2);
});

it("leaves no session behind for which the broker would keep messages", async () => {
  const { persistence } = broker.aedes as unknown as Keeping;
  const subscriber = await Subscriber.connect(broker.url, { filter: "t/+", onMessage: () => {} });
  expect((await persistence.countOffline()).subsCount).toBeGreaterThan(0);
  await subscriber.close();
  expect(await persistence.countOffline()).toEqual({ subsCount: 0, clientsCount: 0 });
});

it("ends when the broker is gone", async () => {
  const subscriber = await Subscriber.connect(broker.url, { filter: "t/+", onMessage: () => {} });
  await broker.stop();
  await subscriber.close();
});

it("fails in one line when nobody listens, and never quotes the password", async () => {
  const url = `mqtt://user:secret@127.0.0.1:${broker.port}`;
  await broker.stop();
  await expect(Subscriber.connect(url, { filter: "t", onMessage: () => {} })).rejects.toMatchObject({
    name: "Failure",
    message: `no broker at mqtt://127.0.0.1:${broker.port} (connection refused): is one running there?`,
  });
});

it("fails in one line when the broker does not let us in", async () => {
  broker.aedes.authenticate = (_client, _user, _password, done) => {
    done(Object.assign(new Error("no"), { returnCode: 5 as const }), false);
  };
  await expect(Subscriber.connect(broker.url, { filter: "t", onMessage: () => {} })).rejects.toMatchObject({
    name: "Failure",
    message: expect.stringMatching(/^the broker at \S+ refuses the login \([^\n]*Not authorized\)$/),
  });
});

it("fails in one line when the filter is none, and ends", async () => {
  await expect(
    Subscriber.connect(broker.url, { filter: "a/#/b", onMessage: () => {} }),
  ).rejects.toMatchObject({
    name: "Failure",
    message: expect.stringMatching(/^the broker at mqtt:\/\/127\.0\.0\.1:\d+ refuses "a\/#\/b" \([^\n]+\)$/),
  });
});

it("fails in one line when what listens is no broker", async () => {
  const server = createServer((socket) =>
    socket.on("error", () => {}).end("HTTP/1.1 400 Bad Request\r\n\r\n"),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await expect(
    Subscriber.connect(`mqtt://127.0.0.1:${port}`, { filter: "t", onMessage: () => {} }),
  ).rejects.toMatchObject({
    name: "Failure",
    message: expect.stringMatching(/^what listens at \S+ does not answer as an MQTT broker does \([^\n]+\)$/),
  });
  server.close();
});
