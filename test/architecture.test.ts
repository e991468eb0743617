import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  appByItself,
  chipsByThemselves,
  injectedTime,
  neutralMocks,
  noModuleState,
  noPreloadedRegExp,
  platformInMainOnly,
  type Rule,
  roomsInOrder,
  sourceWithoutNode,
} from "./architecture/rules";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

const rules: Readonly<Record<string, Rule>> = {
  "src uses nothing of Node": sourceWithoutNode,
  "only src/main.ts imports bare specifiers": platformInMainOnly,
  "time and randomness are injected": injectedTime,
  "no module of src keeps state": noModuleState,
  "no regular expression is preloaded": noPreloadedRegExp,
  "hal-mocks is neutral to the engine": neutralMocks,
  "rooms import in one direction": roomsInOrder,
  "the app loads nothing but itself": appByItself,
  "a chip shares no code with its driver": chipsByThemselves,
};

function modulesOf(...rooms: string[]): string[] {
  return rooms
    .flatMap((room) =>
      readdirSync(join(ROOT, room), { recursive: true, encoding: "utf8" }).map((name) => `${room}/${name}`),
    )
    .map((name) => name.replaceAll("\\", "/"))
    .filter((name) => /\.[cm]?[jt]sx?$/.test(name) && !name.endsWith(".d.ts"))
    .sort();
}

const tree = modulesOf("src", "hal-mocks");
const read = (fileName: string) => readFileSync(join(ROOT, fileName), "utf8");

describe("the tree", () => {
  it("is found", () => {
    expect(tree).toEqual(expect.arrayContaining(["src/main.ts", "src/terminal.ts", "hal-mocks/node/tcp.ts"]));
    expect(tree).not.toContain("src/platform.d.ts");
  });

  it.each(Object.entries(rules))("%s", (_, rule) => {
    const messages = tree.flatMap((fileName) => rule(fileName, read(fileName)).map(({ message }) => message));
    expect(messages).toEqual([]);
  });

  it.each(Object.entries(rules))("%s, also where a module of the tree breaks it", (_, rule) => {
    const breaks = `
      export { setTimeout } from "node:timers";
      export { crc16 } from "../../src/sensors/crc16";
      let planted = [Date.now(), setTimeout, "../tools/x" as unknown as typeof import("../../tools/x"), /x/];`;
    const governed = ["src/app/default.ts", "hal-mocks/clock.ts", "hal-mocks/chips/sht.ts"];
    const found = governed.flatMap((fileName) => {
      const text = read(fileName);
      const lines = text.split("\n").length;
      return rule(fileName, text + breaks).filter(({ line }) => line > lines);
    });
    expect(found).not.toEqual([]);
  });
});

/**
 * A module of planted violations beside near-misses: the lines that end in `// !` must be reported, and no others.
 */
function expectMarked(rule: Rule, fileName: string, text: string): void {
  const marked = text.split("\n").flatMap((line, index) => (line.endsWith("// !") ? [index + 1] : []));
  const violations = rule(fileName, text);
  const show = (lines: number[]) =>
    [...new Set(lines)].map((line) => `${line}: ${text.split("\n")[line - 1].trim()}`);
  expect(show(violations.map(({ line }) => line))).toEqual(show(marked));
  for (const { line, message } of violations) {
    expect(message).toMatch(/^\S+:\d+ .+: .+/);
    expect(message.startsWith(`${fileName}:${line} `)).toBe(true);
  }
}

type Planted = [title: string, fileName: string, text: string];

