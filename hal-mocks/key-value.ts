import type { KeyValue, KeyValueStorage, StorageFormat } from "../src/hal";
import { Power } from "./power";

type Stored = Uint8Array | string | number;

/**
 * NVS keeps 126 entries of 32 bytes in a page of 4 KB and one page free for moving (ESP-IDF, NVS library, "Structure
 * of a page"); partitions.csv gives it 64 KB.
 */
const NVS_ENTRIES = 15 * 126;
const ENTRY_BYTES = 32;

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

/**
 * The key-value storage of one terminal.
 * @param store its flash: give it to the next boot.
 * @param entries its room, in NVS's entries. A value takes one, and one more for each 32 bytes of text or of a buffer.
 * @param power its supply. NVS changes a value wholly or not at all.
 */
export function createKeyValue(
  store: KeyValueStore = new Map(),
  entries: number = NVS_ENTRIES,
  power = new Power(),
): MockKeyValueStorage {
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
      const checkRoom = (key: string, value: Stored) => {
        const replaced = store.get(path)!.get(key);
        const used = entriesOf(value) - (replaced === undefined ? 0 : entriesOf(replaced));
        if (usedEntries(store) + used > entries) throw new Error("key-value: no space");
      };
      const change = (make: () => void) => {
        power.change(make);
        writes++;
      };
      return new Domain(store.get(path)!, format, mode === "r", power, change, checkRoom);
    },
  };
}

function usedEntries(store: KeyValueStore): number {
  let used = 0;
  for (const values of store.values()) {
    used++;
    for (const value of values.values()) used += entriesOf(value);
  }
  return used;
}

/** A buffer's index is an entry of its own. */
function entriesOf(value: Stored): number {
  if (typeof value === "number") return 1;
  const index = typeof value === "string" ? 0 : 1;
  return 1 + index + Math.ceil(value.length / ENTRY_BYTES);
}

class Domain implements KeyValue {
  #values: Map<string, Stored> | undefined;
  #format: StorageFormat;
  readonly #readOnly: boolean;
  readonly #power: Power;
  readonly #change: (make: () => void) => void;
  readonly #checkRoom: (key: string, value: Stored) => void;

  constructor(
    values: Map<string, Stored>,
    format: StorageFormat,
    readOnly: boolean,
    power: Power,
    change: (make: () => void) => void,
    checkRoom: (key: string, value: Stored) => void,
  ) {
    this.#values = values;
    this.#format = format;
    this.#readOnly = readOnly;
    this.#power = power;
    this.#change = change;
    this.#checkRoom = checkRoom;
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
    const stored = this.#convert(value);
    this.#checkRoom(checkName("key", key), stored);
    this.#change(() => values.set(key, stored));
  }

  delete(key: string): void {
    const values = this.#writable();
    if (values.has(checkName("key", key))) this.#change(() => values.delete(key));
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
    this.#power.check();
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
