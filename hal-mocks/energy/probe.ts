import type { LinkOperation } from "../link";

/** What the mocks of one terminal's hardware report to whoever counts its charge. */
export interface PowerProbe {
  /** Something on the way to the broker begins that takes `ms`. */
  operation(operation: LinkOperation, ms: number): void;
  /** The radio is off, has been switched on, or the station has an address. */
  radio(state: RadioState): void;
  transmitted(byteLength: number): void;
  programmed(byteLength: number): void;
  erased(blocks: number): void;
}

export type RadioState = "off" | "on" | "up";
