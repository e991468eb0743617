import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..", "..");

function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

interface Partition {
  name: string;
  type: string;
  subtype: string;
  start: number;
  end: number;
}

/** As ESP-IDF reads it: comments, then name, type, subtype, offset, size. */
function partitionTable(csv: string): Partition[] {
  const lines = csv.split("\n").filter((line) => line.trim() && !line.startsWith("#"));
  return lines.map((line) => {
    const [name, type, subtype, offset, size] = line.split(",").map((cell) => cell.trim());
    return { name, type, subtype, start: Number(offset), end: Number(offset) + Number(size) };
  });
}

/** What is wrong with a table, in words. */
function faults(table: Partition[]): string[] {
  const found: string[] = [];
  const sorted = [...table].sort((a, b) => a.start - b.start);
  let free = TABLE_END;
  for (const { name, type, start, end } of sorted) {
    const alignment = type === "app" ? APP_ALIGNMENT : SECTOR;
    if (!(end > start)) found.push(`${name} is empty`);
    if (start % alignment || end % SECTOR) found.push(`${name} is not aligned`);
    if (start < free) found.push(`${name} overlaps what is before it`);
    free = end;
  }
  if (free > FLASH) found.push("the flash is too small");
  if (new Set(table.map(({ name }) => name)).size !== table.length) found.push("a name is there twice");
  for (const { name } of table) if (name.length > 15) found.push(`${name} is too long`);
  return found;
}

const KB = 1024;
const SECTOR = 4 * KB;
const APP_ALIGNMENT = 64 * KB;
const FLASH = 4096 * KB;
/** The bootloader, then the table's own sector at 0x8000. */
const TABLE_END = 0x9000;

describe("the partition table", () => {
  const table = partitionTable(read("partitions.csv"));

  function sizes(matches: (partition: Partition) => boolean): number[] {
    return table.filter(matches).map(({ start, end }) => (end - start) / KB);
  }

  it("fits 4 MB of flash, aligned, with no overlap", () => {
    expect(faults(table)).toEqual([]);
  });

  it("says what is wrong with a table", () => {
    const [ota0, ota1] = table.filter(({ type }) => type === "app");
    const moved = { ...ota1, start: ota1.start - SECTOR };
    expect(faults([ota0, moved])).toEqual(["ota_1 is not aligned", "ota_1 overlaps what is before it"]);
    expect(faults([{ ...ota0, start: 4032 * KB, end: 4100 * KB }])).toEqual(["the flash is too small"]);
  });

  it("has the slots of the design", () => {
    expect(sizes(({ type, subtype }) => type === "app" && /^ota_[01]$/.test(subtype))).toEqual([1344, 1344]);
    expect(sizes(({ name }) => name.startsWith("mod_"))).toEqual([192, 192]);
    expect(sizes(({ name }) => name === "outbox")).toEqual([512]);
    expect(sizes(({ subtype }) => subtype === "ota")).toEqual([8]);
    expect(sizes(({ subtype }) => subtype === "nvs")).toEqual([64]);
  });

  it("gives the SDK one place for mods: it takes the first of type 0x40, subtype 1", () => {
    expect(sizes(({ type, subtype }) => type === "0x40" && subtype === "1")).toEqual([192]);
  });

  it("lets the SDK's flash class open what is not an app: it looks for data partitions by name", () => {
    const opened = table.filter(({ name }) => /^(mod_|outbox)/.test(name));
    expect(opened.map(({ type }) => type)).toEqual(["data", "data", "data"]);
  });
});

