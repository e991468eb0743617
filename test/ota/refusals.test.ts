import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nodeCrypto } from "../../hal-mocks/node/crypto";
import { readManifest, type UpdateManifest } from "../../src/ota/manifest";
import { RefusedUpdate, readAnnouncement, readOffer } from "../../src/ota/package";
import { refusalCode, refusalOf, refusals } from "../../src/ota/refusal";
import { encodeCbor, tagged } from "../../tools/ota/cbor";
import { encodeManifest } from "../../tools/ota/manifest";
import { signBytes, signPayload } from "../../tools/ota/sign";
import { createSigner, imageOf, manifestOf, refusal, signOffer } from "../support/updates";

const signer = createSigner();
const other = createSigner();
const keys = [signer.trusted];
const manifest = manifestOf(imageOf(5000));
const payload = encodeManifest(manifest);
const offer = signOffer(manifest, signer);
const kid = signer.trusted.kid;
const read = (bytes: Uint8Array) => refusal(() => readOffer(bytes, keys, nodeCrypto));
const bytesOf = (hex: string) => new Uint8Array(Buffer.from(hex, "hex"));
const concat = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

const protectedHeader = (...pairs: [unknown, unknown][]) => encodeCbor(new Map(pairs));
const HEADER = protectedHeader([1, -7], [4, kid]);

interface Form {
  header?: Uint8Array;
  unprotected?: Map<unknown, unknown>;
  content?: unknown;
  signature?: Uint8Array;
  tag?: number;
}

/** A COSE_Sign1 of any form, rightly signed as far as that can be. */
function sign1({ header = HEADER, unprotected = new Map(), content = payload, signature, tag = 18 }: Form) {
  const bytes = content instanceof Uint8Array ? content : new Uint8Array(0);
  return encodeCbor(
    tagged(tag, [header, unprotected, content, signature ?? signBytes(header, bytes, signer.key)]),
  );
}

/** P-256's order, and numbers near it, as 32 bytes. */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const scalar = (value: bigint) => bytesOf(value.toString(16).padStart(64, "0"));

describe("an offer is refused", () => {
  it.each<[string, string, Uint8Array]>([
    ["unsigned", "the manifest alone", payload],
    ["unsigned", "an array without its tag", encodeCbor([HEADER, new Map(), payload, new Uint8Array(64)])],
    ["unsigned", "the tag of a COSE_Mac0", sign1({ tag: 17 })],
    ["unsigned", "the tag of a COSE_Sign", sign1({ tag: 98 })],
    ["unsigned", "without a signature", sign1({ signature: new Uint8Array(0) })],
    ["unsigned", "with its payload elsewhere", sign1({ content: null })],
    ["truncated", "nothing", new Uint8Array(0)],
    ["truncated", "half of it", offer.subarray(0, offer.length >> 1)],
    ["truncated", "without its last byte", offer.subarray(0, -1)],
    ["encoding", "with a byte behind it", concat(offer, Uint8Array.of(0))],
    ["encoding", "its array of indefinite length", concat(bytesOf("d29f"), offer.subarray(2), bytesOf("ff"))],
    ["encoding", "its tag longer than need be", concat(bytesOf("d812"), offer.subarray(1))],
    ["oversize", "too long", concat(offer, new Uint8Array(1024))],
    ["header", "with something that nobody has signed", sign1({ unprotected: new Map([[4, kid]]) })],
    ["header", "without a key id", sign1({ header: protectedHeader([1, -7]) })],
    ["header", "with a critical parameter", sign1({ header: protectedHeader([1, -7], [2, [9]]) })],
    ["header", "with one more parameter", sign1({ header: protectedHeader([1, -7], [4, kid], [5, 1]) })],
    ["encoding", "a byte behind its headers", sign1({ header: concat(HEADER, Uint8Array.of(0)) })],
    ["header", "two key ids", sign1({ header: concat(bytesOf("a3"), HEADER.subarray(1), bytesOf("0440")) })],
    [
      "encoding",
      "its headers of indefinite length",
      sign1({ header: concat(bytesOf("bf"), HEADER.subarray(1), bytesOf("ff")) }),
    ],
    ["header", "its algorithm said once more, unsigned", sign1({ unprotected: new Map([[1, -7]]) })],
    ["unsigned", "a tag within the tag", concat(bytesOf("d2"), offer)],
    ["signature", "a signature of 65 bytes", sign1({ signature: new Uint8Array(65).fill(1) })],
    ["manifest", "a payload of 512 bytes that is none", sign1({ content: new Uint8Array(512) })],
    ["oversize", "a payload of 513 bytes", sign1({ content: new Uint8Array(513) })],
    ["algorithm", "its parameters in another order", sign1({ header: protectedHeader([4, kid], [1, -7]) })],
    ["algorithm", "without an algorithm", sign1({ header: new Uint8Array(0) })],
    ["algorithm", "with an empty header", sign1({ header: bytesOf("a0") })],
    ["algorithm", "its algorithm not signed", sign1({ header: protectedHeader([4, kid]) })],
    ["algorithm", "ES384", sign1({ header: protectedHeader([1, -35], [4, kid]) })],
    ["algorithm", "EdDSA", sign1({ header: protectedHeader([1, -8], [4, kid]) })],
    ["algorithm", "HMAC", sign1({ header: protectedHeader([1, 5], [4, kid]) })],
    ["key", "another's", signOffer(manifest, other)],
    ["key", "the first half of a key id", sign1({ header: protectedHeader([1, -7], [4, kid.slice(0, 4)]) })],
    ["signature", "another's under our key id", signPayload(payload, other.key, kid)],
    ["signature", "a signature in ASN.1", sign1({ signature: new Uint8Array(70) })],
    ["signature", "a signature of 63 bytes", sign1({ signature: new Uint8Array(63).fill(1) })],
  ])("as %s: %s", (reason, _what, bytes) => {
    expect(read(bytes)).toBe(reason);
  });

  it("with its algorithm swapped for one that would verify nothing", () => {
    // The signature is a good one of ES256 over a header that says so.
    const swapped = concat(offer);
    swapped[swapped.indexOf(0x26)] = 0x27;
    expect(read(swapped)).toBe("algorithm");
  });

  it.each([
    ["r = 0", 0n, 1n],
    ["s = 0", 1n, 0n],
    ["both 0", 0n, 0n],
    ["r = n", ORDER, 1n],
    ["s = n", 1n, ORDER],
    ["r = n + 1", ORDER + 1n, 1n],
    ["s above n", 1n, ORDER + (1n << 32n)],
    ["r = 2^256 − 1", (1n << 256n) - 1n, 1n],
  ])("before anybody computes with %s", (_what, r, s) => {
    let asked = 0;
    const crypto = { ...nodeCrypto, verifyES256: () => ++asked > 0 };
    const bytes = sign1({ signature: concat(scalar(r), scalar(s)) });
    expect(refusal(() => readOffer(bytes, keys, crypto))).toBe("signature");
    expect(asked).toBe(0);
  });

  it("only for what is out of range: 1 and n − 1 are left to the curve", () => {
    let asked = 0;
    const crypto = { ...nodeCrypto, verifyES256: () => ++asked > 0 };
    for (const [r, s] of [
      [1n, ORDER - 1n],
      [ORDER - 1n, 1n],
    ])
      readOffer(sign1({ signature: concat(scalar(r), scalar(s)) }), keys, crypto);
    expect(asked).toBe(2);
  });

  it("whichever of its bits is flipped", () => {
    const flipped = offer.slice();
    for (let bit = 0; bit < offer.length * 8; bit++) {
      flipped[bit >> 3] ^= 1 << (bit & 7);
      read(flipped);
      flipped[bit >> 3] ^= 1 << (bit & 7);
    }
  });
});