describe("src uses nothing of Node", () => {
  it.each<Planted>([
    [
      "imports",
      "src/sensors/x.ts",
      `
      import { connect } from "node:net"; // !
      import fs from "fs"; // !
      import "node:fs/promises"; // !
      import type { Socket } from "net"; // !
      import { promises } from "fs/promises"; // !
      export { join } from "path"; // !
      export * from "node:os"; // !
      export type { Server } from "http"; // !
      import os = require("os"); // !
      type Stream = import("node:stream").Readable; // !
      export const load = () => import("node:zlib"); // !
      export const template = () => import(\`crypto\`); // !
      import { net } from "./net";
      import type { Path } from "../path";
      import fsOfOurs from "./fs";
      export { stream } from "./node/stream";
      const name = "node:net"; /* import "fs" */
      type Own = import("../hal").Clock;
      export { connect, fs, promises, os, net, fsOfOurs, name };
      `,
    ],
    ["the types of Node", "src/x.ts", `/// <reference types="node" /> // !\nexport {};`],
    [
      "globals",
      "src/comms/x.ts",
      `
      export const environment = process.env.HOME; // !
      export const bytes = Buffer.from("x"); // !
      export function log(text: string) {
        console.log(text); // !
      }
      export const wait = (done: () => void) => setTimeout(done, 1); // !
      const timers = [
        setInterval, // !
        setImmediate, // !
        clearTimeout, // !
      ];
      queueMicrotask(() => timers.pop()); // !
      const net = require("net"); // !
      global.x = 1; // !
      fetch("http://localhost").then(net); // !
      const encoder = new TextEncoder(); // !
      const copy = structuredClone({ encoder }); // !
      export const started = performance.now(); // !
      export const id = crypto.randomUUID(); // !
      if (typeof window !== "undefined") throw copy; // !
      export const short = { process }; // !
      export { Buffer }; // !
      export const where = __dirname; // !
      class Local extends EventTarget {} // !
      export const url = new URL("x:y"), code = eval("1"); // !
      export const text = \`\${navigator.userAgent}\`; // !
      export const typed = (process as unknown as { pid: number }).pid; // !
      export const call = Array<number>(1).map(isNaN), generic = EventTarget<string>; // !
      declare const Deno: { pid: number };
      export const claimed = Deno.pid, local = Local; // !
      `,
    ],
    [
      "globals by way of globalThis",
      "src/comms/x.ts",
      `
      export const a = globalThis.process; // !
      export const b = globalThis["setTimeout"]; // !
      export const c = (globalThis as { console?: unknown }).console; // !
      export const { fetch: d } = globalThis; // !
      export const e = globalThis; // !
      export const f = (name: "process") => globalThis[name]; // !
      export const g = globalThis.globalThis.Buffer; // !
      export const h = globalThis.Promise, i = globalThis["Map"];
      export const { Object: j } = globalThis;
      `,
    ],
    [
      "near-misses",
      "src/comms/x.ts",
      `
      import { performance } from "./performance";
      interface Port { process: number; fetch(): void; Buffer?: string }
      type Handle = ReturnType<typeof setTimeout> | NodeJS.Timeout | Buffer | Console;
      export function run(port: Port, process: () => void, { fetch: get, ...crypto }: { fetch: Handle; n: number }) {
        process();
        port.process = port["fetch"] === port.fetch ? 1 : 2;
        port.fetch();
        const console = { log: (text: string) => text };
        console.log(port.Buffer as string);
        return { setTimeout: get, global: crypto.n, require: 1, performance };
      }
      export class Timer<fetch> {
        setTimeout(done: (value: fetch) => void): void {
          this.setTimeout(done);
          self: for (;;) break self;
        }
        #process = 1;
        get crypto() { return this.#process; }
      }
      try { run; } catch (process) { throw process; }
      for (const fetch of [1]) fetch.toFixed();
      export enum Place { process, Buffer }
      function require(global: unknown) { return global instanceof Error ? global.message : undefined; }
      export const text = "process.env", pattern = /Buffer/, { global: renamed } = { global: require };
      // console.log(process.argv)
      export type { Console } from "./console";
      export { run as fetch } from "./run";
      export const numbers = [NaN, Infinity, undefined, Number("1"), parseInt("1", 10), Math.sqrt(4)];
      export function variadic() { return arguments.length + pattern.lastIndex + text.length; }
      class Old implements EventListener { handleEvent() {} }
      export interface Wide extends EventTarget, Port { old: Old; renamed: typeof renamed }
      `,
    ],
    ["main.ts too", "src/main.ts", `import "node:fs"; // !\ntrace("x");\nDate.now();\nconsole.log(1); // !`],
    ["trace elsewhere", "src/terminal.ts", `trace("x"); // !`],
    ["C functions in src/native", "src/native/esp32/x.ts", `native("f").call(0);\ntrace("x"); // !`],
    ["C functions elsewhere", "src/main.ts", `native("f").call(0); // !`],
    ["other rooms", "tools/x.ts", `import "node:fs"; process.exit();`],
  ])("%s", (_, fileName, text) => expectMarked(sourceWithoutNode, fileName, text));
});

