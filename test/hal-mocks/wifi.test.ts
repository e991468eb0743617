import { expect, it } from "vitest";
import { type AccessPointSettings, Air } from "../../hal-mocks/air";
import { TerminalClock, VirtualClock } from "../../hal-mocks/clock";
import { Link } from "../../hal-mocks/link";
import { settle } from "../../hal-mocks/node/settle";
import { createRandom } from "../../hal-mocks/random";
import { createWiFi } from "../../hal-mocks/wifi";
import type { WiFi } from "../../src/hal";

const right = { SSID: "house", password: "right" };
const latencies = {
  associateMs: 900,
  rejoinMs: 300,
  addressMs: 600,
  notFoundMs: 2400,
  notThereMs: 500,
  lostMs: 2000,
};

function create(accessPoints: readonly AccessPointSettings[] = [right]) {
  const clock = new VirtualClock(0, settle);
  const link = new Link({ ...latencies, random: createRandom(1) });
  const air = new Air(accessPoints);
  const WiFi = createWiFi({ clock: new TerminalClock(clock), link, air });
  const changes: string[] = [];
  const open = () => {
    const wifi = new WiFi({
      onChanged: (property) => changes.push(`${property} ${wifi[property]} @${clock.now}`),
    });
    return wifi;
  };
  return { clock, link, air, changes, open };
}

it("associates, then gets an address, in virtual time", async () => {
  const { clock, link, changes, open } = create();
  const wifi = open();
  expect(link.isUp).toBe(false);
  wifi.connect(Object.freeze({ ...right }));
  expect(wifi.connection).toBe(300);
  await clock.runUntil(5000);
  expect(changes).toEqual(["connection 400 @900", "connection 500 @1500", "address 192.0.2.17 @1500"]);
  expect(link.isUp).toBe(true);
});

it("has a static address as soon as it is associated, and asks DHCP again when that is taken back", async () => {
  const { clock, changes, open } = create();
  const wifi = open();
  wifi.configure({ static: { address: "192.0.2.5", mask: "255.255.255.0", gateway: "192.0.2.1" } });
  wifi.connect(right);
  await clock.runUntil(900);
  expect(changes).toEqual(["connection 400 @900", "connection 500 @900", "address 192.0.2.5 @900"]);
  wifi.disconnect();
  wifi.configure({ static: false });
  wifi.connect(right);
  await clock.runUntil(5000);
  expect(wifi.address).toBe("192.0.2.17");
});

it.each([
  ["a wrong password", { SSID: "house", password: "wrong" }, 900],
  ["no such network", { SSID: "other", password: "right" }, 3300],
])("stays below 400 with %s", async (_what, credentials, at) => {
  const { clock, link, changes, open } = create();
  open().connect(credentials);
  await clock.runUntil(10_000);
  expect(changes).toEqual([`connection 200 @${at}`]);
  expect(link.isUp).toBe(false);
});

it("refuses to begin twice, and fails an association when it is told to", async () => {
  const { clock, link } = create();
  let fails = true;
  const WiFi = createWiFi({ clock: new TerminalClock(clock), link, fails: () => fails });
  const wifi = new WiFi({});
  wifi.connect(right);
  expect(() => wifi.connect(right)).toThrow("already connecting");
  await clock.runUntil(1000);
  expect(wifi.connection).toBe(200);
  fails = false;
  wifi.connect(right);
  await clock.runUntil(5000);
  expect(wifi.connection).toBe(500);
});

it("finds out that the access point is gone, and does not look for it again by itself", async () => {
  const { clock, link, changes, open } = create();
  const wifi = open();
  wifi.connect(right);
  await clock.runUntil(5000);
  changes.length = 0;
  link.down("wifi");
  expect(link.isUp).toBe(false);
  await clock.runUntil(8000);
  expect(changes).toEqual(["connection 200 @7000"]);
  wifi.connect(right);
  await clock.runUntil(12_000);
  expect(changes.slice(1)).toEqual(["connection 200 @11300"]);
  link.up("wifi");
  await clock.runUntil(20_000);
  expect(wifi.connection).toBe(200);
  wifi.connect(right);
  await clock.runUntil(25_000);
  expect(wifi.connection).toBe(500);
});

