import { createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nodeCrypto } from "../../hal-mocks/node/crypto";
import {
  blockCount,
  checkBlock,
  checkOffer,
  checkTable,
  isInStage,
  RefusedUpdate,
  readAnnouncement,
  readOffer,
} from "../../src/ota/package";
import { blocksOf, encodeAnnouncement, encodeWithdrawal, tableOf } from "../../tools/ota/package";
import { encodePackage, packageOf, readPackage, verifyPackage } from "../../tools/ota/package-file";
import { contentMessages, offerMessage } from "../../tools/ota/retained";
import { stageToken } from "../../tools/ota/stages";
import { createSigner, IDENTITY, imageOf, manifestOf, refusal, signOffer } from "../support/updates";

const signer = createSigner();
const keys = [signer.trusted];
const image = imageOf(10_000);
const table = tableOf(image);
const blocks = blocksOf(image);
const manifest = manifestOf(image);

describe("an update package", () => {
  it("that is meant for a node is read from the announcement to the last block", () => {
    const offer = signOffer(manifest, signer);
    const announced = readAnnouncement(
      encodeAnnouncement({ offer, percent: 100, token: new Uint8Array(0), table }),
    );
    const read = readOffer(announced!.offer, keys, nodeCrypto);
    expect(read).toEqual(manifest);
    checkOffer(read, IDENTITY);
    checkTable(read, announced!.table, nodeCrypto);
    expect(blockCount(read)).toBe(blocks.length);
    for (const [index, block] of blocks.entries()) {
      checkBlock(read, announced!.table, index, block, nodeCrypto);
    }
  });

  it("is believed by whichever key it was signed with, of those that a node knows", () => {
    const next = createSigner();
    const both = [signer.trusted, next.trusted];
    for (const by of [signer, next])
      expect(readOffer(signOffer(manifest, by), both, nodeCrypto)).toEqual(manifest);
    expect(refusal(() => readOffer(signOffer(manifest, signer), [next.trusted], nodeCrypto))).toBe("key");
  });

  it("is told from one that was withdrawn", () => {
    expect(readAnnouncement(encodeWithdrawal())).toBeUndefined();
  });

  it("without stages is for all, and for nobody else", () => {
    const inStage = (percent: number, token = new Uint8Array(0)) =>
      isInStage(manifest, { percent, token }, "node", nodeCrypto);
    expect(inStage(100)).toBe(true);
    expect(refusal(() => inStage(99))).toBe("stage");
    expect(refusal(() => inStage(100, new Uint8Array(16)))).toBe("stage");
  });

  it("is refused for what it is not meant for", () => {
    const check = (changed: Parameters<typeof manifestOf>[1]) =>
      refusal(() => checkOffer(manifestOf(image, changed), IDENTITY));
    expect(check({ vendor: new Uint8Array(16) })).toBe("class");
    expect(check({ deviceClass: new Uint8Array(16) })).toBe("class");
    expect(check({ hardware: { low: 4, high: 9 } })).toBe("hardware");
    expect(check({ hardware: { low: 0, high: 2 } })).toBe("hardware");
    expect(check({ version: 4 })).toBe("version");
    expect(check({ epoch: 1 })).toBe("epoch");
    expect(check({ base: { build: "0.2.0", engine: "13.3" } })).toBe("base");
    expect(check({ base: { build: "0.1.0", engine: "13.4" } })).toBe("base");
  });

  it("is refused when its blocks are not those of the table, or not in its order", () => {
    const check = (index: number, block: Uint8Array) =>
      refusal(() => checkBlock(manifest, table, index, block, nodeCrypto));
    expect(check(0, blocks[1])).toBe("block");
    expect(check(2, blocks[1])).toBe("block");
    expect(check(1, blocks[2])).toBe("truncated");
    expect(check(3, blocks[2])).toBe("block");
    const flipped = blocks[0].slice();
    flipped[4095] ^= 1;
    expect(check(0, flipped)).toBe("block");
    expect(refusal(() => checkTable(manifest, table.subarray(16), nodeCrypto))).toBe("truncated");
    expect(refusal(() => checkTable(manifest, tableOf(imageOf(9_999)), nodeCrypto))).toBe("table");
  });

  it("in a file is refused when its image is not the one that was signed", () => {
    const offer = signOffer({ ...manifest, digest: new Uint8Array(32) }, signer);
    expect(refusal(() => verifyPackage(packageOf(offer, image), keys))).toBe("digest");
  });

  it("has for 100 % the token that the secret gives, and for each percentage less a hash of it", () => {
    const secret = new Uint8Array(32).fill(7);
    const token = createHmac("sha256", secret).update(manifest.digest).digest().subarray(0, 16);
    expect(Buffer.from(stageToken(secret, manifest.digest, 100))).toEqual(token);
    const next = createHash("sha256").update(token).digest().subarray(0, 16);
    expect(Buffer.from(stageToken(secret, manifest.digest, 99))).toEqual(next);
  });

  it("has its table in the announcement up to 64 blocks, and in messages of its own from 65 on", () => {
    for (const [blocks, inline, parts] of [
      [64, 1024, 0],
      [65, 0, 1],
      [257, 0, 2],
    ]) {
      const large = imageOf(blocks * 4096);
      const packed = packageOf(signOffer(manifestOf(large), signer), large);
      const { payload } = offerMessage(manifestOf(large), {
        ...packed,
        percent: 100,
        token: new Uint8Array(0),
      });
      expect(readAnnouncement(payload)!.table.length).toBe(inline);
      expect(contentMessages(manifestOf(large), packed).length).toBe(blocks + parts);
    }
  });

  it("in a file is verified or refused, whatever was done to its bytes", () => {
    const file = encodePackage(packageOf(signOffer(manifest, signer), image));
    const damaged = fc
      .tuple(fc.nat(file.length), fc.uint8Array({ maxLength: 5 }), fc.oneof(fc.nat(5), fc.nat(file.length)))
      .map(([at, bytes, removed]) =>
        Buffer.concat([file.subarray(0, at), bytes, file.subarray(at + removed)]),
      );
    fc.assert(
      fc.property(fc.oneof({ weight: 4, arbitrary: damaged }, fc.uint8Array()), (bytes) => {
        try {
          verifyPackage(readPackage(bytes), keys);
        } catch (error) {
          if (error instanceof RefusedUpdate) return;
          throw error;
        }
        if (!Buffer.from(file).equals(bytes)) throw new Error("it is not what was packed");
      }),
      { numRuns: 500 },
    );
  });
});
