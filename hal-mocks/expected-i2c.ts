import type { ByteBuffer, I2C, I2CConstructor, I2COptions } from "../src/hal";
import { checkI2COptions } from "./i2c";

/** One transaction that a driver must make next; bytes as numbers, or `nack` for a target that does not answer. */
export type I2CTransaction =
  | { write: readonly number[]; nack?: true }
  | { read: readonly number[] }
  | { write: readonly number[]; read: readonly number[] }
  | { readBytes: number; nack: true };

/**
 * An I2C class that plays a list of transactions, one after the other: each of another kind or with other bytes
 * throws, and is remembered, since drivers take what a bus throws for a fault.
 */
export class ExpectedI2C {
  readonly io: I2CConstructor;
  /** Options of each instance, in order. */
  readonly opened: I2COptions[] = [];
  readonly #expected: I2CTransaction[];
  readonly #wrong: string[] = [];
  #closed = 0;

  constructor(expected: readonly I2CTransaction[]) {
    this.#expected = [...expected];
    const list = this;
    this.io = class implements I2C {
      constructor(options: I2COptions) {
        checkI2COptions(options);
        list.opened.push(options);
      }

      read(byteLength: number): ArrayBuffer;
      read(buffer: ByteBuffer): number;
      read(target: number | ByteBuffer): ArrayBuffer | number {
        return deliver(list.#read(lengthOf(target)), target);
      }

      write(buffer: ByteBuffer): void {
        list.#write(bytesOf(buffer));
      }

      writeRead(written: ByteBuffer, byteLength: number): ArrayBuffer;
      writeRead(written: ByteBuffer, buffer: ByteBuffer): number;
      writeRead(written: ByteBuffer, target: number | ByteBuffer): ArrayBuffer | number {
        return deliver(list.#writeRead(bytesOf(written), lengthOf(target)), target);
      }

      close(): void {
        list.#closed++;
      }
    };
  }

  get closed(): number {
    return this.#closed;
  }

  add(...transactions: readonly I2CTransaction[]): void {
    this.#expected.push(...transactions);
  }

  /** @throws Error for whatever was wrong, missing or left over. */
  check(): void {
    const left = this.#expected.map((transaction) => `left over: ${show(transaction)}`);
    if (this.#wrong.length || left.length) throw new Error([...this.#wrong, ...left].join("; "));
  }

  #write(bytes: number[]): void {
    const next = this.#next({ write: bytes });
    if (!("write" in next) || "read" in next || !same(next.write, bytes))
      this.#refuse(next, { write: bytes });
    if ("nack" in next) throw new Error("i2c: NACK");
  }

  #read(length: number): readonly number[] {
    const called = { readBytes: length, nack: true } as const;
    const next = this.#next(called);
    if ("nack" in next && "readBytes" in next && next.readBytes === length) throw new Error("i2c: NACK");
    if (!("read" in next) || "write" in next || next.read.length !== length) this.#refuse(next, called);
    return next.read;
  }

  #writeRead(bytes: number[], length: number): readonly number[] {
    const called = { write: bytes, read: new Array<number>(length).fill(0) };
    const next = this.#next(called);
    if ("write" in next && "nack" in next && same(next.write, bytes)) throw new Error("i2c: NACK");
    if (!("write" in next && "read" in next) || !same(next.write, bytes) || next.read.length !== length)
      this.#refuse(next, called);
    return next.read;
  }

  #next(called: I2CTransaction): I2CTransaction {
    const next = this.#expected.shift();
    if (!next) {
      this.#wrong.push(`not expected: ${show(called)}`);
      throw new Error("i2c: nothing more is expected");
    }
    return next;
  }

  #refuse(expected: I2CTransaction, called: I2CTransaction): never {
    this.#wrong.push(`expected ${show(expected)}, got ${show(called)}`);
    throw new Error("i2c: another transaction was expected");
  }
}

function same(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

function show(transaction: I2CTransaction): string {
  return JSON.stringify(transaction);
}

function bytesOf(buffer: ByteBuffer): number[] {
  return Array.from(buffer instanceof Uint8Array ? buffer : new Uint8Array(buffer));
}

function lengthOf(target: number | ByteBuffer): number {
  return typeof target === "number" ? target : target.byteLength;
}

function deliver(bytes: readonly number[], target: number | ByteBuffer): ArrayBuffer | number {
  if (typeof target === "number") return Uint8Array.from(bytes).buffer;
  (target instanceof Uint8Array ? target : new Uint8Array(target)).set(bytes);
  return bytes.length;
}
