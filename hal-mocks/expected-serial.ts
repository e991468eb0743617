import type { Clock } from "../src/hal";
import { type ExpectedTransaction, ExpectedTransactions } from "./expected";
import type { SerialChip, SerialLine } from "./serial";

/**
 * The far end of a serial line that knows by heart what is sent to it. A request is what one `write` sends; answers
 * come as they are written down, `afterMs` after it, at the line's own pace.
 */
export class ExpectedSerial implements SerialChip {
  readonly #clock: Clock;
  readonly #transactions: ExpectedTransactions;

  constructor(clock: Clock, transactions: readonly ExpectedTransaction[]) {
    this.#clock = clock;
    this.#transactions = new ExpectedTransactions(transactions);
  }

  onReceive(bytes: Uint8Array, line: SerialLine): void {
    for (const answer of this.#transactions.take(bytes))
      this.#clock.set(() => line.send(answer.bytes), answer.afterMs);
  }

  /** @throws Error when a transaction was missing, wrong or left over. */
  verify(): void {
    this.#transactions.verify();
  }
}
