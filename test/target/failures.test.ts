import { copyFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  BUILD_TIMEOUT_MS,
  compileModule,
  describeImage,
  engine,
  hasCompiler,
  type ImageDescription,
  type Outcome,
  Tree,
} from "../support/target";

/** Nothing was printed but one line that says why, and what a person may read further. */
function expectFailure({ status, stdout, stderr }: Outcome, first: string | RegExp, rest = ""): void {
  const [line, ...lines] = stderr.split("\n");
  if (typeof first === "string") expect(line).toBe(first);
  else expect(line).toMatch(first);
  expect(lines.join("\n")).toContain(rest);
  expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
}

describe.runIf(hasCompiler())("a failure on XS speaks:", () => {
  const tree = new Tree({
    "src/main.ts": 'import "./module";\n',
    "src/module.ts": `export interface Unused {
  gone: number;
}

export function refuse(why: string): never {
  throw new RangeError(why);
}
`,
  });
  let built: ImageDescription;
  beforeAll(() => {
    built = describeImage(tree.root);
  }, BUILD_TIMEOUT_MS);
  afterAll(() => tree.remove());

  describe("a script", () => {
    it("that throws: the message, and each place in the TypeScript sources", () => {
      const body = "const inner = () => {\nrefuse('no');\n};\ninner();\nreturn '';";
      const outcome = tree.run(body, [], 'import { refuse } from "./src/module";');
      expectFailure(outcome, "engine: uncaught exception: RangeError: no", " at refuse (src/module.ts:6)");
      expect(outcome.stderr).toContain(" at inner (program.ts:4)");
      expect(outcome.stderr).toContain(" at program (program.ts:6)");
    });

    it.each([
      ["throw 'text';", "engine: uncaught exception: text"],
      ["throw undefined;", "engine: uncaught exception: undefined"],
      ["throw { toString() { throw 1; } };", "engine: uncaught exception, which cannot be shown"],
      [
        "Promise.reject(new Error('late')); return 'x';",
        /^engine: (uncaught exception|unhandled rejection): Error: late$/,
      ],
      ["return new Function('return 1')();", "engine: uncaught exception: SyntaxError: invalid script"],
    ])("that throws: %s", (body, line) => {
      const { status, stderr } = tree.run(body);
      expect(stderr.split("\n")[0]).toMatch(line);
      expect(status).toBe(1);
    });

    it("that waits for what never comes", () => {
      const outcome = tree.run("return '';", [], "await new Promise(() => {});");
      expectFailure(outcome, "engine: caller.ts awaits what never comes");
    });

    it.each([
      "const call = (n: number): number => call(n + 1) + 1;\nreturn String(call(0));",
      "const call = (n: number): unknown => [n].map(call);\nreturn String(call(0));",
      "const call = (): never => new Proxy({}, { get: () => call().x }) as never;\nreturn (call() as { x: string }).x;",
    ])("that recurses too deeply: %s", (body) => {
      expectFailure(tree.run(body), /^engine: stack overflow at program\.ts:\d+$/);
    });

    it("that needs more stack than it is given", () => {
      const body = "const call = (n: number): number => n && call(n - 1) + 1;\nreturn String(call(100));";
      expect(tree.run(body)).toMatchObject({ status: 0, stdout: "100\n", stderr: "" });
      expectFailure(tree.run(body, ["--stack", "400"]), /^engine: stack overflow at program\.ts:\d+$/);
    });

    it.each([
      "const list: unknown[] = [];\nfor (;;) list.push([list]);",
      "let text = 'x';\nfor (;;) text += text;",
      "return String(new ArrayBuffer(2 ** 31 - 1).byteLength);",
      "return String(new Array(2 ** 32 - 1).fill(0).length);",
    ])("that exhausts memory: %s", (body) => {
      expectFailure(
        tree.run(body, ["--memory", "10000000"]),
        /^engine: memory exhausted at program\.ts:[34]$/,
      );
    });

    it("that exhausts keys, of which there are as many as an ID of 16 bits counts", () => {
      const body =
        "const record: Record<string, number> = {};\nfor (let n = 0; ; n++) record['key' + n] = n;";
      expectFailure(tree.run(body), "engine: keys exhausted at program.ts:4");
    });

    it.each([
      "for (;;);",
      "for (let n = 0; ; n++) [n].map((m) => m);",
      "return String(/^(a+)+$/.test('a'.repeat(60) + 'b'));",
    ])("that has no end, once it has a deadline: %s", (body) => {
      expectFailure(tree.run(body, ["--deadline", "500"]), "engine: not finished after 500 ms");
    });

    it("that imports what is not there", () => {
      const outcome = tree.run("return '';", [], 'import "./nothing";');
      expect(outcome.status).toBe(1);
      expect(outcome.stderr).toContain("./nothing");
    });

    it.each([
      ["--deadline", "soon"],
      ["--deadline", ""],
      ["--deadline", "86400001"],
      ["--memory", "0"],
      ["--memory", "1073741825"],
      ["--chunks", "-1"],
      ["--chunks", "1073741825"],
      ["--slots", "1"],
      ["--slots", "16777217"],
      ["--stack", "1000000000"],
      ["--stack", "99999999999999999999"],
      ["--heap", "1000"],
    ])("with an option that makes no sense: %s %s", (...option) => {
      const { status, stdout, stderr } = tree.run("return '';", option);
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(stderr).toMatch(/^usage: /);
    });

    it.each([
      ["--deadline", "86400000"],
      ["--memory", "1073741824"],
      ["--chunks", "1073741824"],
      ["--slots", "16777216"],
      ["--stack", "16777216"],
    ])("not with an option that is as large as can be: %s %s", (...option) => {
      expect(tree.run("return 'fine';", option)).toMatchObject({ status: 0, stdout: "fine\n" });
    });

    it.each([
      ["--memory", "1", "memory exhausted"],
      ["--chunks", "1", "memory exhausted"],
      ["--slots", "2", "memory exhausted"],
      ["--stack", "1", "stack overflow"],
    ])("that no machine has room for: %s %s", (option, number, reason) => {
      expectFailure(tree.run("return '';", [option, number]), `engine: ${reason}`);
    });

    it("for which the host has no memory", () => {
      const archive = compileModule(tree, built.compile, "any.ts", 'print("any");');
      // 512 MiB of slots are asked for, and the process may have half of that.
      const limited = `ulimit -v 262144; exec "$0" run --stack 16777216 "$@"`;
      expectFailure(
        engine("sh", ["-c", limited, built.engine, built.image, archive]),
        "engine: out of memory",
      );
    });
  });

  describe("an image or archive", () => {
    const file = (name: string) => join(tree.root, name);

    /** A copy of the image, changed. */
    function changed(name: string, change: (bytes: Uint8Array) => void): string {
      const bytes = readFileSync(built.image);
      change(bytes);
      writeFileSync(file(name), bytes);
      return file(name);
    }

    function compiled(name: string, source: string): string {
      writeFileSync(file(`${name}.js`), `${source}\n//# sourceMappingURL=map\n`);
      writeFileSync(file(`${name}.map`), '{"version":3,"sources":["x"],"mappings":"AAAA;AACA"}');
      const outcome = engine(built.compile, [
        file(name),
        `${name}.ts`,
        file(`${name}.js`),
        file(`${name}.map`),
      ]);
      expect(outcome).toEqual({ status: 0, stdout: "", stderr: "" });
      return file(name);
    }

    const run = (image: string, archive: string) => engine(built.engine, ["run", image, archive]);

    it("that is good, first of all", () => {
      expect(run(built.image, compiled("good", 'print("good");'))).toEqual({
        status: 0,
        stdout: "good\n",
        stderr: "",
      });
    });

    it("that is not there", () => {
      const outcome = run(file("none"), file("none"));
      expectFailure(outcome, `engine: ${file("none")}: No such file or directory`);
      expectFailure(run(built.image, file("none")), `engine: ${file("none")}: No such file or directory`);
    });

    it("that is something else", () => {
      const other = tree.write("other", "something else, and longer than a header is: ".repeat(4));
      expectFailure(run(other, other), `engine: ${other} is no image`);
      expectFailure(run(built.image, other), `engine: ${other} is no archive of this engine`);
      const empty = tree.write("empty", "");
      expectFailure(run(empty, other), `engine: ${empty} is no image`);
      expectFailure(run(built.image, empty), `engine: ${empty} is no archive of this engine`);
    });

    it("that is truncated", () => {
      const image = changed("short-image", () => {});
      truncateSync(image, built.fileBytes - 1);
      expectFailure(run(image, image), /is truncated: \d+ of \d+ bytes are there$/);
      const archive = compiled("short", 'print("short");');
      truncateSync(archive, readFileSync(archive).length - 1);
      expectFailure(run(built.image, archive), /short is truncated: \d+ of \d+ bytes are there$/);
    });

    it("that is damaged, anywhere behind its header", () => {
      for (const at of [70_000, built.fileBytes - 1]) {
        const image = changed("damaged-image", (bytes) => {
          bytes[at] ^= 1;
        });
        expectFailure(run(image, image), `engine: ${image} is damaged: its hash is wrong`);
      }
      const archive = compiled("damaged", 'print("damaged");');
      const bytes = readFileSync(archive);
      bytes[bytes.length - 1] ^= 1;
      writeFileSync(archive, bytes);
      expectFailure(run(built.image, archive), `engine: ${archive} is damaged: its hash is wrong`);
    });

    it("that another build of the engine has made", () => {
      const other = file("engine");
      copyFileSync(built.engine, other);
      writeFileSync(other, "another", { flag: "a" });
      const outcome = engine(other, ["list", built.image]);
      expectFailure(outcome, `engine: ${built.image} is foreign: another build of the engine has made it`);
    });

    it("that does not compile", () => {
      writeFileSync(file("bad.js"), "let x = 1;\nlet x = 2;\n//# sourceMappingURL=map\n");
      writeFileSync(file("bad.map"), '{"version":3,"sources":["x"],"mappings":"AAAA;AACA"}');
      const outcome = engine(built.compile, [file("bad"), "bad.ts", file("bad.js"), file("bad.map")]);
      expectFailure(outcome, /^compile: bad\.ts:2: error: .*x/, "compile: bad.ts does not compile");
    });
  });
});
