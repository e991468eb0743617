import { readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "../architecture/parse";
import {
  BUILD_TIMEOUT_MS,
  compileModules,
  describeImage,
  engine,
  hasCompiler,
  type ImageDescription,
  Tree,
  target,
} from "../support/target";

const ROOT = join(import.meta.dirname, "..", "..");
const MAIN = "src/main.ts";

/** What a module of ours imports at run time, found by the TypeScript parser. */
function importsOf(path: string): string[] {
  return parse(path, readFileSync(join(ROOT, path), "utf8"))
    .imports.filter(({ specifier, typeOnly }) => !typeOnly && specifier?.startsWith("."))
    .map(({ specifier }) => `${posix.join(posix.dirname(path), specifier!)}.ts`);
}

function reachableFrom(path: string, found = new Set<string>()): Set<string> {
  if (found.has(path)) return found;
  found.add(path);
  for (const imported of importsOf(path)) reachableFrom(imported, found);
  return found;
}

it("is not in the board's firmware either: what rows of the registry are called elsewhere", () => {
  const manifest = readFileSync(join(ROOT, "manifest.json"), "utf8");
  expect(manifest).toContain("./src/model/*");
  expect(manifest).not.toMatch(/tools|vocabular/);
});

describe.runIf(hasCompiler())("the image of the firmware", () => {
  let image: ImageDescription;
  beforeAll(() => {
    image = describeImage();
  }, BUILD_TIMEOUT_MS);

  it("holds the import graph of src/ but main.ts, and nothing else", () => {
    const names = image.modules.map(({ name }) => name);
    const expected = [...reachableFrom(MAIN)].filter((path) => path !== MAIN);
    expect(expected).toContain("src/terminal.ts");
    expect([...names].sort()).toEqual(expected.sort());
  });

  it("holds the registry, and nothing of what its rows are called elsewhere", () => {
    const names = image.modules.map(({ name }) => name);
    expect(names).toContain("src/model/channels.ts");
    expect(names.filter((name) => /vocabular|tools/.test(name))).toEqual([]);
  });

  it("freezes each module after those that it imports", () => {
    const names = image.modules.map(({ name }) => name);
    const early = names.flatMap((name, index) =>
      importsOf(name).filter((imported) => names.indexOf(imported) >= index),
    );
    expect(early).toEqual([]);
  });

  it("has bytecode and slots of each module", () => {
    const empty = image.modules.filter(({ codeBytes, slots }) => !(codeBytes > 0 && slots > 0));
    expect(empty).toEqual([]);
  });
});

describe.runIf(hasCompiler())("an image of any size", () => {
  const tree = new Tree({});
  afterAll(() => tree.remove());

  // Somewhere here the slots that are free run out: where exactly, each change of the engine moves.
  it("can be frozen", { timeout: BUILD_TIMEOUT_MS }, () => {
    const built = describeImage();
    const small = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`small-${index}.ts`, ""]));
    for (let count = 2180; count < 2300; count++) {
      const padding = `export const padding = [${"{},".repeat(count)}];`;
      const archive = compileModules(tree, built.compile, { ...small, "padding.ts": padding });
      const outcome = engine(built.engine, ["freeze", archive, join(tree.root, "image")]);
      expect({ count, ...outcome }).toMatchObject({ count, status: 0, stderr: "" });
    }
  });
});

/** Each way to keep state in a module, beside what only reads; `read` is called while the image is made. */
const PLANTED = `
  export const limit = 40;
  const list = [1, 2], bytes = new Uint8Array(4), map = new Map([["a", 1]]), set = new Set([1]);
  const record: { n: number; m?: number } = { n: 1 };
  const found = { pattern: /([a-z])(\\d)/, every: /./g };
  export const texts = ["a", "b"].map((text) => text + "-made");
  export const big = 3n ** 60n;
  let counter = 0;
  export let exported = 0;
  class Counter {
    static made = 0;
    static #hidden = 0;
    static hide() { return ++Counter.#hidden; }
  }
  function factory() { let inner = 0; return () => ++inner; }
  const next = factory();

  export const read = () => limit + list.length + bytes[1] + map.get("a")! + record.n + counter + exported
    + [...list, ...set].length + Number(found.pattern.exec("x2")![2]) + JSON.stringify([...list]).length;
  export const write: Record<string, () => unknown> = {
    counter: () => ++counter,
    exported: () => { exported = 2; },
    inner: () => next(),
    push: () => list.push(3),
    index: () => { list[0] = 3; },
    sort: () => list.sort(),
    bytes: () => { bytes[1] = 1; },
    map: () => map.set("b", 2),
    replaced: () => map.set("a", 2),
    set: () => set.add(2),
    property: () => { record.n = 2; },
    added: () => { record.m = 2; },
    deleted: () => Reflect.deleteProperty(record, "n"),
    static: () => ++Counter.made,
    hidden: () => Counter.hide(),
    method: () => Object.assign(Counter.prototype, { x: 1 }),
    lastIndex: () => found.every.test("x"),
  };
  read();
`;

const WRITES = [...PLANTED.matchAll(/^ {4}(\w+): \(\) =>/gm)].map(([, name]) => name);

describe.runIf(hasCompiler())("module-level state", () => {
  const tree = new Tree({
    "src/main.ts": 'import { read } from "./planted";\nread();\n',
    "src/planted.ts": PLANTED,
  });
  const imports = 'import { exported, limit, read, write } from "./src/planted";';
  const readers = 'import { big, texts } from "./src/planted";';

  beforeAll(() => {
    target([]);
  }, BUILD_TIMEOUT_MS);
  afterAll(() => tree.remove());

  it("can be read", () => {
    const { status, stdout, stderr } = tree.run(
      'return [limit, exported, read(), read(), Object.keys(write).length, "é€"].join(" ");',
      [],
      imports,
    );
    expect(stderr).toBe("");
    expect(stdout).toBe(`40 0 54 54 ${WRITES.length} é€\n`);
    expect(status).toBe(0);
  });

  it("is left alone by the collector, whatever has been copied out of it", () => {
    const body = `
      const kept: Record<string, unknown> = {};
      for (const text of texts) kept[text] = [text, big];
      for (let index = 0; index < 100_000; index++) kept.garbage = ["x" + index];
      return Object.keys(kept).join() + " " + kept["a-made"];`;
    const { status, stdout, stderr } = tree.run(body, [], readers);
    expect(stderr).toBe("");
    expect(stdout).toBe(`a-made,b-made,garbage a-made,${3n ** 60n}\n`);
    expect(status).toBe(0);
  });

  it("is no state when it is made anew at each run", () => {
    const body = "const list = [1]; list.push(2); let n = 0; n++; return String(n + list.length);";
    expect(tree.run(body)).toMatchObject({ status: 0, stdout: "3\n", stderr: "" });
  });

  it.each(WRITES)("ends the run that writes it, and its module is named: %s", (name) => {
    const { status, stdout, stderr } = tree.run(`return String(write.${name}());`, [], imports);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain("src/planted.ts");
    expect(stderr).toMatch(/^engine: (src\/planted\.ts: frozen|uncaught exception: TypeError)/);
  });

  it("has the name of its variable", () => {
    expect(tree.run("return String(write.counter());", [], imports).stderr).toBe(
      "engine: src/planted.ts: frozen module state was written: counter\n",
    );
  });

  it("includes what the engine itself brings", () => {
    const { status, stderr } = tree.run("Object.assign(Array.prototype, { x: 1 }); return '';");
    expect(status).toBe(1);
    expect(stderr).toContain("frozen module state was written");
  });
});
