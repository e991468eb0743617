import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EngineFiles } from "../../target/host/engine";
import { RemoteObjects } from "../../target/host/remote";
import { reachableHal } from "../../target/host/terminal";
import { BUILD_TIMEOUT_MS, hasCompiler, served } from "../support/target";
import { createDevice, type Faults, plants } from "./plants";
import { rules } from "./rules";
import type { SubjectName } from "./subjects";
import { cases, createWorld, Peers, type World } from "./world";

const DEADLINE_MS = 10_000;

/** The rules on XS, the mocks and their world here. */
class Judge {
  readonly #world: World;
  readonly #remote: RemoteObjects;
  #isSettling = false;
  #findings: string[] | undefined;

  constructor(files: EngineFiles, peers: Peers, transport?: "tcp" | "pair", faults: Faults = {}) {
    this.#world = createWorld(peers, transport, () => this.#remote.engine.runJobs());
    const { ports, constructors, classes } = reachableHal(this.#world.hal);
    const Planted = createDevice(faults, this.#world.clock);
    const judge = {
      settle: () => {
        this.#isSettling = true;
      },
      report: (findings: string[]) => {
        this.#findings = findings;
      },
    };
    this.#remote = new RemoteObjects(
      files,
      { deadlineMs: DEADLINE_MS },
      {
        ports: { ...ports, judge },
        constructors: { ...constructors, device: (options) => new Planted(options) },
        classes,
      },
    );
  }

  /** What the rule has found. */
  async judge(subject: SubjectName | "device", rule: string): Promise<string[]> {
    const { engine } = this.#remote;
    try {
      this.#remote.boot();
      engine.event("judge", subject, rule, this.#world.brokerPort);
      for (;;) {
        while (engine.runJobs());
        if (this.#findings) return this.#findings;
        if (!this.#isSettling) throw new Error(`${rule} awaits what never comes`);
        this.#isSettling = false;
        await this.#world.settle();
        engine.event("settled");
      }
    } finally {
      await engine.close();
    }
  }
}

describe.runIf(hasCompiler())("on XS,", () => {
  let peers: Peers;
  let files: EngineFiles;

  beforeAll(async () => {
    peers = await Peers.open();
    files = served("contract");
  }, BUILD_TIMEOUT_MS);

  afterAll(() => peers.close());

  describe.each(Object.entries(cases))("%s", (_name, { subject, transport }) => {
    it.each(Object.keys(rules))("keeps %s", async (rule) => {
      expect(await new Judge(files, peers, transport).judge(subject, rule)).toEqual([]);
    });
  });

  describe("the rules themselves", () => {
    it.each(plants)("%s rejects a class of the host that %o: %s", async (rule, faults, finding) => {
      const findings = await new Judge(files, peers, undefined, faults).judge("device", rule);
      expect(findings.join()).toContain(finding);
    });

    it.each(Object.keys(rules))("%s accepts a class of the host that keeps it", async (rule) => {
      expect(await new Judge(files, peers).judge("device", rule)).toEqual([]);
    });
  });
});