const PLATFORM = `
  import Timer from "timer"; // !
  import "modules"; // !
  import * as config from "mc/config"; // !
  import type Serial from "embedded:io/serial"; // !
  import { type Retained } from "gridmote/retained"; // !
  export { default } from "embedded:io/socket/tcp"; // !
  export * from "crypt"; // !
  export type { Foo } from "hal-mocks/key-value"; // !
  import bits = require("bits"); // !
  export type Digest = import("crypt").Digest; // !
  export type Whole = typeof import("time"); // !
  export const later = () => import("net"); // !
  export const exact = () => import(\`net\`); // !
`;

describe("only src/main.ts imports bare specifiers", () => {
  it.each<Planted>([
    ["every form", "src/sensors/x.ts", PLATFORM],
    ["in the app", "src/app/x.ts", PLATFORM],
    ["in a main.ts of another folder", "src/ota/main.ts", PLATFORM],
    ["main.ts itself", "src/main.ts", PLATFORM.replaceAll(" // !", "")],
    ["other rooms", "hal-mocks/x.ts", PLATFORM.replaceAll(" // !", "")],
    [
      "computed",
      "src/x.ts",
      `
      export const a = (name: string) => import(name); // !
      export const b = (name: string) => import(\`./\${name}\`); // !
      `,
    ],
    [
      "near-misses",
      "src/sensors/x.ts",
      `
      import { P1 } from "./p1";
      import type { Clock } from "../hal";
      import up from "..";
      import here from ".";
      export * from "./timer";
      export type { Time } from "../time";
      export const later = () => import("./modules");
      export type Own = import("../hal").Hal;
      const timer = "timer"; // import Timer from "timer"
      export const host = { import: (name: string) => name, from: timer };
      host.import("timer");
      export const where = import.meta;
      export { P1, up, here };
      `,
    ],
  ])("%s", (_, fileName, text) => expectMarked(platformInMainOnly, fileName, text));
});

const TIME = `
  export const now = Date.now(); // !
  export const date = new Date(); // !
  export const given = new Date(0); // !
  export const text = Date(); // !
  const D = Date; // !
  export const utc = Date.UTC(2024, 1), { now: take } = Date; // !
  export const is = (x: unknown) => x instanceof Date; // !
  export class Moment extends Date {} // !
  export const ticks = performance.now(); // !
  export const wide = globalThis.Date.now(); // !
  export const short = { Date }; // !
  export const random = Math.random(); // !
  export const draw = Math["random"]; // !
  export const { random: roll, floor } = Math; // !
  export const far = globalThis.Math.random; // !
  export const all = Math; // !
  export const any = (name: "random") => Math[name]; // !
  export const handed = Object.keys(Math), local = D; // !
`;

describe("time and randomness are injected", () => {
  it.each<Planted>([
    ["every form", "src/lowpower/x.ts", TIME],
    ["in the app", "src/app/x.ts", TIME],
    ["main.ts itself", "src/main.ts", TIME.replaceAll(" // !", "")],
    [
      "near-misses",
      "src/lowpower/x.ts",
      `
      import type { Clock } from "../hal";
      interface Times { Date: Date; now(): Date; random: typeof Math.random }
      export function at(clock: Clock, random: () => number, Date: { now(): number }, times: Times) {
        times.Date = times.now();
        return [clock.time, clock.ticks, random(), Date.now(), times.random(), { Date: 1, performance: 2 }];
      }
      export const { floor, sqrt } = Math;
      export const x = Math.sqrt(2), y = Math["floor"](1.5);
      function shadowed(Math: { random(): number }, performance: number) { return Math.random() + performance; }
      export class Random { random() { return this.random() + shadowed(this, 0); } }
      export type Made = InstanceType<typeof Date>; // Date.now()
      `,
    ],
  ])("%s", (_, fileName, text) => expectMarked(injectedTime, fileName, text));
});

