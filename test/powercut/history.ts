/** What the broker got. */
export interface Message {
  topic: string;
  payload: Uint8Array;
}

/** A frame's record that was written to flash. */
export interface Stored {
  payload: Uint8Array;
  /** Wholly, as far as the silicon knows: what was torn may be there, and need not. */
  isWhole: boolean;
}

/** `power` loses retained memory and ticks; `reset` loses what is in RAM. */
export type Loss = "power" | "reset";

/** What has happened to one node, from its first boot on, through all its cuts. */
export class History {
  readonly received: Message[];
  readonly stored: Stored[];
  /** The meter's seconds of the readings that the node has taken since retained memory was lost last. */
  readonly taken: number[];
  /** How many of these were in retained memory, or in flash, when that was written last. */
  kept: number;
  /** How many were there at the last cut. */
  readonly inherited: number;
  /** What ran at each boot of a node that takes updates. */
  readonly ran: { native: number; app: number }[];
  /** What the cuts were, in words, and their Unix seconds. */
  readonly cuts: readonly string[];
  readonly times: readonly number[];

  constructor(from?: History, cuts: readonly string[] = [], times: readonly number[] = []) {
    this.received = from ? [...from.received] : [];
    this.stored = from ? [...from.stored] : [];
    this.taken = from ? [...from.taken] : [];
    this.kept = from?.kept ?? 0;
    this.ran = from ? [...from.ran] : [];
    this.inherited = this.taken.length;
    this.cuts = cuts;
    this.times = times;
  }

  /** The same, up to a cut. @param isKept retained memory is sound. */
  upTo(cut: string, now: number, isKept: boolean): History {
    const history = new History(this, [...this.cuts, cut], [...this.times, now / 1000]);
    history.taken.length = isKept ? this.kept : 0;
    history.kept = history.taken.length;
    return history;
  }
}
