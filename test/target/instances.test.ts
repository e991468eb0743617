import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EngineFailure } from "../../target/host/engine";
import { RemoteObjects } from "../../target/host/remote";
import { reachableHal } from "../../target/host/terminal";
import { createWorld, Peers } from "../contract/world";
import { BUILD_TIMEOUT_MS, hasCompiler, served } from "../support/target";

const ROUNDS = 100;
const PAIRS_PER_ROUND = 50;

describe.runIf(hasCompiler())("an instance of the host that XS has closed", () => {
  let peers: Peers;
  let remote: RemoteObjects;

  beforeAll(async () => {
    peers = await Peers.open();
    const reachable = reachableHal(createWorld(peers).hal);
    // An ESP32 has about as many.
    remote = new RemoteObjects(served("instances"), { slots: 12_000, chunks: 64 * 1024 }, reachable);
    remote.boot();
  }, BUILD_TIMEOUT_MS);

  afterAll(async () => {
    await remote.engine.close();
    await peers.close();
  });

  it("is forgotten at both ends when no script holds it any more", () => {
    for (let round = 0; round < ROUNDS; round++) remote.engine.event("churn", PAIRS_PER_ROUND);
    // What a collection has yet to find.
    expect(remote.count).toBeLessThan((2 * ROUNDS * PAIRS_PER_ROUND) / 10);
  });

  it("still says that it is closed while a script holds it", () => {
    expect(() => remote.engine.event("read", 0)).toThrow(EngineFailure);
    expect(() => remote.engine.event("read", 0)).toThrow("key-value: it is closed");
  });
});