it("keeps the connection when only the network behind is down", async () => {
  const { clock, link, open } = create();
  const wifi = open();
  wifi.connect(right);
  await clock.runUntil(5000);
  link.down();
  await clock.runUntil(50_000);
  expect([wifi.connection, link.isUp]).toEqual([500, false]);
  link.up();
  expect(link.isUp).toBe(true);
});

it("outlives its instances, as on the board, but not a reset", async () => {
  const { clock, link, changes, open } = create();
  const first = open();
  first.connect(right);
  first.close();
  first.close();
  await clock.runUntil(5000);
  expect(changes).toEqual([]);
  expect(() => first.connection).toThrow("closed");
  const second = open();
  expect(second.connection).toBe(500);
  link.reset();
  expect(() => second.connection).toThrow("closed");
  expect(open().connection).toBe(200);
  expect(link.isUp).toBe(false);
  await clock.runUntil(10_000);
  expect(changes).toEqual([]);
});

it("disconnects without reporting it, in the middle of connecting too", async () => {
  const { clock, changes, open } = create();
  const wifi = open();
  wifi.connect(right);
  await clock.runUntil(1000);
  wifi.disconnect();
  expect(wifi.connection).toBe(200);
  await clock.runUntil(5000);
  expect(changes).toEqual(["connection 400 @900"]);
});

it("refuses credentials that the chip would", () => {
  const wifi = create().open();
  expect(() => wifi.connect({ SSID: "" })).toThrow(RangeError);
  expect(() => wifi.connect({ SSID: "x".repeat(33) })).toThrow(RangeError);
  expect(() => wifi.connect({ SSID: "x", channel: 14 })).toThrow(RangeError);
  expect(() => wifi.connect({ SSID: "x", password: "x".repeat(65) })).toThrow(RangeError);
  expect(wifi.connection).toBe(200);
});

it("says where it is associated, as the SDK's class does", async () => {
  const { clock, open } = create([{ ...right, channel: 11, BSSID: "02:aa:bb:cc:dd:ee", RSSI: -71 }]);
  const wifi = open() as WiFi & { BSSID?: string; SSID?: string };
  const where = () => [wifi.channel, wifi.RSSI, wifi.BSSID, wifi.SSID];
  const nowhere = [undefined, undefined, undefined, undefined];
  expect(where()).toEqual(nowhere);
  wifi.connect(right);
  expect(where()).toEqual(nowhere);
  await clock.runUntil(5000);
  expect(where()).toEqual([11, -71, "02:aa:bb:cc:dd:ee", "house"]);
  wifi.disconnect();
  expect(where()).toEqual(nowhere);
});

it("is quicker on a channel that it knows, and finds nothing there when the access point has moved", async () => {
  const { clock, air, changes, open } = create([{ ...right, channel: 3 }]);
  const wifi = open();
  wifi.connect({ ...right, channel: 3 });
  await clock.runUntil(5000);
  expect(changes).toEqual(["connection 400 @300", "connection 500 @900", "address 192.0.2.17 @900"]);
  wifi.disconnect();
  air.accessPoints[0].moveTo(9);
  changes.length = 0;
  wifi.connect({ ...right, channel: 3 });
  await clock.runUntil(10_000);
  expect(changes).toEqual(["connection 200 @5800"]);
  wifi.connect(right);
  await clock.runUntil(15_000);
  expect([wifi.connection, wifi.channel]).toEqual([500, 9]);
});

it("takes the strongest access point of its network, stays there, and roams only when that is lost", async () => {
  const { clock, link, air, changes, open } = create([
    { ...right, channel: 1, RSSI: -70 },
    { ...right, channel: 6, RSSI: -50, network: "198.51.100" },
    { SSID: "neighbour", channel: 11, RSSI: -30 },
  ]);
  const [far, near] = air.accessPoints;
  const wifi = open();
  near.down();
  wifi.connect(right);
  await clock.runUntil(5000);
  expect([wifi.channel, wifi.address]).toEqual([1, "192.0.2.17"]);
  near.up();
  await clock.runUntil(20_000);
  expect([wifi.connection, wifi.channel]).toEqual([500, 1]);
  changes.length = 0;
  far.down();
  expect(link.isUp).toBe(false);
  far.up();
  await clock.runUntil(30_000);
  expect(changes).toEqual(["connection 200 @22000"]);
  wifi.connect(right);
  await clock.runUntil(40_000);
  expect([wifi.channel, wifi.address, link.isUp]).toEqual([6, "198.51.100.17", true]);
  near.moveTo(7);
  await clock.runUntil(50_000);
  expect(wifi.connection).toBe(200);
  expect(link.tornSockets).toBe(0);
});

