import type { NtpClient, NtpConstructor, NtpOptions } from "../src/hal";
import { ask, type Question, RESOLUTION } from "./ask";
import type { VirtualClock } from "./clock";
import type { LinkModel } from "./link";

/** How far a server is ahead of the world, in milliseconds, at virtual Unix time `now`. */
export type TimeServer = (now: number) => number;

export interface NtpSetup {
  clock: VirtualClock;
  link: LinkModel;
  /** The server of that name; undefined where there is none. */
  servers: (name: string) => TimeServer | undefined;
}

type Answered = Parameters<NtpClient["getTime"]>[0];

/** As the SDK's client has it. */
const ASKING: Question = { operation: "roundTrip", tries: 5, everyMs: 2000 };
/** Seconds from NTP's first day, 1 January 1900, to Unix's (RFC 5905 §A.4). */
const NTP_TO_UNIX_S = 2_208_988_800;
const ERA_S = 2 ** 32;

/**
 * The class behind `embedded:network/ntp/client`, as one terminal sees it through its link. As the SDK's (8.2) it asks
 * one server after the other, takes the first answer for the truth, and gives the whole seconds of its transmit time,
 * in the era that ends on 7 February 2036.
 */
export function createNtp({ clock, link, servers }: NtpSetup): NtpConstructor {
  return class implements NtpClient {
    readonly #names: readonly string[];
    readonly #unsubscribe: () => void;
    #isOpen = true;
    #callback: Answered | undefined;
    #giveUp: () => void = () => {};

    constructor(options: NtpOptions) {
      this.#names = checkOptions(options);
      this.#unsubscribe = link.subscribe((event) => {
        if (event === "reset") this.close();
      });
    }

    getTime(callback: Answered): void {
      if (!this.#isOpen) throw new Error("ntp: it is closed");
      if (typeof callback !== "function") throw new TypeError("ntp: the callback is not a function");
      if (this.#callback) throw new Error("ntp: in use");
      this.#callback = callback;
      this.#resolve(0);
    }

    close(): void {
      this.#isOpen = false;
      this.#callback = undefined;
      this.#giveUp();
      this.#unsubscribe();
    }

    #resolve(index: number): void {
      this.#giveUp = ask(clock, link, RESOLUTION, (ms) => {
        const server = ms === undefined ? undefined : servers(this.#names[index]);
        if (server) this.#ask(server, index);
        else this.#next(index);
      });
    }

    #ask(server: TimeServer, index: number): void {
      this.#giveUp = ask(clock, link, ASKING, (ms) => {
        if (ms === undefined) {
          this.#next(index);
          return;
        }
        const sent = clock.now - ms / 2;
        this.#end(null, stamped(sent + server(sent)));
      });
    }

    #next(index: number): void {
      if (index + 1 < this.#names.length) this.#resolve(index + 1);
      else this.#end(new Error("ntp: no answer"));
    }

    #end(error: Error | null, time?: number): void {
      const callback = this.#callback!;
      this.#callback = undefined;
      callback(error, time);
    }
  };
}

/** What a client makes of a time stamp, 32 bits of seconds. */
function stamped(time: number): number {
  const seconds = Math.floor(time / 1000) + NTP_TO_UNIX_S;
  return (seconds - ERA_S * Math.floor(seconds / ERA_S) - NTP_TO_UNIX_S) * 1000;
}

function checkOptions({ servers, dns, socket }: NtpOptions): readonly string[] {
  if (!Array.isArray(servers) || !servers.length) throw new TypeError("ntp: servers required");
  for (const name of servers) {
    if (typeof name !== "string" || !name) throw new TypeError("ntp: a server is no name");
  }
  if (!dns) throw new TypeError("ntp: dns required");
  if (!socket) throw new TypeError("ntp: socket required");
  return [...servers];
}
