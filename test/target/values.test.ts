import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Engine } from "../../target/host/engine";
import { BUILD_TIMEOUT_MS, hasCompiler, served } from "../support/target";
import { describeValue, foreign } from "./programs/values";

const DEADLINE_MS = 10_000;
const CASES = 3000;
const LARGEST = 2 ** 53 - 1;

const numbers = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.maxSafeInteger(),
  fc.constantFrom(0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, LARGEST, -LARGEST),
  fc.constantFrom(
    ...[7, 8, 15, 16, 31, 32].flatMap((bits) => [2 ** bits - 1, 2 ** bits, -(2 ** bits), -(2 ** bits) - 1]),
  ),
  fc.constantFrom(23, 24, -24, -25, Number.MIN_VALUE, Number.MAX_VALUE),
);

const texts = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: fc.constantFrom("\0", "a", "é", "€", "😀", "\ud7ff", "\ue000", "\uffff") }),
  fc.string({ unit: "binary-ascii", minLength: 200, maxLength: 700 }),
);

const bytes = fc.oneof(fc.uint8Array(), fc.uint8Array({ minLength: 250, maxLength: 6000, size: "max" }));

/** Few, as XS never forgets a name. */
const names = fc.oneof(
  fc.constantFrom(
    "a",
    "length",
    "constructor",
    "toString",
    "0",
    "7",
    "-1",
    "1.5",
    "4294967294",
    "4294967295",
  ),
  fc.constantFrom("", "é", "😀", "\0", "@callback", "prototype", "then"),
);

const { value: values } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(undefined, null, false, true),
    numbers,
    texts,
    bytes,
    bytes.map((array) => array.slice().buffer),
    fc.array(tie("value"), { maxLength: 6 }),
    fc.dictionary(names, tie("value"), { maxKeys: 6 }),
  ),
}));

describe.runIf(hasCompiler())("what passes between host and engine", () => {
  let engine: Engine;
  beforeAll(() => {
    const onCall = (...parameters: unknown[]) => parameters[3];
    engine = new Engine(served("values"), { deadlineMs: DEADLINE_MS }, onCall);
    engine.boot();
  }, BUILD_TIMEOUT_MS);
  afterAll(async () => {
    expect(await engine.close()).toBe(0);
  });

  /** Nothing that came before does harm. */
  function expectAlive(): void {
    expect(engine.event("echo", ["alive"])).toEqual([["alive"], describeValue(["alive"])]);
  }

  it("is on XS what it is on Node, and comes back as it was", () => {
    fc.assert(
      fc.property(values, (value) => {
        const [echo, description] = engine.event("echo", value) as [unknown, string];
        expect(description).toBe(describeValue(value));
        expect(describeValue(echo)).toBe(description);
      }),
      { numRuns: CASES, endOnFailure: true },
    );
  });

  it("is the same as a call's parameters and as its result", () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(describeValue(engine.event("ask", value))).toBe(describeValue(value));
      }),
      { numRuns: CASES / 3, endOnFailure: true },
    );
  });

  it("may be 100,000 numbers, or a megabyte", () => {
    const many = Array.from({ length: 100_000 }, (_, index) => index * 1.5);
    expect(String(engine.event("ask", many))).toBe(String(many));
    const megabyte = new Uint8Array(2 ** 20).map((_, index) => index);
    expect(Buffer.compare(engine.event("ask", megabyte) as Uint8Array, megabyte)).toBe(0);
  });

  it("may be nested 60 times", () => {
    let nested: unknown = "core";
    for (let depth = 0; depth < 60; depth++) nested = depth % 2 ? [nested] : { nested };
    expect(engine.event("ask", nested)).toStrictEqual(nested);
  });

  it.each(Object.entries(foreign))("is not %s: scripts catch a TypeError and go on", (name) => {
    const caught = engine.event("pass", name) as string[];
    expect(caught).toEqual(
      caught.map(() => expect.stringMatching(/^TypeError: .+ cannot pass$|^TypeError: this is no buffer$/)),
    );
    expect(caught.length).toBe(3);
    expectAlive();
  });

  it.each(Object.entries(foreign))("is not %s that a host gives", (_, make) => {
    for (const value of [make(), [1, make()], { value: make() }])
      expect(() => engine.event("echo", value)).toThrow(TypeError);
    expectAlive();
  });
});

describe.runIf(hasCompiler())("a host whose answer cannot pass", () => {
  it("answers with a TypeError, which scripts catch", async () => {
    const engine = new Engine(served("values"), { deadlineMs: DEADLINE_MS }, () => new Map());
    engine.boot();
    const [caught] = engine.event("pass", "a host's answer") as string[];
    expect(caught).toBe("TypeError: an object that is not plain cannot pass");
    expect(await engine.close()).toBe(0);
  });
});
