import type { KeyValue, KeyValueStorage, StorageFormat } from "../src/hal";

type Stored = Uint8Array | string | number;

/** What survives: values by key, by domain. */
export type KeyValueStore = Map<string, Map<string, Stored>>;

/** A key-value storage that tells a test how much it was used: flash wears. */
export interface MockKeyValueStorage extends KeyValueStorage {
  /** Writes and deletions that changed the flash. */
  readonly writes: number;
}

/** ESP-IDF's NVS has room for 15 characters in a key and in a namespace. */
const NAME_CHARACTERS = 15;
const FORMATS: readonly string[] = ["buffer", "string", "uint32"] satisfies StorageFormat[];

/** The key-value storage of one terminal. `store` is its flash: give it to the next boot. */
export function createKeyValue(store: KeyValueStore = new Map()): MockKeyValueStorage {
  let writes = 0;
  return {
    get writes() {
      return writes;
    },
    open({ path, format = "buffer", mode = "r+" }) {
      checkName("path", path);
      checkFormat(format);
      if (mode !== "r" && mode !== "r+") throw new RangeError(`key-value: there is no mode "${mode}"`);
      // As NVS: only a writer makes a namespace.
      if (mode === "r" && !store.has(path)) throw new Error(`key-value: there is no domain "${path}"`);
      if (!store.has(path)) store.set(path, new Map());
      return new Domain(store.get(path)!, format, mode === "r", () => writes++);
    },
  };
}

class Domain implements KeyValue {
  #values: Map<string, Stored> | undefined;
  #format: StorageFormat;
  readonly #readOnly: boolean;
  readonly #wear: () => void;

  constructor(values: Map<string, Stored>, format: StorageFormat, readOnly: boolean, wear: () => void) {
    this.#values = values;
    this.#format = format;
    this.#readOnly = readOnly;
    this.#wear = wear;
  }

  get format(): StorageFormat {
    this.#open();
    return this.#format;
  }

  set format(value: StorageFormat) {
    this.#open();
    checkFormat(value);
    this.#format = value;
  }

  read(key: string): ArrayBuffer | string | number | undefined {
    const value = this.#open().get(checkName("key", key));
    if (value === undefined) return undefined;
    if (formatOf(value) !== this.#format) {
      throw new TypeError(`key-value: "${key}" is a ${formatOf(value)}, not a ${this.#format}`);
    }
    return value instanceof Uint8Array ? (value.slice().buffer as ArrayBuffer) : value;
  }

  write(key: string, value: ArrayBuffer | Uint8Array | string | number): void {
    const values = this.#writable();
    values.set(checkName("key", key), this.#convert(value));
    this.#wear();
  }

  delete(key: string): void {
    if (this.#writable().delete(checkName("key", key))) this.#wear();
  }

  [Symbol.iterator](): IterableIterator<string> {
    return [...this.#open().keys()][Symbol.iterator]();
  }

  close(): void {
    this.#values = undefined;
  }

  #convert(value: ArrayBuffer | Uint8Array | string | number): Stored {
    if (this.#format === "string") return String(value);
    if (this.#format === "uint32") return Number(value) >>> 0;
    if (value instanceof ArrayBuffer) return new Uint8Array(value.slice(0));
    if (value instanceof Uint8Array) return value.slice();
    throw new TypeError("key-value: expected a buffer");
  }

  #open(): Map<string, Stored> {
    if (!this.#values) throw new Error("key-value: it is closed");
    return this.#values;
  }

  #writable(): Map<string, Stored> {
    const values = this.#open();
    if (this.#readOnly) throw new Error("key-value: it is open for reading only");
    return values;
  }
}

function formatOf(value: Stored): StorageFormat {
  if (typeof value === "string") return "string";
  return typeof value === "number" ? "uint32" : "buffer";
}

function checkFormat(format: string): void {
  if (!FORMATS.includes(format)) throw new RangeError(`key-value: there is no format "${format}"`);
}

function checkName(what: string, name: string): string {
  if (typeof name !== "string" || !name || name.length > NAME_CHARACTERS) {
    throw new RangeError(`key-value: ${what} is "${name}", expected 1 to ${NAME_CHARACTERS} characters`);
  }
  return name;
}