describe("no module of src keeps state", () => {
  it.each<Planted>([
    [
      "variables",
      "src/x.ts",
      `
      let a = 0; // !
      export let b: number | undefined; // !
      var c = 1; // !
      export var d = 2; // !
      let { e } = { e: 1 }, [f] = [2]; // !
      if (a) var g = 1; // !
      for (var h = 0; h < 1; h++); // !
      namespace N { export let i = 1; } // !
      { let count = 0; a = (() => count++)(); }
      {
        let hidden = 0;
        b = [1].map(() => ++hidden)[0]; // !
      }
      const next = (() => {
        let last = 0;
        return () => {
          last += 1; // !
          return last;
        };
      })();
      const pool = (function () {
        const free: number[] = [];
        free.push(0);
        return { take: () => free.pop(), give: (n: number) => free.push(n) }; // !
      })();
      export { c, d, e, f, g, next, pool, N };
      `,
    ],
    [
      "variables: near-misses",
      "src/x.ts",
      `
      const a = 1, { b } = { b: 2 };
      export const TABLE = make();
      declare let trace: (text: string) => void;
      export type State = { let: number; var: number };
      function make() {
        let crc = 0;
        var at = 0;
        const table = new Uint32Array(256);
        for (let index = 0; index < 256; index++) table[index] = crc ^= at++;
        table.fill(0, 1).reverse();
        return table;
      }
      for (let index = 0; index < 2; index++) make();
      export const counter = () => {
        let count = 0;
        return () => ++count;
      };
      export class Counter {
        static { let once = 0; once++; }
        count = [0].map((n) => { let sum = n; sum += 1; return sum; });
      }
      export const SQUARES = (() => {
        const squares = new Uint8Array(16);
        let n = 0;
        for (; n < 16; n++) squares[n] = n * n;
        return squares;
      })();
      export const FROM = Uint16Array.from({ length: 256 }, (_, byte) => { let crc = byte; crc ^= a; return crc; });
      `,
    ],
    [
      "assignments",
      "src/x.ts",
      `
      const state = { n: 0, list: [1], deep: { x: [{ y: 1 }] } };
      export const bytes = new Uint8Array(8);
      const map = new Map<string, { n: number }>();
      const typed = { n: 1 } as const satisfies object;
      const [first] = [{ n: 1 }];
      const unknown = make(), f = () => {};
      function make(): Record<string, number> { return {}; }
      export function write(i: number, x: { y: number }) {
        state.n = 1; // !
        state["n"] += 1; // !
        state.n++; // !
        --state.n; // !
        state.deep.x[i].y ??= 2; // !
        bytes[i] = 1; // !
        bytes[i + 1] ^= 1; // !
        delete unknown.x; // !
        delete state.deep["x"]; // !
        (state as { n: number }).n = 2; // !
        state!.n = 2; // !
        (state satisfies object).n = 2; // !
        (<{ n: number }>typed).n = 1; // !
        first.n = 1; // !
        [bytes[0], x.y] = [1, 2]; // !
        ({ n: state.n } = { n: 1 }); // !
        ({ n: [state.n = 4] } = { n: [1] }); // !
        ({ ...unknown.rest } = { n: 1 }); // !
        for (state.n of [1]); // !
        for (unknown.key in x); // !
        make.cache = 1; // !
        f.cache = 1; // !
        const alias = state.deep; // the same thing
        alias.x = []; // !
        for (const row of state.deep.x) {
          row.y = 1; // !
        }
      }
      state.n = 5; // !
      `,
    ],
    [
      "methods that change",
      "src/x.ts",
      `
      const list: number[] = [], map = new Map(), set = new Set(), bytes = new Uint8Array(4), box = { list };
      const view = new DataView(bytes.buffer), sticky = /x/y, global = /x/g;
      export function write() {
        list.push(1); // !
        list.pop(); // !
        list.shift(); // !
        list.unshift(1); // !
        list.splice(0, 1); // !
        list.sort(); // !
        list.reverse(); // !
        list["fill"](0); // !
        list?.push(2); // !
        box.list.push(1); // !
        box["list"]!.copyWithin(0, 1); // !
        bytes.set([1]); // !
        bytes.fill(0); // !
        bytes.copyWithin(0, 1); // !
        view.setUint8(0, 1); // !
        map.set(1, 2); // !
        map.delete(1); // !
        map.clear(); // !
        set.add(1); // !
        Object.assign(box, {}); // !
        Object.defineProperty(box, "x", {}); // !
        Object.defineProperties(box.list, {}); // !
        Reflect.set(box, "x", 1); // !
        Reflect.deleteProperty(box, "x"); // !
        Array.prototype.push.call(list, 1); // !
        Array.prototype.push.apply(box.list, [1]); // !
        sticky.exec("x"); // !
        global.test("x"); // !
        return () => list.push(3); // !
      }
      map.set("at load", 1); // !
      `,
    ],
    [
      "objects: near-misses",
      "src/x.ts",
      `
      import Timer from "timer";
      import * as vector from "./vector";
      import { Big } from "./big";
      const TABLE = [1, 2, 3], NAMES = new Map([["a", 1]]), options = { n: 1 }, word = /x/;
      const bits = { set: (x: number, i: number) => x | (1 << i), pure(n: number) { return this.set(n, 1); } };
      class Registry { static add(a: number, b: number) { return a + b; } }
      export function read(list: number[], map: Map<string, number>, options: { n: number }, set: Set<number>) {
        options.n = NAMES.get("a") ?? 0;
        list.push(TABLE[0]);
        map.set("x", TABLE.length);
        set.add(1).delete(2);
        const copy = TABLE.slice();
        copy.sort();
        copy[0] = TABLE[1];
        const own = [...TABLE], made = { ...bits };
        own.reverse();
        made.set = () => 0;
        TABLE.slice().sort();
        TABLE.map((n) => n + 1).push(4);
        Object.assign({}, TABLE);
        Object.freeze(NAMES);
        Object.keys(bits).sort();
        Reflect.get(bits, "set");
        const row = { TABLE: 1 };
        row.TABLE = 2;
        let value = TABLE[0];
        value += 1;
        for (const entry of TABLE) value += entry;
        { const TABLE = [1]; TABLE[0] = value; TABLE.push(1); }
        const { n } = options;
        options.n = n + bits.set(1, 2) + Registry.add(1, 2) + vector.add(1, 2) + Big.add(1, 2);
        Timer.set(() => word.test("x") && /y/g.test("y"), 1);
        if (TABLE[0] === 1 || TABLE[1] <= 2) return TABLE[0] == 1 ? -TABLE[0] : !TABLE[1];
        return (TABLE: number[]) => TABLE.push(1);
      }
      export class Store {
        readonly #list: number[] = [];
        TABLE = [1];
        count = 0;
        add(n: number) {
          this.#list.push(n);
          this.TABLE[0] = n;
          this.count++;
          this.options().n = 1;
          const self = this;
          self.count = 2;
          return options.n;
        }
        options() { return { n: 1 }; }
      }
      `,
    ],
    [
      "imports",
      "src/x.ts",
      `
      import { queue, table } from "./tables";
      import * as tables from "./tables";
      import own, { Driver } from "../driver";
      export function write() {
        queue.push(1); // !
        table[0] = 1; // !
        tables.table[1] = 2; // !
        tables.queue.push(3); // !
        own.n++; // !
        Driver.count = 1; // !
        Object.assign(table, []); // !
        return queue.length + table.slice().push(1);
      }
      `,
    ],
    [
      "statics",
      "src/x.ts",
      `
      export class X {
        static count = 0;
        static cache = new Map<string, number>();
        static readonly LIMIT = 4;
        static table: number[] = [];
        static #p = 0;
        static #q = 1;
        #own = 0;
        readonly id = X.count++; // !
        constructor() {
          X.count += 1; // !
          new.target.count = 2; // !
          this.#own = X.#q;
        }
        static {
          this.table = [1];
          X.table.push(2);
          X.#q = 2;
          Promise.resolve().then(() => this.count++); // !
        }
        static later = () => this.count++; // !
        later = () => this.#own++;
        static make() {
          this.count = 1; // !
          this.cache.set("x", 1); // !
          return () => this.count--; // !
        }
        method(other: typeof X) {
          X.cache.delete("x"); // !
          (this.constructor as typeof X).count++; // !
          const made = this.constructor as typeof X; // the same thing
          made.count = 1; // !
          X.#p = 1; // !
          other.#p++; // !
          this.#own++;
          return X.LIMIT + X.#p + this.#own;
        }
      }
      class Y extends X {}
      Y.count = 3; // !
      export const Z = class Inner { static n = 0; n = Inner.n++; }; // !
      Z.n++; // !
      export const box = {
        n: 0,
        raise() { this.n++; }, // !
        lower: function () { this.n--; }, // !
        arrow: () => { box.n = 1; }, // !
      };
      `,
    ],
    [
      "statics: near-misses",
      "src/x.ts",
      `
      export class X {
        static readonly TABLE = X.make();
        static count = 1;
        static make() { const made = { n: 1 }; made.n = 2; return [made]; }
        static of(n: number) { const x = new X(); x.n = n; x.count = X.count; return x; }
        n = 0;
        count = 0;
        clear() { this.n = X.TABLE[0].n; this.count++; X.of(1).n = 2; }
      }
      /** A class a call: each has its own statics. */
      export function create(io: typeof X) {
        return class Made extends io {
          static made = 0;
          static #list: number[] = [];
          id = Made.made++;
          static reset() { this.made = 0; Made.#list.push(1); }
          again() { (this.constructor as typeof Made).made = 0; }
        };
      }
      export const make = () => ({ n: 0, raise() { this.n++; } });
      `,
    ],
    [
      "prototypes and globals",
      "src/x.ts",
      `
      class Local { n = 1; }
      Array.prototype.last = function () { return this.at(-1); }; // !
      Object.defineProperty(String.prototype, "x", { value: 1 }); // !
      Object.assign(Local.prototype, { x: 1 }); // !
      Object.setPrototypeOf(Local, null); // !
      delete Local.prototype.n; // !
      export function patch(made: Local & { __proto__: object }, type: typeof Local) {
        type.prototype.n = 2; // !
        made.__proto__ = {}; // !
        Object.getPrototypeOf(made).n = 1; // !
        globalThis.shared = made; // !
        Math.extra = 1; // !
        Promise["x"] ??= 2; // !
        Object.assign(JSON, {}); // !
        return Object.create(Local.prototype) instanceof type && Array.prototype.slice.call([1]).length;
      }
      export const has = Object.prototype.hasOwnProperty.call({}, "prototype"), near = { prototype: 1 };
      `,
    ],
    ["main.ts too", "src/main.ts", "let n = 0; // !\nexport const next = () => n++;"],
    ["other rooms", "hal-mocks/x.ts", "let n = 0;\nexport const next = () => n++;"],
  ])("%s", (_, fileName, text) => expectMarked(noModuleState, fileName, text));
});

