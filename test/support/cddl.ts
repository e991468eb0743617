/**
 * As much of CDDL (RFC 8610) as docs/frame.cddl needs, and no validator of the language: choices, ranges, arrays with
 * labels and occurrences, `any`, `null`, `bstr` and `tstr`.
 */
export class Cddl {
  readonly #rules = new Map<string, Type>();

  constructor(text: string) {
    const tokens = text.replace(/;.*/g, "").match(/-?\d+\.\.-?\d+|-?\d+|[a-z][a-z0-9-]*|[=[\],:/?*+]/g) ?? [];
    const parser = new Parser(tokens);
    while (!parser.isAtEnd) {
      const name = parser.take();
      parser.expect("=");
      if (this.#rules.has(name)) throw new Error(`cddl: ${name} is there twice`);
      this.#rules.set(name, parser.type());
    }
  }

  matches(rule: string, value: unknown): boolean {
    const type = this.#rules.get(rule) ?? PRELUDE[rule];
    if (!type) throw new Error(`cddl: there is no ${rule}`);
    return this.#matches(type, value);
  }

  #matches(type: Type, value: unknown): boolean {
    return type.some((one) => {
      if (typeof one === "string") return this.matches(one, value);
      if (typeof one === "function") return one(value);
      return Array.isArray(value) && this.#matchesAll(one, value);
    });
  }

  /** Each entry takes as much as it can, and gives nothing back: so RFC 8610 wants it. */
  #matchesAll(entries: readonly Entry[], values: readonly unknown[]): boolean {
    let at = 0;
    for (const { low, high, type } of entries) {
      let count = 0;
      while (count < high && at < values.length && this.#matches(type, values[at])) {
        count++;
        at++;
      }
      if (count < low) return false;
    }
    return at === values.length;
  }
}

type One = string | ((value: unknown) => boolean) | Entry[];
type Type = One[];

interface Entry {
  low: number;
  high: number;
  type: Type;
}

const PRELUDE: Readonly<Record<string, Type>> = {
  any: [() => true],
  null: [(value) => value === null],
  bstr: [(value) => value instanceof Uint8Array],
  tstr: [(value) => typeof value === "string"],
};

const RANGE = /^(-?\d+)(?:\.\.(-?\d+))?$/;

class Parser {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#tokens.length;
  }

  take(): string {
    if (this.isAtEnd) throw new Error("cddl: the text ends too soon");
    return this.#tokens[this.#at++];
  }

  expect(token: string): void {
    const found = this.take();
    if (found !== token) throw new Error(`cddl: "${found}", expected "${token}"`);
  }

  #accept(token: string, ahead = 0): boolean {
    if (this.#tokens[this.#at + ahead] !== token) return false;
    this.#at += ahead + 1;
    return true;
  }

  type(): Type {
    const type = [this.#one()];
    while (this.#accept("/")) type.push(this.#one());
    return type;
  }

  #one(): One {
    const token = this.take();
    const range = RANGE.exec(token);
    if (token === "[") return this.#entries();
    if (!range) return token;
    const [low, high] = [BigInt(range[1]), BigInt(range[2] ?? range[1])];
    return (value) => {
      if (typeof value !== "bigint" && !Number.isInteger(value)) return false;
      const integer = BigInt(value as number | bigint);
      return integer >= low && integer <= high;
    };
  }

  #entries(): Entry[] {
    const entries: Entry[] = [];
    while (!this.#accept("]")) {
      if (entries.length) this.expect(",");
      const [low, high] = this.#occurrence();
      // A label is for people.
      this.#accept(":", 1);
      entries.push({ low, high, type: this.type() });
    }
    return entries;
  }

  #occurrence(): [low: number, high: number] {
    const many = Number.POSITIVE_INFINITY;
    if (this.#accept("?")) return [0, 1];
    if (this.#accept("*")) return [0, many];
    if (this.#accept("+")) return [1, many];
    const low = Number(this.#tokens[this.#at]);
    if (!this.#accept("*", 1)) return [1, 1];
    return [low, Number(this.take())];
  }
}