describe("a manifest that is rightly signed is refused", () => {
  const fields = new Map<number, unknown>([
    [1, 1],
    [2, manifest.vendor],
    [3, manifest.deviceClass],
    [4, [1, 3]],
    [5, 1],
    [6, 5],
    [7, 2],
    [8, 5000],
    [9, manifest.digest],
    [10, manifest.tableDigest],
    [11, 3_600_000],
    [12, ["0.1.0", "13.3"]],
  ]);
  const sign = (bytes: Uint8Array) => read(signPayload(bytes, signer.key));
  const changed = (...pairs: [number, unknown][]) => encodeCbor(new Map([...fields, ...pairs]));
  const without = (key: number) => encodeCbor(new Map([...fields].filter(([name]) => name !== key)));

  it("not when it is as it should be", () => {
    expect(encodeCbor(fields)).toEqual(payload);
  });

  it.each<[string, string, Uint8Array]>([
    ["format", "of a later format", changed([1, 2])],
    ["manifest", "without a format", without(1)],
    ["manifest", "no map", encodeCbor([1, 2])],
    ["manifest", "a vendor of 15 bytes", changed([2, new Uint8Array(15)])],
    ["oversize", "a class of 17 bytes", changed([3, new Uint8Array(17)])],
    ["manifest", "hardware from 3 to 1", changed([4, [3, 1]])],
    ["oversize", "hardware of three", changed([4, [1, 2, 3]])],
    ["manifest", "a kind that there is not", changed([5, 3])],
    ["manifest", "version 0", changed([6, 0])],
    ["manifest", "a negative version", changed([6, -5])],
    ["manifest", "a version with a fraction", changed([6, 5.5])],
    ["oversize", "a version of 33 bits", changed([6, 2n ** 32n])],
    ["manifest", "no bytes", changed([8, 0])],
    ["manifest", "2^24 bytes", changed([8, 2 ** 24])],
    ["manifest", "a digest as text", changed([9, "a".repeat(32)])],
    ["manifest", "a trial of less than a minute", changed([11, 59_999])],
    ["manifest", "a trial of more than a week", changed([11, 604_800_001])],
    ["oversize", "a size of 2^53", changed([8, 2n ** 53n])],
    [
      "manifest",
      "a bignum for its size",
      concat(payload.subarray(0, payload.indexOf(0x08)), bytesOf("08c24101")),
    ],
    ["manifest", "an app for no base", without(12)],
    ["manifest", "settings for a base", changed([5, 2])],
    ["manifest", "an umlaut in its base", changed([12, ["ä", "13.3"]])],
    ["oversize", "a base of 33 characters", changed([12, ["0".repeat(33), "13.3"]])],
    ["manifest", "a field that there is not", changed([15, 1])],
    ["manifest", "nested arrays", changed([12, [[[[[[[[[1]]]]]]]]]])],
    ["oversize", "a payload of 513 bytes", changed([13, new Uint8Array(300)])],
    ["encoding", "a byte behind it", concat(payload, Uint8Array.of(0))],
    ["truncated", "without its last byte", payload.subarray(0, -1)],
    [
      "encoding",
      "its keys in another order",
      encodeCbor(new Map([...fields].sort(([a], [b]) => (Math.min(a, b) === 1 ? a - b : b - a)))),
    ],
    ["encoding", "of indefinite length", concat(bytesOf("bf"), payload.subarray(1), bytesOf("ff"))],
    [
      "encoding",
      "a number longer than need be",
      concat(payload.subarray(0, 2), bytesOf("1801"), payload.subarray(3)),
    ],
    ["duplicate", "a key twice", concat(Uint8Array.of(payload[0] + 1), bytesOf("0101"), payload.subarray(1))],
  ])("as %s: %s", (reason, _what, bytes) => {
    expect(sign(bytes)).toBe(reason);
  });

  it.each([2, 3, 4, 5, 6, 7, 8, 9, 10, 11])("as manifest: without field %i", (key) => {
    expect(sign(without(key))).toBe("manifest");
  });
});

