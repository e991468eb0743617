import type { ByteBuffer, I2C, I2CConstructor, I2COptions } from "../src/hal";

/** A target on a bus. It throws to not acknowledge: `NACK`. */
export interface I2CChip {
  write(bytes: Uint8Array): void;
  read(byteLength: number): Uint8Array;
}

export const NACK = "i2c: NACK";

/** A target's way to not acknowledge. */
export function nack(): never {
  throw new Error(NACK);
}

/** The I2C class of a board, and what happens to it when the board's RAM is lost. */
export type MockI2CConstructor = I2CConstructor & {
  /** The board sleeps deeply or has lost its power: instances are useless. */
  reset(): void;
};

/** @throws RangeError for what no bus can be opened with. */
export function checkI2COptions({ address, hz, data, clock }: I2COptions): void {
  if (!(Number.isInteger(address) && address >= 0 && address < 128))
    throw new RangeError(`i2c: address is ${address}`);
  if (!(Number.isInteger(hz) && hz > 0)) throw new RangeError(`i2c: hz is ${hz}`);
  if (data === undefined || clock === undefined) throw new RangeError("i2c: no data or no clock");
}

/**
 * The `embedded:io/i2c` class of one board with `chips` on its bus, by address. An address may be opened by one
 * instance at a time; one at which there is no chip opens, and does not acknowledge.
 */
export function createI2C(chips: ReadonlyMap<number, I2CChip>): MockI2CConstructor {
  const open = new Map<number, I2C>();

  return class implements I2C {
    readonly #address: number;

    static reset(): void {
      open.clear();
    }

    constructor(options: I2COptions) {
      checkI2COptions(options);
      const { address } = options;
      if (open.has(address)) throw new RangeError(`i2c: address ${address} is in use`);
      this.#address = address;
      open.set(address, this);
    }

    read(byteLength: number): ArrayBuffer;
    read(buffer: ByteBuffer): number;
    read(target: number | ByteBuffer): ArrayBuffer | number {
      const length = typeof target === "number" ? target : target.byteLength;
      const bytes = this.#chip().read(length).slice(0, length);
      if (typeof target === "number") return bytes.buffer as ArrayBuffer;
      (target instanceof Uint8Array ? target : new Uint8Array(target)).set(bytes);
      return length;
    }

    write(buffer: ByteBuffer): void {
      this.#chip().write(buffer instanceof Uint8Array ? buffer.slice() : new Uint8Array(buffer.slice(0)));
    }

    writeRead(written: ByteBuffer, byteLength: number): ArrayBuffer;
    writeRead(written: ByteBuffer, buffer: ByteBuffer): number;
    writeRead(written: ByteBuffer, target: number | ByteBuffer): ArrayBuffer | number {
      this.write(written);
      return typeof target === "number" ? this.read(target) : this.read(target);
    }

    close(): void {
      if (open.get(this.#address) === this) open.delete(this.#address);
    }

    #chip(): I2CChip {
      if (open.get(this.#address) !== this) throw new Error("i2c: the instance is closed");
      return chips.get(this.#address) ?? nack();
    }
  };
}

/** A chip of registers, most significant byte first, behind a pointer of `pointerBytes`. */
export abstract class RegisterChip implements I2CChip {
  readonly #pointerBytes: number;
  #pointer = 0;
  /** A chip that has lost its power or its wires acknowledges nothing. */
  connected = true;
  /** Transactions that fail before the chip sees them, and those that fail when it has already done what they say. */
  failBefore = 0;
  failAfter = 0;

  constructor(pointerBytes: 1 | 2) {
    this.#pointerBytes = pointerBytes;
  }

  protected abstract readRegister(pointer: number, byteLength: number): number;
  protected abstract writeRegister(pointer: number, value: number, byteLength: number): void;

  write(bytes: Uint8Array): void {
    if (!this.connected) nack();
    const length = this.#pointerBytes;
    this.#pointer = bytes.subarray(0, length).reduce((value, byte) => value * 256 + byte, 0);
    if (bytes.length === length) return;
    this.#fail(() =>
      this.writeRegister(
        this.#pointer,
        bytes.subarray(length).reduce((value, byte) => value * 256 + byte, 0),
        bytes.length - length,
      ),
    );
  }

  read(byteLength: number): Uint8Array {
    if (!this.connected) nack();
    const bytes = new Uint8Array(byteLength);
    this.#fail(() => {
      let rest = this.readRegister(this.#pointer, byteLength);
      for (let index = byteLength - 1; index >= 0; index--) {
        const high = Math.floor(rest / 256);
        bytes[index] = rest - high * 256;
        rest = high;
      }
    });
    return bytes;
  }

  #fail(access: () => void): void {
    if (this.failBefore > 0) {
      this.failBefore--;
      nack();
    }
    access();
    if (this.failAfter > 0) {
      this.failAfter--;
      nack();
    }
  }
}
