import type { EngineFiles, EngineLimits } from "./engine";
import { Engine, EngineFailure } from "./engine";

/** Objects that scripts know by a name: their properties and methods are there to be used. */
export type Ports = Readonly<Record<string, object>>;

/** Makes an object of what scripts give as its options. */
export type Constructors = Readonly<Record<string, (options: Record<string, unknown>) => object>>;

/** Classes that options can refer to, by name. */
export type Classes = Readonly<Record<string, unknown>>;

/** All that scripts can reach. */
export interface Reachable {
  ports: Ports;
  constructors: Constructors;
  classes: Classes;
  /** The engine has ended. Default: whoever has called it gets the failure. */
  onFailure?: (failure: EngineFailure) => void;
}

type Callable = Record<string, (...values: unknown[]) => unknown>;

/** Objects of this side that scripts on XS work with: what they construct, and what is always there. */
export class RemoteObjects {
  readonly engine: Engine;
  readonly #ports: Ports;
  readonly #constructors: Constructors;
  readonly #classes: Classes;
  readonly #onFailure: Reachable["onFailure"];
  readonly #objects = new Map<number | string, object>();

  constructor(
    files: EngineFiles,
    limits: EngineLimits,
    { ports, constructors, classes, onFailure }: Reachable,
  ) {
    this.#ports = ports;
    this.#constructors = constructors;
    this.#classes = classes;
    this.#onFailure = onFailure;
    this.engine = new Engine(files, limits, (operation, ...values) =>
      this.#onCall(operation, ...values.map(received)),
    );
  }

  /** How many objects scripts can reach. */
  get count(): number {
    return this.#objects.size;
  }

  /** A new machine: the objects of the old one are none of its business. */
  boot(): void {
    this.#objects.clear();
    for (const [name, port] of Object.entries(this.#ports)) this.#objects.set(name, port);
    this.engine.boot();
  }

  /** As the engine's; undefined when it has ended, and that was told. */
  event(...parameters: readonly unknown[]): unknown {
    return this.#unlessEnded(() => this.engine.event(...parameters));
  }

  /** As the engine's. */
  runJobs(): boolean {
    return this.#unlessEnded(() => this.engine.runJobs()) ?? false;
  }

  #unlessEnded<T>(step: () => T): T | undefined {
    try {
      return step();
    } catch (error) {
      if (!this.#onFailure || !(error instanceof EngineFailure)) throw error;
      this.#onFailure(error);
      return undefined;
    }
  }

  #onCall(operation: string, ...parameters: unknown[]): unknown {
    switch (operation) {
      case "construct":
        return this.#construct(...(parameters as [string, number, Record<string, unknown>]));
      case "get":
        return this.#property(...(parameters as [number | string, string]));
      case "set":
        return this.#set(...(parameters as [number | string, string, unknown]));
      case "invoke":
        return this.#invoke(...(parameters as [number | string, string, ...unknown[]]));
      case "forget":
        return this.#forget(parameters as number[]);
      default:
        throw new RangeError(`there is no operation "${operation}"`);
    }
  }

  #construct(what: string, handle: number, options: Record<string, unknown>): undefined {
    const construct = this.#constructors[what];
    if (!construct) throw new RangeError(`the host has no "${what}"`);
    this.#objects.set(handle, construct(this.#revive(options, handle)));
  }

  /** Scripts have nothing any more that leads to these. */
  #forget(handles: readonly number[]): undefined {
    for (const handle of handles) this.#objects.delete(handle);
  }

  #property(handle: number | string, name: string): unknown {
    return this.#object(handle)[name];
  }

  #set(handle: number | string, name: string, value: unknown): undefined {
    (this.#object(handle) as Record<string, unknown>)[name] = value;
  }

  #invoke(handle: number | string, name: string, ...parameters: unknown[]): unknown {
    const object = this.#object(handle);
    if (name === "readInto") {
      const [byteLength, ...rest] = parameters as [number, ...unknown[]];
      const bytes = new Uint8Array(byteLength);
      const count = object.read(bytes, ...rest) as number | undefined;
      return count === undefined ? undefined : bytes.subarray(0, count);
    }
    if (name === "keys") return [...(object as unknown as Iterable<unknown>)];
    return object[name](...parameters);
  }

  #object(handle: number | string): Callable {
    const object = this.#objects.get(handle);
    if (!object) throw new ReferenceError(`the host has no object ${handle}`);
    return object as Callable;
  }

  /** Callbacks and classes again, where their names were passed. */
  #revive(options: Record<string, unknown>, handle: number): Record<string, unknown> {
    const revived: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(options)) revived[name] = this.#reviveValue(value, handle);
    // The options that scripts have are out of reach: who writes to this copy must not go unnoticed.
    return Object.freeze(revived);
  }

  #reviveValue(value: unknown, handle: number): unknown {
    if (typeof value !== "object" || value === null || value instanceof Uint8Array) return received(value);
    if ("@callback" in value) return this.#callback(handle, String(value["@callback"]));
    if ("@class" in value) return this.#classes[String(value["@class"])];
    return Array.isArray(value) ? value : this.#revive(value as Record<string, unknown>, handle);
  }

  #callback(handle: number, name: string): (...values: unknown[]) => void {
    return (...values) => void this.event("callback", handle, name, ...values.map(passable));
  }
}

/** A Buffer's methods are not those of the Uint8Array that objects expect. */
function received(value: unknown): unknown {
  return value instanceof Uint8Array ? new Uint8Array(value) : value;
}

/** An error comes as its text. */
function passable(value: unknown): unknown {
  return value instanceof Error ? { "@error": value.message } : value;
}