describe("the manifest", () => {
  const manifest = JSON.parse(read("manifest.json"));
  const board = JSON.parse(read("src/native/esp32/manifest.json"));

  it("preloads every module of the base, but what only a receiver needs", () => {
    const sources = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" });
    const left: string[] = manifest.modules["~"];
    const modules = sources.filter(
      (file) =>
        file.endsWith(".ts") &&
        !file.endsWith(".d.ts") &&
        file !== "main.ts" &&
        !left.includes(`./src/${file.replaceAll("\\", "/").slice(0, -3)}`),
    );
    const preload: string[] = [...manifest.preload, ...board.preload];
    const own = preload.filter((name) => name.startsWith("src/"));
    expect(own.sort()).toEqual(
      modules.map((file) => `src/${file.replaceAll("\\", "/").slice(0, -3)}`).sort(),
    );
  });

  it("builds every folder of src", () => {
    const files = readdirSync(join(root, "src"), { recursive: true, withFileTypes: true });
    const folders = files.filter((entry) => entry.name.endsWith(".ts")).map((entry) => entry.parentPath);
    for (const folder of new Set(folders)) {
      const path = folder.slice(root.length + 1).replaceAll("\\", "/");
      if (path === "src/native/esp32") continue;
      expect(manifest.modules, path).toHaveProperty([`${path}/*`], `./${path}/*`);
    }
  });
});

describe("src/native/esp32", () => {
  it("is built for every board, and for nothing else", () => {
    const platforms: Record<string, { include?: string[]; error?: string }> = JSON.parse(
      read("manifest.json"),
    ).platforms;
    const [boards, others] = [true, false].map((isBoard) =>
      Object.entries(platforms).filter(
        ([name, { error }]) => !error && /^esp32(\/|$)/.test(name) === isBoard,
      ),
    );
    expect(boards.map(([, { include }]) => include)).toEqual(
      boards.map(() => ["./sdkconfig/manifest.json", "./src/native/esp32/manifest.json"]),
    );
    expect(boards.length).toBeGreaterThan(0);
    expect(JSON.stringify(others)).not.toContain("native");
    expect(JSON.parse(read("src/native/esp32/manifest.json")).modules).toEqual({
      "src/native/esp32/*": "./*",
    });
  });

  it("has the name by which main.ts looks for it", () => {
    expect(read("src/main.ts")).toContain('"src/native/esp32/board"');
  });
});

describe("without the SDK", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "gridmote-test-"));
    mkdirSync(join(folder, "tools"));
    writeFileSync(join(folder, "tools", "VERSION"), "8.1.4\n");
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function tool(args: string[], env: NodeJS.ProcessEnv = {}) {
    const { MODDABLE, IDF_PATH, BUILD_DIR, ...rest } = process.env;
    const options = { cwd: root, env: { ...rest, ...env }, encoding: "utf8" } as const;
    const { status, stdout, stderr } = spawnSync(process.execPath, args, options);
    return { status, stdout, stderr };
  }

  const commands = [
    ["check:sdk", "tools/sdk/check-sdk.mjs"],
    ["flash", "tools/sdk/mcconfig.mjs", "flash"],
    ["monitor", "tools/sdk/mcconfig.mjs", "monitor"],
  ];

  it.each(commands)("%s says in one line what to get, and ends with 2", (name, ...args) => {
    const { status, stdout, stderr } = tool(args);
    expect(status).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^[^\n]+\n$/);
    expect(stderr).toContain(`${name}: MODDABLE is not set: get the Moddable SDK 8.2`);
  });

  it.each(commands)("%s refuses a folder with no SDK in it, and another release", (_name, ...args) => {
    expect(tool(args, { MODDABLE: root }).stderr).toContain(`MODDABLE is ${root}, and there is no SDK`);
    const old = tool(args, { MODDABLE: folder });
    expect(old.status).toBe(2);
    expect(old.stderr).toContain(`the SDK in ${folder} is 8.1.4: get the Moddable SDK 8.2`);
  });

  it.each([
    [["mode=slepper"], 'the command line: mode is "slepper", expected "sleeper" or "resident"'],
    [["-p", "esp32", "sampelMs=5"], 'the command line: there is no setting "sampelMs"'],
    [["sensors=p1; sht5x"], 'there is no driver "sht5x"'],
    [["wifiPassword=".padEnd(99, "x")], "wifiPassword is not valid, expected text"],
    [["updateVendor=example.com"], "updateVendor is given, but no updateClass: no update would be taken"],
    [["updateVendor=a", "updateClass=b", "updateKeys=c"], 'updateVendor is "a", expected a UUID'],
  ])("flash refuses %o before it builds anything", (settings, message) => {
    const { status, stdout, stderr } = tool(["tools/sdk/mcconfig.mjs", "flash", ...settings]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/^flash: [^\n]+\n$/);
    expect(stderr).toContain(message);
  });

  it("flash takes settings that are right, what a build has besides, and options of mcconfig", () => {
    const right = [
      "ssid=a",
      "sensors=p1; sht4x",
      "hardware=3",
      "release=1",
      "-p",
      "esp32/nodemcu",
      "-o",
      "a=b",
    ];
    expect(tool(["tools/sdk/mcconfig.mjs", "flash", ...right]).stderr).toContain("MODDABLE is not set");
  });

  it("flash and monitor are all that mcconfig.mjs knows", () => {
    const { status, stderr } = tool(["tools/sdk/mcconfig.mjs", "erase"]);
    expect(status).toBe(2);
    expect(stderr).toBe("mcconfig: expected flash or monitor\n");
  });
});