const HOST = `
  import { connect } from "node:net"; // !
  import type { Socket } from "net"; // !
  import { Aedes } from "aedes"; // !
  import { TcpStream } from "./node/tcp"; // !
  export * from "fs"; // !
  export type Duplex = import("node:stream").Duplex; // !
  export const load = () => import("node:zlib"); // !
  export const any = (name: string) => import(name); // !
  export const bytes = Buffer.alloc(1); // !
  export const timer = () => setTimeout(connect, 1); // !
  export const encoder = new TextEncoder(), path = process.cwd(); // !
  export const abort = new AbortController(); // !
  export const host = globalThis.process; // !
  export const ticks = performance.now(), drawn = Math.random(); // !
`;
const DATES = `
  export const a = Date.now(); // !
  export const b = new Date(); // !
  export const c = new Date; // !
  export const d = Date(); // !
  const { now } = Date; // !
  export const e = new Date(...([] as unknown as [number])); // !
  export const D = Date; // !
  export const f = Reflect.construct(Date, []), g = now; // !
  export const h = new globalThis.Date(), i = globalThis.Date["now"](); // !
  export const j = (time: number) => new Date(time).toISOString() + Date.UTC(2024, 0, 1) + Date.parse("2024-01-01");
  export const k = new Date(2024, 0), l = (x: Date | number) => x instanceof Date;
`;

