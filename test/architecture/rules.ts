/**
 * The rules of the design that a parser can check. A rule is a pure function of a module's path from the root of
 * the repository and its text; modules that it does not govern have no violations.
 */
import { builtinModules } from "node:module";
import ts from "typescript";
import {
  type Finding,
  type ImportUse,
  isBare,
  type Module,
  membersOf,
  parse,
  report,
  target,
  type Violation,
  walk,
  wrapped,
} from "./parse";
import { mutableState, runsOnce } from "./state";

export type Rule = (fileName: string, text: string) => Violation[];

const MAIN = "src/main.ts";
/** What main.ts may use of the globals that XS adds. */
const XS_GLOBALS = ["trace", "device"];
/** npm packages that hal-mocks may use on every engine: they run on XS. */
const NEUTRAL_PACKAGES = ["mqtt-packet"];

/** The globals of ECMAScript 2022 that both Node and XS have. eval and Function would hide what a module uses. */
const STANDARD = new Set(
  [
    "globalThis undefined NaN Infinity arguments isFinite isNaN parseFloat parseInt",
    "decodeURI decodeURIComponent encodeURI encodeURIComponent",
    "Object Array String Number Boolean Symbol BigInt RegExp Math JSON Reflect Proxy Promise Date",
    "Map Set WeakMap WeakSet WeakRef FinalizationRegistry Atomics",
    "Error AggregateError EvalError RangeError ReferenceError SyntaxError TypeError URIError",
    "ArrayBuffer SharedArrayBuffer DataView Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array",
    "Int32Array Uint32Array BigInt64Array BigUint64Array Float32Array Float64Array",
  ].flatMap((line) => line.split(" ")),
);

const CLOCK = "take the time and timers from the injected Clock";
const RANDOM = "take random numbers from an injected source";
/** What to do instead of a global that both engines do not have. */
const INSTEAD: Readonly<Record<string, string>> = {
  setTimeout: CLOCK,
  setInterval: CLOCK,
  setImmediate: CLOCK,
  clearTimeout: CLOCK,
  clearInterval: CLOCK,
  clearImmediate: CLOCK,
  performance: CLOCK,
  queueMicrotask: "use Promise.resolve().then",
  Buffer: "use Uint8Array",
  process: "take what you need by parameter",
  console: "use the injected log",
  trace: "use the injected log",
  crypto: RANDOM,
  require: "use import",
  globalThis: "name the global that you mean",
  TextEncoder: "write UTF-8 by hand into a Uint8Array",
  structuredClone: "copy what you need by hand",
};

function rule(governs: (fileName: string) => boolean, find: (module: Module) => Finding[]): Rule {
  return (fileName, text) => {
    if (!governs(fileName)) return [];
    const module = parse(fileName, text);
    return report(module, find(module));
  };
}

const isSource = (fileName: string) => fileName.startsWith("src/");
const isBeyondMain = (fileName: string) => isSource(fileName) && fileName !== MAIN;
const isMock = (fileName: string) => fileName.startsWith("hal-mocks/");
const isNeutralMock = (fileName: string) => isMock(fileName) && !/^hal-mocks\/(node|lin)\//.test(fileName);

/** (a) The firmware uses nothing of Node. */
export const sourceWithoutNode = rule(isSource, (module) => [
  ...nodeImports(
    module,
    "take it by parameter, as a port of src/hal.ts; hosts are in hal-mocks/node and tools",
  ),
  ...foreignGlobals(module, xsGlobals(module.fileName)),
]);

function xsGlobals(fileName: string): string[] {
  if (fileName.startsWith("src/native/")) return ["native"];
  return fileName === MAIN ? XS_GLOBALS : [];
}

/** (b) Only main.ts names platform modules. */
export const platformInMainOnly = rule(isBeyondMain, ({ imports }) =>
  imports.flatMap(({ node, specifier }) => {
    if (specifier === undefined)
      return [{ node, message: "a computed import: name the module in a literal" }];
    if (!isBare(specifier)) return [];
    const message = `imports "${specifier}": import it in ${MAIN} and pass it by parameter; its type goes to src/hal.ts`;
    return [{ node, message }];
  }),
);

/** (c) Time and randomness are injected. */
export const injectedTime = rule(isBeyondMain, (module) => [
  ...module.globals
    .filter(({ name }) => name === "Date" || name === "performance")
    .map(({ name, node }) => ({ node, message: `uses ${name}: ${CLOCK}` })),
  ...randomness(module),
]);

/** (d) No module keeps state: the base is preloaded. */
export const noModuleState = rule(isSource, mutableState);

/** (h) No regular expression is preloaded: XS of SDK 8.2.3 crashes when it collects garbage inside the exec of one. */
export const noPreloadedRegExp = rule(isSource, (module) => [
  ...literals(module.file).map((node) => ({ node, message: REGEXP })),
  ...module.globals
    .filter(({ name, node }) => name === "RegExp" && runsOnce(node))
    .map(({ node }) => ({ node, message: REGEXP })),
]);

const REGEXP =
  "a regular expression of module level, at which XS crashes when it collects garbage: make it where it is used, or do without";

function literals(file: ts.SourceFile): ts.Node[] {
  const found: ts.Node[] = [];
  walk(file, (node) => {
    if (ts.isRegularExpressionLiteral(node) && runsOnce(node)) found.push(node);
  });
  return found;
}

