import { Tag } from "cbor-x";

/**
 * As much of CDDL (RFC 8610) as docs/*.cddl need, and no validator of the language: choices, ranges, arrays with labels
 * and occurrences, maps whose keys are integers, tags, sizes, `any`, `null`, `bstr` and `tstr`. Maps are to be Maps.
 */
export class Cddl {
  readonly #rules = new Map<string, Type>();

  constructor(text: string) {
    const tokens = text.replace(/;.*/g, "").match(TOKENS) ?? [];
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
      if (typeof one === "function") return one(value, (inner, part) => this.#matches(inner, part));
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

type Matches = (type: Type, value: unknown) => boolean;
type One = string | ((value: unknown, matches: Matches) => boolean) | Entry[];
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

const TOKENS = /#6\.\d+|\.size|-?\d+\.\.-?\d+|-?\d+|[a-z][a-z0-9-]*|[=[\]{}(),:/?*+]/g;
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
    if (token === "{") return this.#map();
    if (token.startsWith("#6.")) return this.#tagged(Number(token.slice(3)));
    if (!range) return this.#accept(".size") ? this.#sized(token) : token;
    const [low, high] = [BigInt(range[1]), BigInt(range[2] ?? range[1])];
    return (value) => {
      if (typeof value !== "bigint" && !Number.isInteger(value)) return false;
      const integer = BigInt(value as number | bigint);
      return integer >= low && integer <= high;
    };
  }

  #tagged(tag: number): One {
    this.expect("(");
    const type = this.type();
    this.expect(")");
    return (value, matches) => value instanceof Tag && value.tag === tag && matches(type, value.value);
  }

  #sized(type: string): One {
    const isInParentheses = this.#accept("(");
    const [, low, high = low] = RANGE.exec(this.take()) ?? [];
    if (isInParentheses) this.expect(")");
    return (value, matches) => {
      if (!matches([type], value)) return false;
      const { length } = value as Uint8Array | string;
      return length >= Number(low) && length <= Number(high);
    };
  }

  #map(): One {
    const fields = new Map<number, { isOptional: boolean; type: Type }>();
    while (!this.#accept("}")) {
      if (fields.size) this.expect(",");
      const isOptional = this.#accept("?");
      const key = Number(this.take());
      this.expect(":");
      fields.set(key, { isOptional, type: this.type() });
    }
    return (value, matches) =>
      value instanceof Map &&
      [...value.keys()].every((key) => fields.has(key)) &&
      [...fields].every(([key, { isOptional, type }]) =>
        value.has(key) ? matches(type, value.get(key)) : isOptional,
      );
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