describe("a manifest", () => {
  it("that is read is the one encoding of what was read", () => {
    const damaged = fc
      .tuple(fc.nat(payload.length - 1), fc.nat(255))
      .map(([at, byte]) => Uint8Array.from(payload, (old, index) => (index === at ? byte : old)));
    fc.assert(
      fc.property(damaged, (bytes) => {
        let manifest: UpdateManifest;
        try {
          manifest = readManifest(bytes);
        } catch (error) {
          if (error instanceof RefusedUpdate) return;
          throw error;
        }
        if (!Buffer.from(encodeManifest(manifest)).equals(bytes)) throw new Error("read from two encodings");
      }),
      { numRuns: 2000 },
    );
  });
});

describe("an announcement", () => {
  const announce = (...items: unknown[]) => refusal(() => readAnnouncement(encodeCbor(items)));
  const none = new Uint8Array(0);

  it("is refused when it is none", () => {
    expect(announce(1, offer, 100, none)).toBe("manifest");
    expect(announce(1, offer, 101, none, none)).toBe("manifest");
    expect(announce(1, none, 100, none, none)).toBe("manifest");
    expect(announce(1, new Uint8Array(1025), 100, none, none)).toBe("oversize");
    expect(announce(1, offer, 100, new Uint8Array(17), none)).toBe("oversize");
    expect(announce(1, offer, 100, none, new Uint8Array(1025))).toBe("oversize");
    expect(announce(2, offer, 100, none, none)).toBe("format");
    expect(announce(0, offer)).toBe("manifest");
    expect(refusal(() => readAnnouncement(none))).toBe("truncated");
    expect(refusal(() => readAnnouncement(Uint8Array.of(0x81, 0, 0)))).toBe("encoding");
  });

  it("of any bytes is read or refused, and an offer in it as well", () => {
    const damaged = fc
      .tuple(fc.nat(offer.length - 1), fc.uint8Array({ maxLength: 8 }), fc.nat(8))
      .map(([at, bytes, removed]) => concat(offer.subarray(0, at), bytes, offer.subarray(at + removed)));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 400 }), damaged), (bytes) => {
        for (const call of [readAnnouncement, (all: Uint8Array) => readOffer(all, keys, nodeCrypto)]) {
          try {
            call(bytes);
            const isChanged = call !== readAnnouncement && !Buffer.from(offer).equals(bytes);
            if (isChanged) throw new Error("it is not what was signed");
          } catch (error) {
            if (!(error instanceof RefusedUpdate)) throw error;
          }
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("the reasons", () => {
  it("have codes from 1 on, which a node remembers in a byte", () => {
    for (const [index, reason] of refusals().entries()) {
      expect(refusalCode(reason)).toBe(index + 1);
      expect(refusalOf(index + 1)).toBe(reason);
    }
    expect(refusals().length).toBeLessThan(256);
    expect(refusalCode(undefined)).toBe(0);
    expect(refusalOf(0)).toBeUndefined();
    expect(refusalOf(255)).toBeUndefined();
  });
});
