/** The engine's own: passes its arguments to the host, and blocks until the answer is there. */
declare function call(operation: string, ...parameters: readonly unknown[]): unknown;

/** What the host knows an object by: a number for what was constructed, a name for what is always there. */
type Handle = number | string;

interface Opened {
  instance: Remote;
  callbacks: Record<string, unknown>;
}

const opened = new Map<number, Opened>();
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

  /** Throws what the host's constructor throws. */
  constructor(what: string, options: object) {
    opened.set(this.#handle, { instance: this, callbacks: { ...options } });
    try {
      call("construct", what, this.#handle, passable(options));
    } catch (error) {
      opened.delete(this.#handle);
      throw error;
    }
  }

  close(): void {
    this.invoke("close");
    opened.delete(this.#handle);
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

/** The host calls back. */
export function dispatch(handle: number, name: string, ...parameters: readonly unknown[]): void {
  const entry = opened.get(handle);
  if (!entry) throw new Error(`the host calls ${name} of an instance that is closed`);
  (entry.callbacks[name] as (...values: unknown[]) => void).apply(entry.instance, parameters.map(revive));
}

function revive(value: unknown): unknown {
  if (!isPlain(value) || !("@error" in value)) return value;
  return new Error(String(value["@error"]));
}
