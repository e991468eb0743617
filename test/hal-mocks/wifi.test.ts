import { expect, it } from "vitest";
import { TerminalClock, VirtualClock } from "../../hal-mocks/clock";
import { Link } from "../../hal-mocks/link";
import { settle } from "../../hal-mocks/node/settle";
import { createWiFi } from "../../hal-mocks/wifi";

function create() {
  const clock = new VirtualClock(0, settle);
  const link = new Link({ associateMs: 900, addressMs: 600, notFoundMs: 2400, lostMs: 2000 });
  const accessPoint = { SSID: "house", password: "right" };
  const WiFi = createWiFi({ clock: new TerminalClock(clock), link, accessPoint });
  const changes: string[] = [];
  const open = () => {
    const wifi = new WiFi({
      onChanged: (property) => changes.push(`${property} ${wifi[property]} @${clock.now}`),
    });
    return wifi;
  };
  return { clock, link, changes, open };
}

const right = { SSID: "house", password: "right" };

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
