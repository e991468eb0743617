import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Decoder, type Tag } from "cbor-x";
import { describe, expect, it } from "vitest";
import { refusals } from "../../src/ota/refusal";
import { encodeAnnouncement, encodeWithdrawal } from "../../tools/ota/package";
import { encodePackage, packageOf } from "../../tools/ota/package-file";
import { Cddl } from "../support/cddl";
import { createSigner, imageOf, manifestOf, signOffer } from "../support/updates";

const read = (name: string) => readFileSync(join(import.meta.dirname, "..", "..", "docs", name), "utf8");
const cddl = new Cddl(read("update.cddl"));
const cbor = new Decoder({ mapsAsObjects: false, useRecords: false });
const matches = (rule: string, item: unknown) => cddl.matches(rule, item);

const signer = createSigner();
const image = imageOf(9000);
const digest = new Uint8Array(32);
const token = new Uint8Array(16);
const offers = [
  signOffer(manifestOf(image), signer),
  signOffer(manifestOf(image, { kind: "native", base: undefined, sbomDigest: digest }), signer),
  signOffer(manifestOf(image, { kind: "config", base: undefined, stageAnchor: token }), signer),
];
const partsOf = (offer: Uint8Array) => (cbor.decode(offer) as Tag).value as Uint8Array[];
const manifest = cbor.decode(partsOf(offers[0])[2]) as Map<number, unknown>;
const changed = (...pairs: [number, unknown][]) => new Map([...manifest, ...pairs]);
const without = (key: number) => new Map([...manifest].filter(([name]) => name !== key));

describe("docs/update.cddl", () => {
  it("admits offers of every kind, packages and announcements", () => {
    for (const offer of offers) {
      const [header, , payload] = partsOf(offer);
      expect(matches("offer", cbor.decode(offer))).toBe(true);
      expect(matches("header", cbor.decode(header))).toBe(true);
      expect(matches("manifest", cbor.decode(payload))).toBe(true);
      const packed = packageOf(offer, image);
      expect(matches("package", cbor.decodeMultiple(encodePackage(packed)))).toBe(true);
      const announced = { ...packed, percent: 100, token };
      expect(matches("announcement", cbor.decode(encodeAnnouncement(announced)))).toBe(true);
    }
    expect(matches("announcement", cbor.decode(encodeWithdrawal()))).toBe(true);
  });

  it.each<[string, Map<number, unknown>]>([
    ["another format", changed([1, 2])],
    ["a field that there is not", changed([15, 1])],
    ["version 0", changed([6, 0])],
    ["a short vendor", changed([2, new Uint8Array(15)])],
    ["an engine of 33 characters", changed([12, ["0.1.0", "1".repeat(33)]])],
    ...[...manifest.keys()]
      .filter((key) => key <= 11)
      .map((key) => [`no field ${key}`, without(key)] as [string, Map<number, unknown>]),
  ])("admits no manifest with %s", (_what, item) => {
    expect(matches("manifest", item)).toBe(false);
  });

  it("admits no other tag, header or announcement", () => {
    const [header, , payload, signature] = partsOf(offers[0]);
    expect(matches("offer", [header, new Map(), payload, signature])).toBe(false);
    expect(matches("header", new Map([[1, -7]]))).toBe(false);
    expect(matches("announcement", [1, offers[0], 101, token, token])).toBe(false);
    expect(matches("announcement", [0, 1])).toBe(false);
  });
});

describe("docs/update.md", () => {
  it("lists every reason with its code, and no other", () => {
    const rows = read("update.md").matchAll(/^\| (\d+) +\| `(\w+)` +\|/gm);
    expect([...rows].map(([, code, reason]) => [Number(code), reason])).toEqual(
      refusals().map((reason, index) => [index + 1, reason]),
    );
  });
});
