import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeCrypto } from "../../hal-mocks/node/crypto";
import { createRandom } from "../../hal-mocks/random";
import { RemoteObjects } from "../../target/host/remote";
import { pack } from "../../tools/ota/pack";
import { encodeAnnouncement, encodeWithdrawal } from "../../tools/ota/package";
import { stageToken } from "../../tools/ota/stages";
import { BUILD_TIMEOUT_MS, hasCompiler, served } from "../support/target";
import { createSigner, imageOf, manifestOf } from "../support/updates";
import { judge } from "../target/programs/updates";

const signer = createSigner();
const image = imageOf(5000);
const stageSecret = new Uint8Array(32).fill(3);
const packed = pack(image, manifestOf(image), signer.key, { stageSecret });
const block = packed.blocks[0];
const announce = (percent: number) =>
  encodeAnnouncement({
    ...packed,
    percent,
    token: stageToken(stageSecret, manifestOf(image).digest, percent),
  });

describe.runIf(hasCompiler())("XS judges an update as Node does", () => {
  let remote: RemoteObjects;

  beforeAll(() => {
    const constructors = { sha256: () => nodeCrypto.sha256() };
    remote = new RemoteObjects(
      served("updates"),
      {},
      { ports: { hal: {}, crypto: nodeCrypto }, constructors, classes: {} },
    );
    remote.boot();
  }, BUILD_TIMEOUT_MS);
  afterAll(() => remote.engine.close());

  const { kid, key } = signer.trusted;
  const onXs = (message: Uint8Array, part = block) => remote.engine.event("judge", message, part, kid, key);
  const onNode = (message: Uint8Array, part = block) => judge(message, part, signer.trusted, nodeCrypto);

  it("that is good, for all or for a part, and one that was withdrawn", () => {
    expect(onXs(announce(100))).toMatch(/^app 5 13\.3 [0-9a-f]{16} true$/);
    for (const percent of [0, 1, 50, 99, 100])
      expect(onXs(announce(percent))).toBe(onNode(announce(percent)));
    expect(onXs(encodeWithdrawal())).toBe("withdrawn");
    expect(onXs(announce(100), packed.blocks[1])).toBe(onNode(announce(100), packed.blocks[1]));
  });

  it("that is damaged, in the same words", () => {
    const random = createRandom(7);
    const seen = new Set<string>();
    for (let count = 0; count < 150; count++) {
      const bytes = announce(100);
      bytes[random.below(bytes.length)] ^= 1 << random.below(8);
      const message = random.below(4) ? bytes : bytes.subarray(0, random.below(bytes.length));
      const expected = onNode(message);
      expect(onXs(message)).toBe(expected);
      seen.add(expected.split(":")[0]);
    }
    expect(seen.size).toBeGreaterThan(5);
  });
});
