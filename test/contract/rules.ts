/**
 * ECMA-419's base rules (§8) as plain functions: no test framework, no host, so that they run on any engine.
 * A rule resolves to what it found wrong; an empty list means that the class keeps it.
 */

export interface Closable {
  close(): void;
}

export type Callback = (...values: unknown[]) => void;
export type Options = Record<string, unknown>;

/** A class under test, in a world of its own: a rule never shares one with another. */
export interface Subject<Instance extends Closable = Closable> {
  /** Names of the callbacks that its options take. */
  callbacks: readonly string[];
  /** Callbacks that this world is sure to cause: a rule about callbacks shows nothing if they stay away. */
  expected?: readonly string[];
  /** Options that are good but for the callbacks, which the rule adds. */
  options(): Options;
  /** Options that must be refused, by what is wrong with them. */
  bad: Readonly<Record<string, Options>>;
  open(options: Options): Instance;
  /** Public calls that cause callbacks. Each runs once, after the instance has settled. */
  uses?: readonly ((instance: Instance) => void)[];
  /** What firmware would do inside a callback: public calls as well. */
  react?(instance: Instance, callback: string, values: unknown[]): void;
  /** Lets everything happen that is under way, in virtual and in real time. */
  settle(): Promise<void>;
}

export type Rule = <Instance extends Closable>(subject: Subject<Instance>) => Promise<string[]>;

/** Runs a subject and writes down which callbacks came, and when. */
class Watch<Instance extends Closable> {
  readonly calls: string[] = [];
  readonly inside: string[] = [];
  readonly #subject: Subject<Instance>;
  #depth = 0;
  #instance: Instance | undefined;

  constructor(subject: Subject<Instance>) {
    this.#subject = subject;
  }

  callbacks(): Record<string, Callback> {
    return Object.fromEntries(this.#subject.callbacks.map((name) => [name, this.#callback(name)]));
  }

  options(): Options {
    return { ...this.#subject.options(), ...this.callbacks() };
  }

  open(options = this.options()): Instance {
    return this.call(() => {
      this.#instance = this.#subject.open(options);
      return this.#instance;
    });
  }

  /** Every public call goes through here. */
  call<T>(body: () => T): T {
    this.#depth++;
    try {
      return body();
    } finally {
      this.#depth--;
    }
  }

  #callback(name: string): Callback {
    return (...values) => {
      this.calls.push(name);
      if (this.#depth) this.inside.push(name);
      const instance = this.#instance;
      if (!instance || !this.#subject.react) return;
      const depth = this.#depth;
      this.#depth = 1;
      try {
        this.#subject.react(instance, name, values);
      } finally {
        this.#depth = depth;
      }
    };
  }
}

/** Options are checked before anything opens: what was refused calls nobody and holds nothing. */
export const refusesBadOptions: Rule = async (subject) => {
  const wrong: string[] = [];
  const watch = new Watch(subject);
  for (const [what, options] of Object.entries(subject.bad)) {
    const all = { ...watch.options(), ...options };
    const error = thrownBy(() => watch.open(all).close());
    if (!error) wrong.push(`accepts ${what}`);
    else if (!(error instanceof Error)) wrong.push(`throws no Error for ${what}`);
    await subject.settle();
    const opened = thrownBy(() => subject.open(subject.options()).close());
    if (opened) wrong.push(`does not open after ${what} was refused: ${opened}`);
    await subject.settle();
  }
  if (watch.calls.length) wrong.push(`calls ${watch.calls} of a refused instance`);
  return wrong;
};

/** The options object is read, and neither changed nor kept as a place to write to. */
export const leavesOptionsAlone: Rule = async (subject) => {
  const wrong: string[] = [];
  const options = new Watch(subject).options();
  const before = describe(options);
  const first = subject.open(options);
  await subject.settle();
  first.close();
  await subject.settle();
  if (describe(options) !== before) wrong.push(`changes its options: ${before} to ${describe(options)}`);
  const error = thrownBy(() => subject.open(freeze(new Watch(subject).options())).close());
  if (error) wrong.push(`does not take frozen options: ${error}`);
  await subject.settle();
  return wrong;
};

/** `close` may be called twice, and gives back what was opened. */
export const closesTwice: Rule = async (subject) => {
  const wrong: string[] = [];
  for (let round = 0; round < 2; round++) {
    let instance: Closable | undefined;
    const opened = thrownBy(() => {
      instance = subject.open(subject.options());
    });
    if (opened) wrong.push(`does not open after close: ${opened}`);
    if (!instance) break;
    const again = [1, 2].map(() => thrownBy(() => instance?.close())).filter(Boolean);
    await subject.settle();
    const late = thrownBy(() => instance?.close());
    if (again.length || late) wrong.push(`close throws: ${again[0] ?? late}`);
  }
  return wrong;
};

/** No callback comes from inside a public call, neither from firmware's own nor from one inside a callback. */
export const neverCallsBackInside: Rule = async (subject) => {
  if (!subject.callbacks.length) return [];
  const watch = new Watch(subject);
  const instance = watch.open();
  await subject.settle();
  for (const use of subject.uses ?? []) {
    watch.call(() => use(instance));
    await subject.settle();
  }
  watch.call(() => instance.close());
  await subject.settle();
  const wrong = watch.inside.map((name) => `calls ${name} from inside a public call`);
  for (const name of subject.expected ?? []) {
    if (!watch.calls.includes(name)) wrong.push(`has not called ${name}, so this shows nothing`);
  }
  return wrong;
};

/** After `close` there is silence, whatever was under way. */
export const silentAfterClose: Rule = async (subject) => {
  const wrong: string[] = [];
  const uses = subject.uses ?? [];
  for (let count = -1; count <= uses.length; count++) {
    const watch = new Watch(subject);
    const instance = watch.open();
    if (count >= 0) await subject.settle();
    for (const use of uses.slice(0, Math.max(count, 0))) use(instance);
    watch.call(() => instance.close());
    const { length } = watch.calls;
    await subject.settle();
    for (const name of watch.calls.slice(length)) wrong.push(`calls ${name} after close`);
  }
  return wrong;
};

export const rules: Readonly<Record<string, Rule>> = {
  refusesBadOptions,
  leavesOptionsAlone,
  closesTwice,
  neverCallsBackInside,
  silentAfterClose,
};

function thrownBy(body: () => void): unknown {
  try {
    body();
    return undefined;
  } catch (error) {
    return error ?? new Error("nothing was thrown, literally");
  }
}

function isPlain(value: unknown): value is Options {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function freeze(options: Options): Options {
  for (const value of Object.values(options)) if (isPlain(value)) freeze(value);
  return Object.freeze(options);
}

/** Keys and primitive values, nested objects included. */
function describe(options: Options): string {
  return Object.keys(options)
    .map((key) => {
      const value = options[key];
      if (isPlain(value)) return `${key}: {${describe(value)}}`;
      return `${key}: ${typeof value === "function" ? "function" : String(value)}`;
    })
    .join(", ");
}