describe("no regular expression is preloaded", () => {
  it.each<Planted>([
    [
      "literals and objects",
      "src/x.ts",
      `
      const PATTERN = /a/; // !
      export const made = new RegExp("a"), called = RegExp("b"); // !
      export const table = { row: [/c/g] }; // !
      const isOne = ["a"].some((text) => /d/.test(text));
      export class Parser {
        static readonly pattern = /e/; // !
        readonly own = /f/;
        parse(text: string): boolean {
          return /g/.test(text) || new RegExp(text).test("h") || this.own.test(text);
        }
      }
      export const find = (text: string) => /i/.exec(text);
      export function each(text: string) { return text.replaceAll(/j/g, ""); }
      export const ratio = 4 / 2 / 1, text = "/k/", type = (value: unknown) => value instanceof RegExp;
      export { PATTERN, isOne };
      `,
    ],
    ["tools", "tools/x.ts", "export const PATTERN = /a/;"],
  ])("%s", (_, fileName, text) => expectMarked(noPreloadedRegExp, fileName, text));
});

describe("hal-mocks is neutral to the engine", () => {
  it.each<Planted>([
    ["Node", "hal-mocks/x.ts", HOST],
    ["Node, below a chip", "hal-mocks/chips/x.ts", HOST.replace("./node", "../node")],
    ["Node, in node/", "hal-mocks/node/x.ts", HOST.replaceAll(" // !", "")],
    ["Node, in lin/", "hal-mocks/lin/x.ts", HOST.replaceAll(" // !", "")],
    ["Node, in a node/ further down", "hal-mocks/chips/node/x.ts", HOST.replace("./node", "../../node")],
    ["time", "hal-mocks/x.ts", DATES],
    ["time, in a chip", "hal-mocks/chips/x.ts", DATES],
    ["time, in the world", "hal-mocks/world/x.ts", DATES],
    [
      "near-misses",
      "hal-mocks/chips/x.ts",
      `
      import { parser } from "mqtt-packet";
      import type { Packet } from "mqtt-packet/types";
      import { createRandom } from "../random";
      import { createKeyValue } from "hal-mocks/key-value";
      import type { Clock } from "../../src/hal";
      export { node } from "./node";
      export function run(clock: Clock, process: { Buffer: Uint8Array }, Date: { now(): number }) {
        return [clock.ticks, process.Buffer, Date.now(), createRandom(1), parser(), createKeyValue(), Math.floor(1.5)];
      }
      export type Handle = ReturnType<typeof setTimeout> | NodeJS.Timeout | Buffer | Packet;
      `,
    ],
  ])("%s", (_, fileName, text) => expectMarked(neutralMocks, fileName, text));
});

