// npm run check:sdk: does the firmware build and run with the Moddable SDK?
//
// - ESP32, as far as the preload link: module resolution, types, and what may run at build time. Without ESP-IDF no C.
// - The host platform `lin`: built with as much memory for XS as an ESP32 has, launched without a display, and heard
//   by a real broker in real time.
//
// Everything is made in a temporary folder. Exit code 0 good, 1 failed, 2 cannot be checked here.
import { spawn } from "node:child_process";
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
} from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { exitWith, findSdk, Missing, root, which } from "./sdk.mjs";

const NAME = "gridmote";
const ESP32_PLATFORMS = ["esp32", "esp32/nodemcu"];
const FRAMES = 10;
/** Ten readings take 20 seconds. */
const FRAMES_TIMEOUT_MS = 60_000;
/** A sleeper opens the meter's port for each reading, and its meter speaks once a second: a slot has two of them. */
const SAMPLING = ["sampleMs=2000", "sessionMs=1000", "batch=1"];
const APP_BYTES = 16 * 1024;
const SIGNATURES = 8;
const POLL_MS = 200;
const SHOWN_LINES = 30;

const REQUIRED = [
  ["make", "build-essential"],
  ["cc", "build-essential"],
  ["pkg-config", "pkg-config"],
  ["mosquitto", "mosquitto"],
];

/** What the SDK's own settings for a board must not have undone. */
const SDKCONFIG = [
  "CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE=y",
  "CONFIG_BOOTLOADER_SKIP_VALIDATE_IN_DEEP_SLEEP=y",
  "CONFIG_ESP_INT_WDT=y",
  "CONFIG_ESP_TASK_WDT_EN=y",
  "CONFIG_PARTITION_TABLE_CUSTOM=y",
];

const children = new Set();

function start(command, args, env) {
  // A group of its own, so that what mcconfig has started ends with it.
  const child = spawn(command, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  child.output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      child.output += text;
    });
  }
  children.add(child);
  child.ended = new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  }).finally(() => children.delete(child));
  // Whoever does not wait for the end is not surprised by it either.
  child.ended.catch(() => {});
  return child;
}

/** Rejects when a process ends that should not. */
function endOf(name, child) {
  const ended = child.ended.then((code) => {
    throw new Error(`${name} ended with ${code}\n${tail(child.output)}`);
  });
  ended.catch(() => {});
  return ended;
}

async function stop(child) {
  kill(child);
  await child.ended;
}

function kill(child) {
  if (children.has(child) && child.pid) process.kill(-child.pid);
}

/** Runs a command to its end. @throws with the end of its output when it fails. */
async function run(command, args, env) {
  const child = start(command, args, env);
  const code = await child.ended;
  if (code !== 0) throw new Error(`${command} ended with ${code}\n${tail(child.output)}`);
  return child.output;
}

