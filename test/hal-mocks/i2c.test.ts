import { expect, it } from "vitest";
import { ExpectedI2C } from "../../hal-mocks/expected-i2c";
import { createI2C, type I2CChip, NACK } from "../../hal-mocks/i2c";

const options = { data: 1, clock: 2, hz: 400_000, address: 0x40 };

class Memory implements I2CChip {
  bytes: number[] = [];

  write(bytes: Uint8Array): void {
    this.bytes.push(...bytes);
  }

  read(byteLength: number): Uint8Array {
    return Uint8Array.from(this.bytes.splice(0, byteLength));
  }
}

it("leads to the chip at its address, in each form of read", () => {
  const I2C = createI2C(new Map([[0x40, new Memory()]]));
  const bus = new I2C(options);
  bus.write(Uint8Array.of(1, 2, 3));
  expect([...new Uint8Array(bus.read(1))]).toEqual([1]);
  const target = new Uint8Array(2);
  bus.read(target);
  expect([...target]).toEqual([2, 3]);
  expect([...new Uint8Array(bus.writeRead(Uint8Array.of(9).buffer, 1))]).toEqual([9]);
  bus.writeRead(Uint8Array.of(7, 8), target.buffer);
  expect([...target]).toEqual([7, 8]);
});

it("does not acknowledge where there is no chip", () => {
  const I2C = createI2C(new Map());
  const bus = new I2C(options);
  expect(() => bus.write(Uint8Array.of(1))).toThrow(NACK);
  expect(() => bus.read(1)).toThrow(NACK);
});

it("opens an address once at a time, and refuses options that are wrong", () => {
  const I2C = createI2C(new Map([[0x40, new Memory()]]));
  const bus = new I2C(options);
  expect(() => new I2C(options)).toThrow("in use");
  bus.close();
  bus.close();
  expect(() => bus.write(Uint8Array.of(1))).toThrow("closed");
  const again = new I2C(options);
  I2C.reset();
  expect(() => again.read(1)).toThrow("closed");
  for (const wrong of [{ address: 128 }, { hz: 0 }, { data: undefined }, { clock: undefined }])
    expect(() => new I2C({ ...options, ...wrong })).toThrow(RangeError);
});

it("of expected transactions finds a wrong one, a missing one and one too many, though the driver catches all", () => {
  const attempt = (act: () => void) => expect(act).toThrow("i2c");
  const wrong = new ExpectedI2C([{ write: [1, 2] }]);
  attempt(() => new wrong.io(options).write(Uint8Array.of(1, 3)));
  expect(() => wrong.check()).toThrow('expected {"write":[1,2]}, got {"write":[1,3]}');

  const missing = new ExpectedI2C([{ write: [1], read: [2] }]);
  expect(() => missing.check()).toThrow('left over: {"write":[1],"read":[2]}');

  const more = new ExpectedI2C([]);
  attempt(() => new more.io(options).read(3));
  expect(() => more.check()).toThrow("not expected");

  const kinds = new ExpectedI2C([{ write: [1], read: [2] }, { read: [3] }, { write: [4] }]);
  const bus = new kinds.io(options);
  attempt(() => bus.write(Uint8Array.of(1)));
  attempt(() => bus.read(2));
  attempt(() => bus.writeRead(Uint8Array.of(4), 1));
  expect(() => kinds.check()).toThrow(/expected.*expected.*expected/);
});

it("of expected transactions plays answers and faults in order", () => {
  const list = new ExpectedI2C([
    { write: [1], read: [2, 3] },
    { write: [5], nack: true },
    { readBytes: 2, nack: true },
    { read: [6] },
  ]);
  const bus = new list.io(options);
  const target = new Uint8Array(2);
  bus.writeRead(Uint8Array.of(1), target);
  expect([...target]).toEqual([2, 3]);
  expect(() => bus.write(Uint8Array.of(5))).toThrow("NACK");
  expect(() => bus.read(2)).toThrow("NACK");
  expect([...new Uint8Array(bus.read(1))]).toEqual([6]);
  bus.close();
  list.check();
  expect(list.closed).toBe(1);
});
