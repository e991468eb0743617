import { describe, expect, it } from "vitest";
import { nodeCrypto } from "../../hal-mocks/node/crypto";
import { builtInUpdates } from "../../src/ota/built-in";
import { createSigningKey, trustedKeyOf } from "../../tools/ota/key-files";
import { formatUuid } from "../../tools/ota/uuid";
import { IDENTITY } from "../support/updates";

const release = trustedKeyOf(createSigningKey(false));
const development = trustedKeyOf(createSigningKey(true));
const hex = ({ key }: { key: Uint8Array }) => Buffer.from(key).toString("hex");
const built = {
  updateVendor: formatUuid(IDENTITY.vendor),
  updateClass: Buffer.from(IDENTITY.deviceClass).toString("hex"),
  updateKeys: `${hex(release)} ${hex(development)}`,
  engine: "17.7",
  hardware: "3",
};

function read(changed: object) {
  const lines: string[] = [];
  const settings = builtInUpdates({ ...built, ...changed }, nodeCrypto, (line) => lines.push(line));
  return { settings, lines };
}

describe("a build", () => {
  it("says who the node is, and whose signature it believes", () => {
    const { vendor, deviceClass, hardware } = IDENTITY;
    expect(read({})).toEqual({
      settings: { vendor, deviceClass, hardware, engine: "17.7", keys: [release, development] },
      lines: [],
    });
  });

  it("for release believes no development key, and takes no update when it has no other", () => {
    const { settings, lines } = read({ release: "1" });
    expect(settings?.keys).toEqual([release]);
    expect(lines).toEqual(["updates: an update key is for development: a release does not use it"]);
    expect(read({ release: 1, updateKeys: hex(development) }).settings).toBeUndefined();
  });

  it.each([
    [{ updateVendor: "example.com" }, "updateVendor is no UUID"],
    [{ updateClass: undefined }, "updateClass is no UUID"],
    [{ updateKeys: "00" }, "an update key is not of 128 hexadecimal digits: it is not used"],
    [{ engine: undefined }, "engine is missing"],
    [{ hardware: "b" }, "hardware is no revision of a board"],
  ])("that is wrong takes no update, and says why: %j", (changed, why) => {
    expect(read(changed)).toEqual({
      settings: undefined,
      lines: [`updates: ${why}`, "updates: this build takes none"],
    });
  });

  it("without anything of updates is silent", () => {
    const lines: string[] = [];
    expect(builtInUpdates({ engine: "17.7" }, nodeCrypto, (line) => lines.push(line))).toBeUndefined();
    expect(lines).toEqual([]);
  });
});
