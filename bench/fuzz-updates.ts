import { performance } from "node:perf_hooks";
import { nodeCrypto } from "../hal-mocks/node/crypto";
import { createRandom } from "../hal-mocks/random";
import { readManifest, type UpdateManifest } from "../src/ota/manifest";
import { isInStage, RefusedUpdate, readAnnouncement, readOffer } from "../src/ota/package";
import { createSigningKey, trustedKeyOf } from "../tools/ota/key-files";
import { encodeManifest } from "../tools/ota/manifest";
import { pack, type Release } from "../tools/ota/pack";
import { encodeAnnouncement } from "../tools/ota/package";
import { encodePackage, readPackage, verifyPackage } from "../tools/ota/package-file";
import { stageToken } from "../tools/ota/stages";
import { inputCount } from "./arguments";

/**
 * Whether a node refuses all that is not as it was signed: each bit of offers, of an announcement and of a package flipped,
 * then random and damaged bytes for the parsers, as many as said, the same each time. What a parser of manifests
 * believes has to be the one encoding of what it read.
 */
const COUNT = inputCount("fuzz:updates", 1_000_000);
const DEVICE = "house-1";

const key = createSigningKey(true);
const keys = [trustedKeyOf(key)];
const stageSecret = new Uint8Array(32).fill(5);
const image = Uint8Array.from({ length: 4096 + 100 }, (_, index) => (index * 31) & 0xff);
const whose = {
  vendor: new Uint8Array(16).fill(1),
  deviceClass: new Uint8Array(16).fill(2),
  hardware: { low: 1, high: 300 },
  version: 7,
  epoch: 1,
  healthMs: 3_600_000,
};
const releases: Release[] = [
  { ...whose, kind: "app", base: { build: "0.1.0", engine: "13.3" } },
  { ...whose, kind: "native", version: 70_000 },
  { ...whose, kind: "config" },
];

/** Flips each bit, and counts the reasons. @throws Error for a flip that is believed. */
function flipAll(name: string, good: Uint8Array, read: (bytes: Uint8Array) => unknown): void {
  read(good);
  const bytes = good.slice();
  const reasons = new Map<string, number>();
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    bytes[bit >> 3] ^= 1 << (bit & 7);
    const reason = reasonOf(() => read(bytes));
    if (reason === undefined) throw new Error(`${name}: bit ${bit} flipped is believed`);
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    bytes[bit >> 3] ^= 1 << (bit & 7);
  }
  const counts = [...reasons].sort(([, a], [, b]) => b - a).map(([reason, count]) => `${reason} ${count}`);
  console.log(`${name}: each of ${bytes.length * 8} bits flipped, each refused (${counts.join(", ")})`);
}

/** Undefined when it is believed. */
function reasonOf(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (error instanceof RefusedUpdate) return error.reason;
    throw error;
  }
}

/** All that a node reads of an announcement, up to the table. */
function readAnnounced(bytes: Uint8Array): UpdateManifest {
  const announcement = readAnnouncement(bytes);
  if (!announcement) throw new RefusedUpdate("withdrawn");
  const manifest = readOffer(announcement.offer, keys, nodeCrypto);
  isInStage(manifest, announcement, DEVICE, nodeCrypto);
  const { table, offer } = announcement;
  return verifyPackage({ offer, table, blocks: [image.subarray(0, 4096), image.subarray(4096)] }, keys);
}

const random = createRandom(1);
function damaged(seed: Uint8Array): Uint8Array {
  const bytes = seed.slice();
  for (let count = 1 + random.below(3); count > 0; count--)
    bytes[random.below(bytes.length)] = random.below(256);
  const kind = random.below(6);
  if (kind === 0) return bytes.subarray(0, random.below(bytes.length));
  if (kind === 1) return Uint8Array.of(...bytes, random.below(256));
  if (kind === 2) return Uint8Array.from({ length: random.below(200) }, () => random.below(256));
  if (kind > 3) return bytes;
  const at = random.below(bytes.length);
  return Uint8Array.of(...bytes.subarray(0, at), ...bytes.subarray(at + random.below(9)));
}

function fuzz(name: string, seeds: readonly Uint8Array[], read: (bytes: Uint8Array) => void): void {
  let believed = 0;
  for (let count = 0; count < COUNT; count++) {
    const bytes = damaged(seeds[random.below(seeds.length)]);
    try {
      if (reasonOf(() => read(bytes)) === undefined) believed++;
    } catch (error) {
      console.error(`${name}, input ${count}: ${Buffer.from(bytes).toString("hex")}`);
      throw error;
    }
  }
  console.log(`${name}: ${COUNT} inputs, ${believed} of a good form, all others refused with a reason`);
}

const begun = performance.now();
const packages = releases.map((release) => pack(image, release, key, { stageSecret }));
for (const [index, { offer }] of packages.entries())
  flipAll(`offer of ${releases[index].kind}`, offer, (bytes) => readOffer(bytes, keys, nodeCrypto));
const { digest } = readOffer(packages[0].offer, keys, nodeCrypto);
const announcement = encodeAnnouncement({
  ...packages[0],
  percent: 40,
  token: stageToken(stageSecret, digest, 40),
});
flipAll("announcement", announcement, readAnnounced);
flipAll("package", encodePackage(packages[0]), (bytes) => verifyPackage(readPackage(bytes), keys));

const believing = { ...nodeCrypto, verifyES256: () => true };
const manifests = packages.map(({ offer }) => encodeManifest(readOffer(offer, keys, nodeCrypto)));
fuzz("manifests", manifests, (bytes) => {
  if (!Buffer.from(encodeManifest(readManifest(bytes))).equals(bytes))
    throw new Error("read from two encodings");
});
fuzz(
  "offers whose signature nobody checks",
  packages.map(({ offer }) => offer),
  (bytes) => {
    readOffer(bytes, keys, believing);
  },
);
fuzz("announcements", [announcement], (bytes) => {
  readAnnouncement(bytes);
});
console.log(`${((performance.now() - begun) / 1000).toFixed(0)} s`);