function tail(output) {
  // The linker names hundreds of objects that it aliases; none of these lines explains a failure.
  const lines = output
    .split("\n")
    .filter((line) => line.trim() && !/^(# (xsc|tsc|cc|xsid) |### warning)/.test(line));
  return lines.slice(-SHOWN_LINES).join("\n");
}

async function step(name, body) {
  const began = Date.now();
  const result = await body();
  const seconds = ((Date.now() - began) / 1000).toFixed(1);
  console.log(`${name.padEnd(28)} ${result.padEnd(46)} ${seconds.padStart(6)} s`);
}

async function checkTools({ env, version, typescript }) {
  if (process.platform !== "linux") throw new Missing("the platform `lin` needs Linux");
  for (const [command, debian] of REQUIRED) {
    if (!which(command, env.PATH)) throw new Missing(`${command} is not installed: apt install ${debian}`);
  }
  await run("pkg-config", ["--exists", "gio-2.0"], env).catch(() => {
    throw new Missing("GLib's headers are not installed: apt install libglib2.0-dev");
  });
  return `SDK ${version}, tsc ${typescript}`;
}

/** What the linker says of the image that starts in flash. */
function preloaded(output) {
  const [, summary] = /^### ([0-9]+ instances.*)$/m.exec(output) ?? [];
  if (!summary) throw new Error(`the linker preloaded nothing\n${tail(output)}`);
  return summary;
}

async function checkEsp32(platform, folder, { env }) {
  await run("mcconfig", ["-p", platform, "-o", folder, join(root, "manifest.json")], env);
  const made = join(folder, "tmp", platform, "release", NAME);
  checkSettings(join(made, "xsProj-esp32"));
  // Stands in for ESP-IDF, which this goal needs only to be asked for its version and configuration.
  const idf = [`IDF_PATH=${folder}`, "IDF_VERSION=none", "IDF_RECONFIGURE_CMD=true"];
  const output = await run("make", ["-f", join(made, "makefile"), ...idf, join(made, "mc.xs.c")], env);
  return preloaded(output);
}

function checkSettings(project) {
  const settings = readFileSync(join(project, "sdkconfig.mc"), "utf8").split("\n");
  for (const expected of SDKCONFIG) {
    const [name] = expected.split("=");
    const last = settings.filter((line) => line.startsWith(`${name}=`)).pop();
    if (last !== expected) throw new Error(`sdkconfig has ${last ?? `no ${name}`}, expected ${expected}`);
  }
  const table = readFileSync(join(project, "partitions.csv"), "utf8");
  if (table !== readFileSync(join(root, "partitions.csv"), "utf8"))
    throw new Error("partitions.csv is not the one that is used");
}

async function buildLin(folder, config, { env }) {
  const options = ["-m", "-p", "lin", "-t", "build", "-o", folder, join(root, "manifest.json"), ...config];
  return preloaded(await run("mcconfig", options, env));
}

async function buildLauncher(folder, { env, moddable }) {
  const launcher = join(folder, "launch");
  const flags = (await run("pkg-config", ["--cflags", "--libs", "gio-2.0"], env)).trim().split(/\s+/);
  const include = `-I${join(moddable, "build", "simulators", "modules")}`;
  const source = join(root, "tools", "sdk", "launch.c");
  await run("cc", ["-Wall", "-DmxLinux=1", include, source, "-o", launcher, ...flags, "-ldl"], env);
  return launcher;
}

/** The replaceable app alone, as the bytecode that an update brings. */
async function buildApp(folder, archive, { env }) {
  const manifest = join(root, "src", "app", "manifest.json");
  await run("mcrun", ["-m", "-p", "lin", "-t", "build", "-o", folder, manifest], env);
  const { size } = statSync(archive);
  if (size > APP_BYTES) throw new Error(`the app takes ${size} bytes, more than ${APP_BYTES}`);
  return `${size} of ${APP_BYTES} bytes`;
}

/** A key of Node's, a message of so many bytes, its digest and its signature, as the firmware has them. */
function signedByNode(byteLength) {
  const der = {
    publicKeyEncoding: { type: "spki", format: "der" },
    privateKeyEncoding: { type: "pkcs8", format: "der" },
  };
  // Read from its bytes: see createKey of tools/ota/key-files.ts.
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256", ...der });
  const privateKey = createPrivateKey({ key: pair.privateKey, type: "pkcs8", format: "der" });
  const publicKey = createPublicKey(privateKey);
  const { x, y } = publicKey.export({ format: "jwk" });
  const message = randomBytes(byteLength);
  const signature = sign("sha256", message, { key: privateKey, dsaEncoding: "ieee-p1363" });
  const key = Buffer.concat([x, y].map((text) => Buffer.from(text, "base64url")));
  const digest = createHash("sha256").update(message).digest();
  return { key, message, digest, signature };
}

/** Signatures of Node, and damaged ones, on the SDK's native modules by the firmware's own class. */
async function verifySignatures(folder, launcher, { env }) {
  const cases = Array.from({ length: SIGNATURES }, (_, index) => signedByNode(1 + index * 37));
  const place = join(folder, "verify");
  mkdirSync(place);
  const arrays = cases.map((each) => Object.values(each).map((bytes) => [...bytes]));
  const program = readFileSync(join(root, "tools", "sdk", "verify.js"), "utf8");
  writeFileSync(join(place, "main.js"), `const CASES = ${JSON.stringify(arrays)};\n${program}`);
  const { include, modules } = JSON.parse(readFileSync(join(root, "manifest.json"), "utf8"));
  const native = Object.entries(modules).filter(([, path]) => String(path).includes("/crypt/etc/"));
  const manifest = {
    build: { NAME: "verify" },
    include,
    modules: {
      "*": ["./main", "$(MODULES)/crypt/arith/*"],
      "native-crypto": join(root, "src", "ota", "native-crypto"),
      ...Object.fromEntries(native),
    },
  };
  writeFileSync(join(place, "manifest.json"), JSON.stringify(manifest));
  await run("mcconfig", ["-m", "-p", "lin", "-t", "build", "-o", folder, join(place, "manifest.json")], env);
  const library = join(folder, "bin", "lin", "mc", "release", "verify", "mc.so");
  const child = start(launcher, [library], env);
  try {
    await Promise.race([endOf("the program", child), untilSaid(child, "verified")]);
  } finally {
    await stop(child);
  }
  const [, good, refused] = /verified (\d+) refused (\d+)/.exec(child.output) ?? [];
  if (Number(good) !== SIGNATURES || Number(refused) !== 2 * SIGNATURES) throw new Error(tail(child.output));
  return `${good} signatures good, ${refused} damaged refused`;
}

async function untilSaid(child, words) {
  for (let waited = 0; !child.output.includes(words); waited += POLL_MS) {
    if (waited > FRAMES_TIMEOUT_MS) throw new Error(`it never says "${words}"\n${tail(child.output)}`);
    await delay(POLL_MS);
  }
  // The rest of the line.
  await delay(POLL_MS);
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

async function startBroker(folder, { env }) {
  const port = await freePort();
  const configuration = join(folder, "mosquitto.conf");
  writeFileSync(configuration, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\n`);
  return { port, broker: start("mosquitto", ["-c", configuration], env) };
}

/**
 * Launches the firmware; resolves when the broker has delivered good frames without a gap.
 * @param says what the firmware must have logged by then.
 */
async function hear(port, launcher, args, { env }, says = "") {
  const { default: mqtt } = await import("mqtt");
  const { decode } = await import("cbor-x");
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`);
  await client.subscribeAsync("gm/+/+/f");
  const firmware = start(launcher, args, env);
  const frames = [];
  const heard = new Promise((resolve, reject) => {
    client.on("message", (topic, payload) => {
      try {
        frames.push(checkFrame(decode(payload), frames));
      } catch (error) {
        reject(new Error(`${topic} ${payload.toString("hex")}: ${error.message}`));
      }
      if (frames.length === FRAMES) resolve(`${FRAMES} frames of ${topic}`);
    });
  });
  const late = delay(FRAMES_TIMEOUT_MS, undefined, { ref: false }).then(() => {
    throw new Error(
      `${frames.length} of ${FRAMES} frames in ${FRAMES_TIMEOUT_MS} ms\n${tail(firmware.output)}`,
    );
  });
  try {
    const result = await Promise.race([heard, endOf("the firmware", firmware), late]);
    if (!firmware.output.includes(says)) throw new Error(`the firmware has not said "${says}"`);
    if (firmware.output.includes("does not work")) throw new Error(tail(firmware.output));
    return result;
  } finally {
    late.catch(() => {});
    await stop(firmware);
    await client.endAsync();
  }
}

function checkFrame(frame, before) {
  if (!Array.isArray(frame)) throw new Error("a frame is no CBOR array");
  const [, boot, seq, , count, body] = frame;
  const [, quality] = body;
  const last = before[before.length - 1];
  if (!(count >= 1)) throw new Error("a frame holds no reading");
  if (quality !== 0) throw new Error(`a reading has quality ${quality}, expected 0`);
  if (last && (boot !== last.boot || seq !== last.seq + 1)) {
    throw new Error(`frame ${boot}/${seq} comes after ${last.boot}/${last.seq}`);
  }
  return { boot, seq };
}

async function check(folder) {
  const sdk = findSdk();
  await step("tools", () => checkTools(sdk));
  for (const platform of ESP32_PLATFORMS) {
    await step(`${platform}: preload link`, () => checkEsp32(platform, folder, sdk));
  }
  const { port, broker } = await startBroker(folder, sdk);
  try {
    await Promise.race([endOf("mosquitto", broker), checkLin(folder, port, sdk)]);
  } finally {
    await stop(broker);
  }
}

async function checkLin(folder, port, sdk) {
  const config = ["host=127.0.0.1", `port=${port}`, ...SAMPLING];
  const library = join(folder, "bin", "lin", "mc", "release", NAME, "mc.so");
  const archive = join(folder, "bin", "lin", "mc", "release", "app", "mc.xsa");
  const launcher = await buildLauncher(folder, sdk);
  await step("lin: verify signatures", () => verifySignatures(folder, launcher, sdk));
  await step("lin: build a resident", () => buildLin(folder, [...config, "mode=resident"], sdk));
  await step("lin: run it", () => hear(port, launcher, [library], sdk));
  await step("lin: build a sleeper", () => buildLin(folder, [...config, "mode=sleeper"], sdk));
  await step("lin: build the app as a mod", () => buildApp(folder, archive, sdk));
  await step("lin: run both", () =>
    hear(port, launcher, [library, archive], sdk, "the installed app is loaded"),
  );
}

await exitWith("check:sdk", async () => {
  const folder = mkdtempSync(join(tmpdir(), "gridmote-sdk-"));
  const interrupted = () => {
    for (const child of children) kill(child);
    rmSync(folder, { recursive: true, force: true });
    process.exit(1);
  };
  process.once("SIGINT", interrupted).once("SIGTERM", interrupted);
  try {
    await check(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
