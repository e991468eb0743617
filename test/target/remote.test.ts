import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { EngineFailure, type EngineFiles } from "../../target/host/engine";
import { RemoteObjects } from "../../target/host/remote";
import { BUILD_TIMEOUT_MS, hasCompiler, served } from "../support/target";

/** An object of the host that scripts construct. */
class Probe {
  readonly name = "probe";
  readonly onCall: () => void;

  constructor(onCall: () => void) {
    this.onCall = onCall;
  }

  /** Has three bytes, whatever there is room for. */
  read(target: Uint8Array): number {
    target.set([1, 2, 3]);
    return 3;
  }
}

describe.runIf(hasCompiler())("objects of the host that scripts on XS work with", () => {
  let files: EngineFiles;
  let remote: RemoteObjects;
  let probes: Probe[];

  beforeAll(() => {
    files = served("remote");
  }, BUILD_TIMEOUT_MS);

  beforeEach(() => {
    probes = [];
    const probe = (options: Record<string, unknown>) => {
      probes.push(new Probe(options.onCall as () => void));
      return probes[probes.length - 1];
    };
    remote = new RemoteObjects(files, {}, { ports: { port: {} }, constructors: { probe }, classes: {} });
    remote.boot();
  });
  afterEach(() => remote.engine.close());

  it("end the engine when they call back a script that has forgotten them", () => {
    remote.engine.event("open");
    probes[0].onCall();
    remote.engine.event("forget");
    const callBack = () => probes[0].onCall();
    expect(callBack).toThrow(EngineFailure);
    expect(callBack).toThrow("the host calls onCall of an instance that is gone");
  });

  it("do not outlive deep sleep", () => {
    remote.engine.event("open");
    remote.engine.event("open");
    expect(remote.count).toBe(3);
    expect(remote.engine.event("get", 2)).toBe("probe");
    remote.boot();
    expect(remote.count).toBe(1);
    expect(remote.engine.event("get", 2)).toEqual({
      isReferenceError: true,
      message: "the host has no object 2",
    });
  });

  it("read what there is into a longer buffer, and leave its rest", () => {
    remote.engine.event("open");
    const { count, bytes } = remote.engine.event("fill", 6) as { count: number; bytes: Uint8Array };
    expect(count).toBe(3);
    expect([...bytes]).toEqual([1, 2, 3, 0xff, 0xff, 0xff]);
  });
});
