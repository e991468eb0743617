import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Engine, type EngineLimits, type OnCall } from "../../target/host/engine";
import {
  BUILD_TIMEOUT_MS,
  compileModule,
  describeImage,
  hasCompiler,
  type ImageDescription,
  Tree,
} from "../support/target";

/** Enough for one machine, and not for ten. */
const ONE_MACHINE_BYTES = 1_000_000;

/** What the tests serve: it does as its events say. */
const SERVED = `let count = 0;
const handlers = {
  count: () => ++count,
  call: (...values) => call(...values),
  caught: (...values) => { try { call(...values); } catch (error) { return [error instanceof RangeError, String(error)]; } },
  later: () => { Promise.resolve().then(() => Promise.resolve()).then(() => count++); },
  now: () => count,
  throw: (message) => { throw new TypeError(message); },
  reject: () => { Promise.reject(new Error("nobody listens")); },
  loop: () => { for (;;); },
  loopLater: () => { Promise.resolve().then(() => { for (;;); }); },
  recurse: () => handlers.recurse() + 1,
  fill: () => { const list = []; for (;;) list.push({}); },
  garbage: () => { for (let index = 0; index < 20_000; index++) [index]; },
  pass: () => call(new Map()),
};
export default (name, ...values) => handlers[name](...values);`;

