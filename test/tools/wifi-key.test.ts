import { expect, it } from "vitest";
import { wifiKey } from "../../tools/wifi-key/command";
import { gridmote } from "./harness";

const text = (line: string) => new TextEncoder().encode(line);

// IEEE 802.11, annex J.4.2.
it.each([
  ["IEEE", "password", "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"],
  ["ThisIsASSID", "ThisIsAPassword", "0dc0d6eb90555ed6419756b9a15ec3e3209b63df707dd508d14581f8982721af"],
])("is the standard's for %s", (ssid, passphrase, key) => {
  expect(wifiKey(ssid, passphrase)).toBe(key);
});

it("takes the passphrase from standard input, and prints what wifiPassword takes", async () => {
  const { code, stdout, stderr } = await gridmote(["wifi-key", "IEEE"], text("password\n"));
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/^f42c6f[0-9a-f]{58}\n$/);
});

it("refuses what is no passphrase without showing it, and a name that is too long", async () => {
  const short = await gridmote(["wifi-key", "IEEE"], text("secret\n"));
  expect(short).toMatchObject({ code: 2, stdout: "" });
  expect(short.stderr).toContain("8 to 63 printable");
  expect(short.stderr).not.toContain("secret");
  expect(await gridmote(["wifi-key"], text("password\n"))).toMatchObject({ code: 2 });
  expect(await gridmote(["wifi-key", "x".repeat(33)], text("password\n"))).toMatchObject({ code: 2 });
});
