import { Aedes } from "aedes";
import { P1Meter } from "../../hal-mocks/chips/p1-meter";
import { VirtualClock } from "../../hal-mocks/clock";
import type { EnergySettings } from "../../hal-mocks/energy/settings";
import { createPairStream } from "../../hal-mocks/node/pair";
import { settle, settleMicrotasks } from "../../hal-mocks/node/settle";
import type { NtpSetup } from "../../hal-mocks/ntp";
import type { SerialChip } from "../../hal-mocks/serial";
import { House } from "../../hal-mocks/world/house";
import type { App } from "../../src/app/interface";
import type { Hal } from "../../src/hal";
import type { EngineLimits } from "../../target/host/engine";
import type { TerminalEvent } from "../../tools/decode/events";
import { FrameReader } from "../../tools/decode/reader";
import type { DecodedRecord } from "../../tools/decode/records";
import { recordsOf } from "../../tools/decode/records";
import type { XsFiles } from "../../tools/sim/machine";
import { type Chips, SimulatedTerminal, type UpdateSetup } from "../../tools/sim/terminal";

export const START = Date.UTC(2026, 5, 1);
export const MINUTE = 60_000;

export interface SiteOptions {
  config?: Record<string, unknown>;
  chip?: SerialChip;
  /** What is on its other buses, in the world of this clock. */
  chips?: (clock: VirtualClock) => Chips;
  app?: App;
  /** Default: the terminal takes no updates. */
  update?: UpdateSetup;
  /** What its charge is counted by. Default: nobody counts. */
  energy?: readonly EnergySettings[];
  /** Runs the firmware on XS. */
  xs?: XsFiles;
  limits?: EngineLimits;
  /** What time servers say; default: the truth. */
  timeServers?: NtpSetup["servers"];
  /** What is tried when `app` does not work. */
  fallback?: App;
  /** Changes the platform before the first boot. */
  prepare?: (hal: Hal, terminal: SimulatedTerminal) => void;
  /** True ends the connection of a PUBLISH instead of acknowledging it; the message has been passed on. */
  cut?: (count: number) => boolean;
  /** Real milliseconds until a peer that does not answer is given up. */
  deadlineMs?: number;
}

/** One simulated terminal with its meter, its broker in this process, and what came out of that. */
export class Site {
  readonly clock = new VirtualClock(
    START,
    () => this.#settle(settle),
    () => this.#settle(settleMicrotasks),
  );
  readonly records: DecodedRecord[] = [];
  /** Frames, good or not. */
  readonly messages: { topic: string; payload: Uint8Array }[] = [];
  readonly descriptors: { topic: string; payload: Uint8Array }[] = [];
  readonly events: TerminalEvent[] = [];
  /** State messages. */
  readonly states: string[] = [];
  readonly log: string[] = [];
  readonly terminal: SimulatedTerminal;
  repeats = 0;
  readonly #reader = new FrameReader();
  #failure: unknown;

  readonly #aedes: Aedes;

  private constructor(aedes: Aedes, options: SiteOptions) {
    this.#aedes = aedes;
    const house = new House({ seed: 1, start: START, phases: 3, baseW: 300, pvW: 0, utcOffset: 60 });
    const meter = new P1Meter({ clock: this.clock, values: (time) => house.at(time), offset: 200 });
    let published = 0;
    aedes.authorizePublish = (client, packet, done) => {
      if (packet.topic.startsWith("gm/"))
        this.#receive(packet.topic, new Uint8Array(packet.payload as Buffer));
      // What the broker says for a terminal that it misses is none of that one's messages.
      const isState = packet.topic.endsWith("/s");
      const cut = !isState && (options.cut?.(++published) ?? false);
      if (cut) client?.conn.destroy();
      done(cut ? new Error("the connection was cut") : null);
    };
    this.terminal = new SimulatedTerminal({
      device: "site",
      config: { p1Port: 1, ...options.config },
      clock: this.clock,
      seed: 1,
      chip: options.chip ?? meter,
      chips: options.chips?.(this.clock),
      timeServers: options.timeServers,
      update: options.update,
      energy: options.energy,
      xs: options.xs,
      limits: options.limits,
      stream: createPairStream((far) => void aedes.handle(far), { deadlineMs: options.deadlineMs ?? 10_000 }),
      ...(options.app && { apps: [options.app, ...(options.fallback ? [options.fallback] : [])] }),
      log: (line) => this.log.push(line),
    });
    options.prepare?.(this.terminal.hal, this.terminal);
    this.terminal.live().catch((error: unknown) => {
      this.#failure = error;
    });
  }

  static async open(options: SiteOptions = {}): Promise<Site> {
    return new Site(await Aedes.createBroker(), options);
  }

  /** Firmware in another process does not run its promise jobs by itself. */
  async #settle(here: () => Promise<void>): Promise<void> {
    do await here();
    while (this.terminal.runJobs());
  }

  /** Somebody else publishes. */
  publish(topic: string, payload: string | Uint8Array, retain: boolean): void {
    const packet = { cmd: "publish", topic, payload: Buffer.from(payload), qos: 1, retain, dup: false };
    this.#aedes.publish(packet as Parameters<Aedes["publish"]>[0], () => {});
  }

  /** Lets virtual time pass. Throws what the firmware has thrown. */
  async pass(ms: number): Promise<void> {
    await this.clock.runUntil(this.clock.now + ms);
    if (this.#failure) throw this.#failure;
  }

  #receive(topic: string, payload: Uint8Array): void {
    const result = this.#reader.accept(topic, payload);
    if (result.kind === "event") this.events.push(result.event);
    else if (result.kind === "other") this.states.push(new TextDecoder().decode(payload));
    else (result.kind === "descriptor" ? this.descriptors : this.messages).push({ topic, payload });
    if (result.kind === "frame") this.records.push(...recordsOf(result.frame));
    else if (result.kind === "repeat") this.repeats++;
    else if (result.kind === "undecodable") throw new Error(result.error);
  }
}