/** (e) What hal-mocks has outside node/ and lin/ runs on every engine, in virtual time. */
export const neutralMocks = rule(isNeutralMock, (module) => [
  ...nodeImports(module, "move it to hal-mocks/node and take it by parameter"),
  ...module.imports.flatMap(({ node, specifier }) => {
    if (specifier === undefined)
      return [{ node, message: "a computed import: name the module in a literal" }];
    const to = target(module.fileName, specifier);
    if (/^hal-mocks\/(node|lin)(\/|$)/.test(to)) {
      return [{ node, message: `imports ${to}, which one engine only has: take it by parameter` }];
    }
    if (!isBare(specifier) || isNode(specifier) || /^(src|hal-mocks)\//.test(specifier)) return [];
    if (NEUTRAL_PACKAGES.some((name) => isOfPackage(specifier, name))) return [];
    return [{ node, message: `imports "${specifier}", which XS may not run: take it by parameter` }];
  }),
  ...foreignGlobals(module, []),
  ...impureDates(module),
  ...randomness(module),
]);

const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  src: ["src"],
  "hal-mocks": ["hal-mocks", "src"],
};
const ROOMS = ["src", "hal-mocks", "target", "tools", "bench", "test"];

/** (f) The firmware knows nothing of its hosts, and the mocks nothing of their users. */
export const roomsInOrder = rule(
  (fileName) => isSource(fileName) || isMock(fileName),
  ({ fileName, imports }) => {
    const [room] = fileName.split("/");
    return imports.flatMap(({ node, specifier }) => {
      if (specifier === undefined) return [];
      const to = target(fileName, specifier);
      const [toRoom] = to.split("/");
      if (MAY_IMPORT[room].includes(toRoom) || (isBare(specifier) && !ROOMS.includes(toRoom))) return [];
      return [
        {
          node,
          message: `imports ${to}: ${room} may import ${MAY_IMPORT[room].join(" and ")} only; move it there`,
        },
      ];
    });
  },
);

/** (g) The app is replaceable: an update carries all that it runs, and gets the rest through the kit. */
export const appByItself = rule(
  (fileName) => fileName.startsWith("src/app/"),
  ({ fileName, imports }) =>
    imports
      .filter(({ specifier, typeOnly }) => !typeOnly && !isInApp(fileName, specifier))
      .map(({ node, specifier }) => ({
        node,
        message: `loads ${specifier === undefined ? "a computed module" : target(fileName, specifier)}: write "import type", or get it through the kit`,
      })),
);

/** (h) A chip finds its driver's errors only if it shares no code with it. */
export const chipsByThemselves = rule(
  (fileName) => fileName.startsWith("hal-mocks/chips/"),
  ({ fileName, imports }) =>
    imports
      .filter(({ specifier, typeOnly }) => !typeOnly && !isOfMocks(fileName, specifier))
      .map(({ node, specifier }) => ({
        node,
        message: `loads ${specifier === undefined ? "a computed module" : target(fileName, specifier)}: write it anew, from the data sheet`,
      })),
);

function isOfMocks(fileName: string, specifier: string | undefined): boolean {
  return specifier !== undefined && target(fileName, specifier).startsWith("hal-mocks/");
}

function isInApp(fileName: string, specifier: string | undefined): boolean {
  return specifier !== undefined && target(fileName, specifier).startsWith("src/app/");
}

function nodeImports({ imports }: Module, instead: string): Finding[] {
  const isOfNode = ({ specifier }: ImportUse) => specifier !== undefined && isNode(specifier);
  return imports
    .filter(isOfNode)
    .map(({ node, specifier }) => ({ node, message: `imports "${specifier}" of Node: ${instead}` }));
}

function isNode(specifier: string): boolean {
  return specifier === "node" || specifier.startsWith("node:") || builtinModules.includes(specifier);
}

function isOfPackage(specifier: string, name: string): boolean {
  return specifier === name || specifier.startsWith(`${name}/`);
}

function foreignGlobals({ globals }: Module, allowed: readonly string[]): Finding[] {
  return globals
    .filter(({ name }) => (!STANDARD.has(name) || name === "globalThis") && !allowed.includes(name))
    .map(({ name, node }) => ({
      node,
      message: `uses the global ${name}, which not every engine has: ${(Object.hasOwn(INSTEAD, name) && INSTEAD[name]) || "take it by parameter"}`,
    }));
}

function randomness({ globals }: Module): Finding[] {
  return globals.flatMap(({ name, node }) => {
    if (name !== "Math") return [];
    const members = membersOf(node);
    if (!members)
      return [{ node, message: "hands on Math, and Math.random with it: name the function that you mean" }];
    return members
      .filter((member) => member.name === "random")
      .map((member) => ({ node: member.node, message: `uses Math.random: ${RANDOM}` }));
  });
}

/** All uses of Date but those that say which moment they mean. */
function impureDates({ globals }: Module): Finding[] {
  return globals
    .filter(({ name, node }) => name === "Date" && !isPureDate(node))
    .map(({ node }) => ({
      node,
      message: `asks Date for the time of the host: ${CLOCK}, and give it to new Date(time)`,
    }));
}

function isPureDate(node: ts.Node): boolean {
  const members = membersOf(node);
  if (members) return members.every(({ name }) => name === "UTC" || name === "parse");
  const outer = wrapped(node);
  const { parent } = outer;
  if (ts.isNewExpression(parent) && parent.expression === outer) {
    const first = parent.arguments?.[0];
    return first !== undefined && !ts.isSpreadElement(first);
  }
  return (
    ts.isBinaryExpression(parent) &&
    parent.right === outer &&
    parent.operatorToken.kind === ts.SyntaxKind.InstanceOfKeyword
  );
}
