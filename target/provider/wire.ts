/** The engine's own: passes its arguments to the host, and blocks until the answer is there. */
declare function call(operation: string, ...parameters: readonly unknown[]): unknown;

/** What the host knows an object by: a number for what was constructed, a name for what is always there. */
type Handle = number | string;

/** What the host may call back. Who was refused stays here: a host that keeps its callbacks is at fault, and seen. */
const opened = new Map<number, Remote>();
/** What is closed and still held by a script, which is to see it when the host calls back too late. */
const closed = new Map<number, WeakRef<Remote>>();
/** How many of these make it worth while to look which have been collected. */
const LEAST_SWEPT = 16;
let sweptAt = LEAST_SWEPT;
let lastHandle = 0;

export function get(handle: Handle, property: string): unknown {
  return call("get", handle, property);
}

export function set(handle: Handle, property: string, value: unknown): void {
  call("set", handle, property, value);
}

export function invoke(handle: Handle, method: string, ...parameters: readonly unknown[]): unknown {
  return call("invoke", handle, method, ...parameters);
}

/** Stands for a class that the host has, in options that carry one: `socket: { io }`. */
export function hostClass(name: string): object {
  return Object.assign(() => {}, { host: name });
}

/** Options as data: callbacks by name, classes of the host by theirs. */
function passable(options: object): Record<string, unknown> {
  const data: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    if (typeof value === "function") {
      data[name] = "host" in value ? { "@class": value.host } : { "@callback": name };
    } else if (isPlain(value)) data[name] = passable(value);
    else data[name] = value;
  }
  return data;
}

function isPlain(value: unknown): value is object {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** An object of a class that the host has. */
export class Remote {
  readonly #handle = ++lastHandle;
  readonly #callbacks: Record<string, unknown>;

  /** Throws what the host's constructor throws. */
  constructor(what: string, options: object) {
    this.#callbacks = { ...options };
    opened.set(this.#handle, this);
    call("construct", what, this.#handle, passable(options));
  }

  close(): void {
    this.invoke("close");
    release(this.#handle, this);
  }

  /** At both ends, without waiting for a collection: for what is as numerous as timers, and never used again. */
  protected forget(): void {
    opened.delete(this.#handle);
    call("forget", this.#handle);
  }

  /** Calls a callback of its options. */
  static callBack(remote: Remote, name: string, parameters: readonly unknown[]): void {
    (remote.#callbacks[name] as (...values: unknown[]) => void).apply(remote, parameters.map(revive));
  }

  protected get(property: string): unknown {
    return get(this.#handle, property);
  }

  protected set(property: string, value: unknown): void {
    set(this.#handle, property, value);
  }

  protected invoke(method: string, ...parameters: readonly unknown[]): unknown {
    return invoke(this.#handle, method, ...parameters);
  }

  /** A read into a buffer is one of its length: the host has no part in our memory. */
  protected readInto(
    target: ArrayBuffer | Uint8Array,
    ...parameters: readonly unknown[]
  ): number | undefined {
    const bytes = this.invoke("readInto", target.byteLength, ...parameters) as ArrayBuffer | undefined;
    if (!bytes) return undefined;
    const view = target instanceof ArrayBuffer ? new Uint8Array(target) : target;
    view.set(new Uint8Array(bytes));
    return bytes.byteLength;
  }
}

function release(handle: number, remote: Remote): void {
  if (!opened.delete(handle)) return;
  closed.set(handle, new WeakRef(remote));
  if (closed.size >= sweptAt) sweep();
}

/** Nobody closes again, or reads, what has been collected: the host can let it go as well. */
function sweep(): void {
  const collected: number[] = [];
  for (const [handle, reference] of closed) if (!reference.deref()) collected.push(handle);
  for (const handle of collected) closed.delete(handle);
  sweptAt = 2 * closed.size + LEAST_SWEPT;
  if (collected.length) call("forget", ...collected);
}

/** The host calls back. */
export function dispatch(handle: number, name: string, ...parameters: readonly unknown[]): void {
  const remote = opened.get(handle) ?? closed.get(handle)?.deref();
  if (!remote) throw new Error(`the host calls ${name} of an instance that is gone`);
  Remote.callBack(remote, name, parameters);
}

function revive(value: unknown): unknown {
  if (!isPlain(value) || !("@error" in value)) return value;
  return new Error(String(value["@error"]));
}
