import { z } from "zod";

/** What a node says of an update in its state message, `gm/<device>/s`. */
const report = z.object({
  /** Where its machine stands: idle, offered, receiving, verified, pending, trial, confirmed, reverted, refused. */
  state: z.string(),
  kind: z.string().optional(),
  version: z.number().optional(),
  /** The first 16 hexadecimal digits of the image's SHA-256. */
  image: z.string().optional(),
  reason: z.string().optional(),
});
const stateMessage = z.object({
  state: z.string().optional(),
  version: z.string().optional(),
  update: report.optional().catch(undefined),
});

export type UpdateReport = z.infer<typeof report>;

export interface NodeState {
  device: string;
  /** Online, sleeping or offline. */
  state: string;
  /** Of its firmware; empty where it is not known. */
  version: string;
  update?: UpdateReport;
}

/** Refused because it is meant for others or for later, or for what befell one node: no sign of a bad release. */
const NO_SIGN = [
  ...["class", "hardware", "version", "epoch", "base", "stage", "replaced", "withdrawn"],
  ...["power", "worn", "vanished"],
];

/** How many of the nodes that have it are doing what. */
export interface Tally {
  confirmed: number;
  /** Reverted, or refused for what is wrong with the package. */
  failed: number;
  underWay: number;
  /** Refused, or reverted, for what is no sign of a bad release. */
  notTaken: number;
}

/** When a release is bad: at least so many have failed, and at least this share of those that came to an end. */
export interface Limits {
  failures: number;
  percent: number;
}

/** What the nodes of a broker say of themselves. The newest word of each counts. */
export class Fleet {
  readonly #nodes = new Map<string, NodeState>();
  /** A broker says "offline" for a node that it misses; what it last said of the update stays known. */
  readonly #reports = new Map<string, UpdateReport>();

  /** A message of `gm/<device>/s`; false for what is none. */
  accept(topic: string, payload: Uint8Array): boolean {
    const [, device] = /^gm\/([^/]+)\/s$/.exec(topic) ?? [];
    const message = device === undefined ? undefined : parse(payload);
    if (device === undefined || !message) return false;
    const { state = "", version = "" } = message;
    if (message.update) this.#reports.set(device, message.update);
    this.#nodes.set(device, { device, state, version, update: this.#reports.get(device) });
    return true;
  }

  /** By their ids. */
  get nodes(): NodeState[] {
    return [...this.#nodes.values()].sort((a, b) => (a.device < b.device ? -1 : 1));
  }

  /** Of one image. */
  tally(image: string): Tally {
    const tally: Tally = { confirmed: 0, failed: 0, underWay: 0, notTaken: 0 };
    for (const { update } of this.#nodes.values()) {
      if (update?.image !== image) continue;
      if (update.state === "confirmed") tally.confirmed++;
      else if (!hasEnded(update)) tally.underWay++;
      else if (NO_SIGN.includes(update.reason ?? "")) tally.notTaken++;
      else tally.failed++;
    }
    return tally;
  }

  isBad(image: string, { failures, percent }: Limits): boolean {
    const { confirmed, failed } = this.tally(image);
    return failed >= failures && failed * 100 >= percent * (confirmed + failed);
  }
}

function hasEnded({ state }: UpdateReport): boolean {
  return state === "reverted" || state === "refused";
}

function parse(payload: Uint8Array): z.infer<typeof stateMessage> | undefined {
  try {
    return stateMessage.parse(JSON.parse(Buffer.from(payload).toString()));
  } catch {
    return undefined;
  }
}