describe("rooms import in one direction", () => {
  it.each<Planted>([
    [
      "src",
      "src/sensors/x.ts",
      `
      import { VirtualClock } from "../../hal-mocks/clock"; // !
      import type { Link } from "../../hal-mocks/link"; // !
      import { createKeyValue } from "hal-mocks/key-value"; // !
      export * from "../../tools/decode"; // !
      export type Vector = import("../../test/vectors/p1").Vector; // !
      export const bench = () => import("../../bench/cbor"); // !
      import "../../target/xs"; // !
      import manifest from "../../manifest.json"; // !
      import "./../.././test/support/x"; // !
      import { clock } from "../hal";
      import { tools } from "./tools/x";
      import type { test } from "../test";
      import Timer from "timer";
      export { VirtualClock, createKeyValue, manifest, clock, tools, Timer };
      `,
    ],
    [
      "main.ts",
      "src/main.ts",
      `
      import { sleep } from "hal-mocks/sleep"; // !
      import link from "../hal-mocks/link"; // !
      import Serial from "embedded:io/serial";
      import Test from "test262";
      import { run } from "./run";
      export { sleep, link, Serial, Test, run };
      `,
    ],
    [
      "hal-mocks",
      "hal-mocks/node/x.ts",
      `
      import { decode } from "../../tools/decode"; // !
      import type { Case } from "../../test/support/case"; // !
      export { peers } from "../../bench/peers"; // !
      export const load = () => import("../../test/vectors/p1"); // !
      import { render } from "tools/render"; // !
      import type { Clock } from "../../src/hal";
      import { crc32 } from "../../src/crc32";
      import { stream } from "../stream";
      import { test } from "./test";
      import { createServer } from "node:net";
      import { Aedes } from "aedes";
      export { decode, render, crc32, stream, test, createServer, Aedes };
      `,
    ],
    ["other rooms", "tools/x.ts", `import "../test/x"; import "../hal-mocks/clock";`],
  ])("%s", (_, fileName, text) => expectMarked(roomsInOrder, fileName, text));
});