describe("tsc as mcconfig calls it", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "gridmote-test-"));
    // What the compiler cannot do without: the real library costs seconds.
    const names =
      "Array<T> Boolean CallableFunction Function IArguments NewableFunction Number Object RegExp String";
    writeFileSync(join(folder, "globals.d.ts"), names.replace(/\S+/g, "interface $& {}"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Compiles a module's text as a makefile of the SDK does; its code and map, where there is some. */
  function compile(name: string, text: string) {
    const source = join(folder, `${name}.ts`);
    const outDir = join(folder, "out");
    writeFileSync(source, `/// <reference path="globals.d.ts" />\n${text}`);
    const compilerOptions = {
      rootDir: "/",
      outDir,
      target: "es2022",
      module: "preserve",
      sourceMap: true,
      noLib: true,
    };
    const project = join(folder, `${name}-tsconfig.json`);
    writeFileSync(
      project,
      JSON.stringify({ compilerOptions: { ...compilerOptions, types: [] }, files: [source] }),
    );
    const { status, stdout } = spawnSync(join(root, "tools/sdk/bin/tsc"), ["-p", project], {
      encoding: "utf8",
    });
    const made = join(outDir, source.replace(/\.ts$/, ".js"));
    const read = (path: string) => (existsSync(path) ? readFileSync(path, "utf8") : undefined);
    return { status, stdout, code: read(made), map: read(`${made}.map`) };
  }

  it("takes the types out of a module, and maps its lines", () => {
    const { status, code, map } = compile(
      "plain",
      'import { a } from "./a";\nexport const b: number = a as number;\n',
    );
    expect(status).toBe(0);
    expect(code).toMatch(
      /^import \{ a \} from "\.\/a";\nexport const b = a;\n\/\/# sourceMappingURL=.*plain\.js\.map\n$/,
    );
    expect(JSON.parse(map!).sources).toEqual([expect.stringContaining("plain.ts")]);
  });

  it("leaves of a module of types an empty one", () => {
    const { status, code, map } = compile("types", "export interface A {\n  a: number;\n}\n");
    expect({ status, code, map }).toEqual({ status: 0, code: "export {};\n", map: undefined });
  });

  it.each([
    ["imported", 'import a from "platform";\nexport const b: string = 1;\n'],
    ["lines", 'import {\n  a,\n} from "platform";\nexport const b: string = 1;\n'],
    ["native", 'declare function native(name: string): number;\nexport const b: string = native("b");\n'],
  ])("has the types checked of a module that knows the platform (%s)", (name, text) => {
    const { status, stdout } = compile(name, text);
    expect(status).not.toBe(0);
    expect(stdout).toContain("TS2322");
  });
});