it("waits for a DHCP server that is slow, and asks one that is silent again and again", async () => {
  const { clock, air, changes, open } = create([{ ...right, addressMs: 7000, dhcp: "silent" }]);
  const wifi = open();
  wifi.connect(right);
  await clock.runUntil(15_000);
  expect(changes).toEqual(["connection 400 @900"]);
  air.accessPoints[0].dhcp = "answers";
  await clock.runUntil(60_000);
  // 900, then 7 s and 4 s of patience, then 7 s.
  expect(changes.slice(1)).toEqual(["connection 500 @18900", "address 192.0.2.17 @18900"]);
});

it("is sent away where DHCP refuses it", async () => {
  const { clock, changes, open } = create([{ ...right, dhcp: "refuses" }]);
  open().connect(right);
  await clock.runUntil(60_000);
  expect(changes).toEqual(["connection 400 @900", "connection 200 @1500"]);
});

it("has a static address where DHCP is silent, and is alone with one of another network", async () => {
  const { clock, link, air, changes, open } = create([{ ...right, dhcp: "silent" }]);
  const wifi = open();
  wifi.configure({ static: { address: "192.0.2.5", mask: "255.255.255.0", gateway: "192.0.2.1" } });
  wifi.connect(right);
  await clock.runUntil(5000);
  expect([wifi.connection, link.isUp]).toEqual([500, true]);
  wifi.configure({ static: { address: "10.0.0.5", mask: "255.255.255.0", gateway: "10.0.0.1" } });
  await clock.runUntil(6000);
  expect([wifi.connection, wifi.address, link.isUp]).toEqual([500, "10.0.0.5", false]);
  air.accessPoints[0].dhcp = "answers";
  changes.length = 0;
  wifi.configure({ static: false });
  expect(wifi.connection).toBe(400);
  await clock.runUntil(10_000);
  expect(changes).toEqual(["connection 500 @6600", "address 192.0.2.17 @6600"]);
  expect(link.isUp).toBe(true);
});

it("forgets a static address with its RAM", async () => {
  const { clock, link, open } = create();
  open().configure({ static: { address: "192.0.2.5", mask: "255.255.255.0", gateway: "192.0.2.1" } });
  link.reset();
  const wifi = open();
  wifi.connect(right);
  await clock.runUntil(5000);
  expect(wifi.address).toBe("192.0.2.17");
});

it("gets its address late when packets are lost", async () => {
  const { clock, link, open } = create();
  link.loss = 0.3;
  const late: number[] = [];
  const wifi = open();
  for (let round = 0; round < 50; round++) {
    const { now } = clock;
    wifi.connect(right);
    while (wifi.connection < 500) await clock.runUntil(clock.now + 100);
    late.push(clock.now - now);
    wifi.disconnect();
  }
  expect(Math.min(...late)).toBe(1500);
  expect(Math.max(...late)).toBeGreaterThan(10_000);
});

it("refuses a channel that no access point of Europe has", () => {
  const { air } = create();
  expect(() => air.accessPoints[0].moveTo(0)).toThrow("channel is 0, expected 1 to 13");
  expect(() => new Air([{ channel: 14 }])).toThrow("channel is 14");
});

it("makes the key of a passphrase at each association, and spares that where it is given the key", async () => {
  const clock = new VirtualClock(0, settle);
  const link = new Link({ ...latencies, deriveMs: 138 });
  const WiFi = createWiFi({ clock: new TerminalClock(clock), link });
  const joined: number[] = [];
  const wifi = new WiFi({
    onChanged: (property) => {
      if (property === "connection" && wifi.connection === 400) joined.push(clock.now);
    },
  });
  for (const password of ["a passphrase", "0123456789abcdef".repeat(4), undefined]) {
    wifi.connect({ SSID: "house", ...(password && { password }) });
    await clock.runUntil(clock.now + 5000);
    wifi.disconnect();
  }
  expect(joined).toEqual([900 + 138, 5000 + 900, 10_000 + 900]);
});