describe("the app loads nothing but itself", () => {
  it.each<Planted>([
    [
      "values",
      "src/app/x.ts",
      `
      import { Quality } from "../model/quality"; // !
      import { type Config } from "../config"; // !
      import "../hal"; // !
      import * as profiles from "../model/profiles"; // !
      import config, { type Layer } from "../config"; // !
      export { crc32 } from "../crc32"; // !
      export { type Reading } from "../model/reading"; // !
      export * from "../app-extras/x"; // !
      export const later = () => import("../terminal"); // !
      export const any = (name: string) => import(name); // !
      import Timer from "timer"; // !
      import quality = require("../model/quality"); // !
      import up from ".."; // !
      export { Quality, profiles, config, Timer, quality, up };
      `,
    ],
    [
      "near-misses",
      "src/app/charging/x.ts",
      `
      import type { Config } from "../../config";
      import type * as hal from "../../hal";
      import type { AppInstance } from "../interface";
      import { plan } from "../plan";
      import { surplus } from "./surplus";
      export type { Reading } from "../../model/reading";
      export type * from "../../model/profiles";
      export type Kind = import("../../model/channels").Kind;
      export type Table = typeof import("../../model/profiles").profiles;
      export * from "../default";
      export const later = () => import("./later");
      export { plan, surplus };
      `,
    ],
    ["the rest of src", "src/apparent.ts", `import { Quality } from "./model/quality";\nexport { Quality };`],
  ])("%s", (_, fileName, text) => expectMarked(appByItself, fileName, text));
});

describe("a chip shares no code with its driver", () => {
  it.each<Planted>([
    [
      "values of src",
      "hal-mocks/chips/x.ts",
      `
      import { crc16 } from "../../src/sensors/crc16"; // !
      import { type Clock } from "../../src/hal"; // !
      export * from "../../src/sensors/plausible"; // !
      export const later = () => import("../../src/sensors/sml"); // !
      import type { Timer } from "../../src/hal";
      import { RegisterChip } from "../i2c";
      import { rtuFrame } from "./modbus-slave";
      export type { SerialLine } from "../serial";
      export type Crc = typeof import("../../src/sensors/crc16").crc16;
      export { crc16, RegisterChip, rtuFrame };
      `,
    ],
    ["the world around it", "hal-mocks/clock.ts", `import { hal } from "../src/hal";\nexport { hal };`],
  ])("%s", (_, fileName, text) => expectMarked(chipsByThemselves, fileName, text));
});
