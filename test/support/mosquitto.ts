import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, connect as openSocket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrokerControl } from "../../tools/sim/broker";

const PATH = `${process.env.PATH}:/usr/sbin:/usr/local/sbin`;

/** False, with one line of warning, where there is no Mosquitto; in CI that is an error. */
export function hasMosquitto(): boolean {
  const there = !spawnSync("mosquitto", ["-h"], { env: { ...process.env, PATH } }).error;
  if (there) return true;
  if (process.env.CI) throw new Error("Mosquitto is missing, and CI skips nothing: .ci/run installs it");
  console.warn(
    "SKIPPED: tests against Mosquitto, which is not installed (Debian: apt-get install mosquitto)",
  );
  return false;
}

/** A real Mosquitto on a free loopback port. */
export class Mosquitto implements BrokerControl {
  readonly port: number;
  readonly #directory = mkdtempSync(join(tmpdir(), "gridmote-mosquitto-"));
  #process: ChildProcess | undefined;

  private constructor(port: number) {
    this.port = port;
    writeFileSync(join(this.#directory, "conf"), `listener ${port} 127.0.0.1\nallow_anonymous true\n`);
  }

  static async open(): Promise<Mosquitto> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    server.close();
    await once(server, "close");
    const broker = new Mosquitto(port);
    await broker.start();
    return broker;
  }

  async start(): Promise<void> {
    const options = { env: { ...process.env, PATH }, stdio: "ignore" as const };
    this.#process = spawn("mosquitto", ["-c", join(this.#directory, "conf")], options);
    for (let attempt = 0; attempt < 100; attempt++) {
      if (await answers(this.port)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error("Mosquitto does not listen");
  }

  /** SIGKILL: nothing is said to anybody, nothing is written down. */
  async stop(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (!running) return;
    const exited = once(running, "exit");
    running.kill("SIGKILL");
    await exited;
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = openSocket(port, "127.0.0.1");
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}
