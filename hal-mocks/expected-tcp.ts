import type { Clock } from "../src/hal";
import { type ExpectedTransaction, ExpectedTransactions } from "./expected";
import type { TcpConnection, TcpPeer } from "./tcp";

/** The far end of TCP connections that knows by heart what is sent to it, whatever the connection. */
export class ExpectedTcp implements TcpPeer {
  readonly #clock: Clock;
  readonly #transactions: ExpectedTransactions;

  constructor(clock: Clock, transactions: readonly ExpectedTransaction[]) {
    this.#clock = clock;
    this.#transactions = new ExpectedTransactions(transactions);
  }

  onReceive(bytes: Uint8Array, connection: TcpConnection): void {
    for (const answer of this.#transactions.take(bytes))
      this.#clock.set(() => connection.send(answer.bytes), answer.afterMs);
  }

  /** @throws Error when a transaction was missing, wrong or left over. */
  verify(): void {
    this.#transactions.verify();
  }
}
