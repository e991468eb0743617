/** One exchange that a test foresees, in hexadecimal; spaces are of no importance. */
export interface ExpectedTransaction {
  /** What firmware has to send now. */
  request: string;
  /** What comes back: chunks one after the other; nothing when it is left out. */
  answers?: readonly { hex: string; afterMs?: number }[] | string;
}

export function bytesOfHex(hex: string): Uint8Array {
  const digits = hex.replaceAll(/\s/g, "");
  return Uint8Array.from({ length: digits.length / 2 }, (_, index) =>
    Number.parseInt(digits.slice(2 * index, 2 * index + 2), 16),
  );
}

export function hexOfBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

/** Transactions in their order. What is not among them, and what is left over, is a problem. */
export class ExpectedTransactions {
  readonly problems: string[] = [];
  readonly #left: ExpectedTransaction[];

  constructor(transactions: readonly ExpectedTransaction[]) {
    this.#left = [...transactions];
  }

  /** The answers to this request. */
  take(bytes: Uint8Array): readonly { bytes: Uint8Array; afterMs: number }[] {
    const expected = this.#left.shift();
    const sent = hexOfBytes(bytes);
    if (!expected) {
      this.problems.push(`sent ${sent}, expected nothing more`);
      return [];
    }
    const wanted = hexOfBytes(bytesOfHex(expected.request));
    if (sent !== wanted) {
      this.problems.push(`sent ${sent}, expected ${wanted}`);
      return [];
    }
    const { answers = [] } = expected;
    const list = typeof answers === "string" ? [{ hex: answers }] : answers;
    return list.map(({ hex, afterMs = 0 }: { hex: string; afterMs?: number }) => ({
      bytes: bytesOfHex(hex),
      afterMs,
    }));
  }

  /** @throws Error that says what was sent and not expected, or expected and not sent. */
  verify(): void {
    const missing = this.#left.map(({ request }) => `${request} was not sent`);
    const problems = [...this.problems, ...missing];
    if (problems.length) throw new Error(problems.join("\n"));
  }
}
