import type { LinkOperation } from "../link";
import type { EnergyAccount } from "./account";
import type { Charges } from "./charges";
import type { PowerProbe, RadioState } from "./probe";

/** Several accounts of one terminal: what it would draw with this chip, and with that. */
export class Accounts implements PowerProbe {
  readonly #accounts: readonly EnergyAccount[];

  constructor(accounts: readonly EnergyAccount[]) {
    this.#accounts = accounts;
  }

  boot(isPlanned: boolean): void {
    for (const account of this.#accounts) account.boot(isPlanned);
  }

  sleep(): void {
    for (const account of this.#accounts) account.sleep();
  }

  work(ms: number): void {
    for (const account of this.#accounts) account.work(ms);
  }

  measure(sensor: string, ms: number): void {
    for (const account of this.#accounts) account.measure(sensor, ms);
  }

  radio(state: RadioState): void {
    for (const account of this.#accounts) account.radio(state);
  }

  operation(operation: LinkOperation, ms: number): void {
    for (const account of this.#accounts) account.operation(operation, ms);
  }

  transmitted(byteLength: number): void {
    for (const account of this.#accounts) account.transmitted(byteLength);
  }

  programmed(byteLength: number): void {
    for (const account of this.#accounts) account.programmed(byteLength);
  }

  erased(blocks: number): void {
    for (const account of this.#accounts) account.erased(blocks);
  }

  /** What each has counted since the last call. */
  take(): Charges[] {
    return this.#accounts.map((account) => account.take());
  }

  finish(): Charges[] {
    return this.#accounts.map((account) => account.finish());
  }
}