describe.runIf(hasCompiler())("an engine at the other end of a pipe", () => {
  const tree = new Tree({});
  const open: Engine[] = [];
  let built: ImageDescription;
  let archive: string;

  beforeAll(() => {
    built = describeImage();
    archive = compileModule(tree, built.compile, "served.ts", SERVED);
  }, BUILD_TIMEOUT_MS);
  afterAll(async () => {
    for (const engine of open) await engine.close();
    tree.remove();
  });

  function start(onCall: OnCall = () => undefined, limits: EngineLimits = {}): Engine {
    const engine = new Engine(
      { engine: built.engine, image: built.image, archives: [archive] },
      limits,
      onCall,
    );
    open.push(engine);
    engine.boot();
    return engine;
  }

  it("passes what is called, and what the answer is", async () => {
    const calls: unknown[][] = [];
    const engine = start((...call) => {
      calls.push(call);
      return { answer: [42, "forty-two"] };
    });
    expect(engine.event("call", "operation", 1, { two: 3 })).toEqual({ answer: [42, "forty-two"] });
    expect(calls).toEqual([["operation", 1, { two: 3 }]]);
    expect(await engine.close()).toBe(0);
  });

  it("throws there what was thrown here, by its name and in its words", () => {
    const words = "no ".repeat(100);
    const engine = start(() => {
      throw new RangeError(words);
    });
    expect(engine.event("caught", "operation")).toEqual([true, `RangeError: ${words}`]);
  });

  it("takes events while it waits for an answer", () => {
    const engine: Engine = start((depth) => {
      if (depth === "3") return 0;
      return Number(engine.event("call", String(Number(depth) + 1))) + 1;
    });
    expect(engine.event("call", "0")).toBe(3);
    expect(engine.event("count")).toBe(1);
  });

  it("puts promise jobs off until they are asked for, and runs those that they make", () => {
    const engine = start();
    expect(engine.runJobs()).toBe(false);
    engine.event("later");
    expect(engine.event("now")).toBe(0);
    expect(engine.runJobs()).toBe(true);
    expect(engine.event("now")).toBe(1);
    expect(engine.runJobs()).toBe(false);
  });

  it("begins each boot with a new machine, and with all of its memory", () => {
    const engine = start(undefined, { chunks: 65_536, slots: 2000 });
    expect([engine.event("count"), engine.event("count")]).toEqual([1, 2]);
    for (let boot = 0; boot < 200; boot++) {
      engine.boot();
      expect(engine.event("count")).toBe(1);
    }
    engine.event("garbage");
    expect(engine.event("now")).toBe(1);
  });

  it("counts what each machine takes, and not what those before it took", () => {
    const engine = start(undefined, { memory: ONE_MACHINE_BYTES });
    for (let boot = 0; boot < 50; boot++) {
      engine.boot();
      expect(engine.event("count")).toBe(1);
    }
    expect(() => engine.event("fill")).toThrow(/^engine: memory exhausted at served\.ts:\d+$/);
  });

  describe("says why it ends:", () => {
    const failures: [what: string, event: unknown[], message: RegExp, limits?: EngineLimits][] = [
      [
        "an exception",
        ["throw", "no good"],
        /^engine: uncaught exception: TypeError: no good\n at .*served\.ts:8\)/,
      ],
      ["a rejection", ["reject"], /^engine: unhandled rejection: Error: nobody listens/],
      ["a loop without end", ["loop"], /^engine: not finished after 300 ms$/, { deadlineMs: 300 }],
      ["a loop in a promise job", ["loopLater"], /^engine: not finished after 300 ms$/, { deadlineMs: 300 }],
      ["a recursion without end", ["recurse"], /^engine: stack overflow at served\.ts:\d+$/],
      ["no slots left", ["fill"], /^engine: memory exhausted at served\.ts:\d+$/, { slots: 2000 }],
      ["what cannot pass", ["pass"], /^engine: uncaught exception: TypeError: .*cannot pass/],
    ];

    it.each(failures)("%s", async (_what, event, message, limits) => {
      const engine = start(undefined, limits);
      const fail = () => {
        engine.event(...event);
        engine.runJobs();
      };
      expect(fail).toThrow(message);
      expect(() => engine.event("now")).toThrow("the engine has ended");
      expect(await engine.close()).toBe(1);
    });

    it("not, when it is killed; then that is said for it", async () => {
      const engine = start();
      process.kill(engine.pid!, "SIGKILL");
      expect(() => engine.event("now")).toThrow(/^the engine has ended without a word: /);
      expect(await engine.close()).toBe(null);
    });

    it("there is no such program", async () => {
      const files = { engine: "/no/such/engine", image: "", archives: [] };
      const engine = new Engine(files, {}, () => undefined);
      expect(() => engine.boot()).toThrow(/^the engine has ended without a word: /);
    });
  });

  describe("ends with a message when the host", () => {
    const serve = (input: Uint8Array) =>
      spawnSync(built.engine, ["serve", built.image, archive], { input, encoding: "utf8", timeout: 20_000 });
    const message = (kind: string, ...item: number[]) =>
      Buffer.from([item.length + 1, 0, 0, 0, kind.charCodeAt(0), ...item]);
    const boot = message("B", 0x80);

    it.each([
      [
        "goes before it has said anything",
        Buffer.alloc(0),
        "the pipe from the host is broken: it ends after 0 of 5 bytes",
      ],
      ["goes in a head", boot.subarray(0, 3), "the pipe from the host is broken: it ends after 3 of 5 bytes"],
      [
        "goes in a message",
        boot.subarray(0, 5),
        "the pipe from the host is broken: it ends after 0 of 1 bytes",
      ],
      ["goes between two messages", boot, "the pipe from the host is broken: it ends after 0 of 5 bytes"],
      ["says nothing", Buffer.from([0, 0, 0, 0, 0]), "the host has sent a message of 0 bytes"],
      [
        "says too much",
        Buffer.from([255, 255, 255, 255, 66]),
        "the host has sent a message of 4294967295 bytes",
      ],
      ["is first of all curious", message("E", 0x80), "the host has sent 'E' before the first boot"],
      [
        "says what has no meaning",
        Buffer.concat([boot, message("X", 0x80)]),
        "the host has sent 'X', which is no message",
      ],
      [
        "cuts an item off",
        Buffer.concat([boot, message("E", 0x82, 0x65)]),
        "the host has sent a message that is cut off",
      ],
      ["sends a tag", Buffer.concat([boot, message("E", 0x81, 0xc1, 0)]), "the host has sent a tagged item"],
      [
        "sends no array",
        Buffer.concat([boot, message("E", 0x00)]),
        "the host has sent something that is no array",
      ],
    ])("%s", (_what, input, line) => {
      const { status, stderr } = serve(input);
      expect(stderr).toBe(`engine: ${line}\n`);
      expect(status).toBe(1);
    });

    it("reads no more", async () => {
      const child = spawn(built.engine, ["serve", built.image, archive], { stdio: ["pipe", "pipe", "pipe"] });
      let said = "";
      child.stderr.on("data", (bytes) => {
        said += bytes;
      });
      child.stdout.destroy();
      child.stdin.write(boot);
      const [code] = await once(child, "close");
      expect(said).toBe("engine: the pipe to the host is broken: Broken pipe\n");
      expect(code).toBe(1);
    });

    it("sends any bytes whatever: none crashes it", { timeout: 120_000 }, () => {
      const item = fc.uint8Array({ maxLength: 24 });
      fc.assert(
        fc.property(item, fc.constantFrom("E", "R", "T"), (bytes, kind) => {
          const { status, signal, stderr } = serve(Buffer.concat([boot, message(kind, ...bytes)]));
          expect({ status, signal }).toEqual({ status: 1, signal: null });
          expect(stderr).toMatch(
            /^engine: (the host|the pipe from the host|uncaught exception|stack overflow|memory exhausted)/,
          );
        }),
        { numRuns: 300 },
      );
    });
  });
});
