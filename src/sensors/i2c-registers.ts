import type { I2C, I2CBus } from "../hal";

/** The longest register. */
const MAX_BYTES = 5;

/** A chip of registers, most significant byte first, behind a pointer of one or two bytes. Each call may throw. */
export class I2CRegisters {
  readonly #i2c: I2C;
  readonly #pointer: Uint8Array;
  /** By their lengths. */
  readonly #reads = Array.from({ length: MAX_BYTES + 1 }, (_, length) => new Uint8Array(length));
  readonly #writes: Uint8Array[];

  /** @param bus `address` and `hz` are as given here unless it says otherwise. */
  constructor({ io, ...bus }: I2CBus, address: number, hz: number, pointerBytes: 1 | 2) {
    this.#pointer = new Uint8Array(pointerBytes);
    this.#writes = Array.from(
      { length: MAX_BYTES + 1 },
      (_, length) => new Uint8Array(pointerBytes + length),
    );
    this.#i2c = new io({ ...bus, address: bus.address ?? address, hz: bus.hz ?? hz });
  }

  readUnsigned(register: number, byteLength: number): number {
    const bytes = this.#reads[byteLength];
    this.#point(this.#pointer, register);
    this.#i2c.writeRead(this.#pointer, bytes);
    let value = 0;
    for (let index = 0; index < byteLength; index++) value = value * 256 + bytes[index];
    return value;
  }

  /** Two's complement. */
  readSigned(register: number, byteLength: number): number {
    const value = this.readUnsigned(register, byteLength);
    const sign = 2 ** (8 * byteLength - 1);
    return value < sign ? value : value - 2 * sign;
  }

  write(register: number, value: number, byteLength: number): void {
    const bytes = this.#writes[byteLength];
    this.#point(bytes, register);
    let rest = value;
    for (let index = bytes.length - 1; index >= this.#pointer.length; index--) {
      bytes[index] = rest & 0xff;
      rest = Math.floor(rest / 256);
    }
    this.#i2c.write(bytes);
  }

  close(): void {
    this.#i2c.close();
  }

  #point(bytes: Uint8Array, register: number): void {
    if (this.#pointer.length === 1) bytes[0] = register;
    else {
      bytes[0] = register >> 8;
      bytes[1] = register & 0xff;
    }
  }
}
