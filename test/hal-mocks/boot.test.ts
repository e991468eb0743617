import { describe, expect, it } from "vitest";
import { Bootloader } from "../../hal-mocks/boot";
import { BLOCK_BYTES, Partition } from "../../hal-mocks/flash";
import { type CutMoment, cutMoments, Power, PowerLoss } from "../../hal-mocks/power";

const IMAGE_MAGIC = 0xe9;

class Board {
  readonly power = new Power();
  readonly bootloader: Bootloader;
  readonly slots: [Partition, Partition];
  restarts = 0;

  constructor() {
    const partition = (blocks: number) => {
      const created = new Partition({ byteLength: blocks * BLOCK_BYTES });
      created.power = this.power;
      return created;
    };
    this.slots = [partition(1), partition(1)];
    for (const slot of this.slots) slot.bytes[0] = IMAGE_MAGIC;
    this.bootloader = new Bootloader({ otadata: partition(2), slots: this.slots });
  }

  /** A reset, and then what firmware does. Returns the slot that runs. */
  start(then: (boot: ReturnType<Bootloader["connect"]>) => void = () => {}): number {
    this.bootloader.start();
    const running = this.slots.indexOf(this.bootloader.running);
    then(this.bootloader.connect(() => this.restarts++));
    return running;
  }
}

describe("a bootloader with rollback", () => {
  it("gives a new image one boot, and goes back unless that is confirmed", () => {
    const board = new Board();
    expect(board.start((boot) => boot.setNext())).toBe(0);
    expect(board.start((boot) => expect(boot.isOnTrial).toBe(true))).toBe(1);
    expect(board.start((boot) => expect(boot.isOnTrial).toBe(false))).toBe(0);
    expect(board.start((boot) => boot.setNext())).toBe(0);
    expect(board.start((boot) => boot.confirm())).toBe(1);
    expect(board.start((boot) => expect(boot.isOnTrial).toBe(false))).toBe(1);
    // And from there to the other slot again.
    expect(board.start((boot) => boot.setNext())).toBe(1);
    expect(board.start((boot) => boot.revert())).toBe(0);
    expect(board.restarts).toBe(1);
    expect(board.start()).toBe(1);
  });

  it("refuses to boot what is no image", () => {
    const board = new Board();
    board.slots[1].bytes[0] = 0xff;
    board.start((boot) => expect(() => boot.setNext()).toThrow("not valid"));
    expect(board.start()).toBe(0);
  });

  it.each(cutMoments)("boots one of both whenever the power goes: %s", (moment: CutMoment) => {
    const whole = new Board();
    const live = (board: Board) => {
      board.start((boot) => boot.setNext());
      board.start((boot) => boot.confirm());
      return board.start();
    };
    expect(live(whole)).toBe(1);
    for (let operation = 0; operation < whole.power.operations; operation++) {
      const board = new Board();
      board.power.cutAt(operation, moment, operation);
      expect(() => live(board)).toThrow(PowerLoss);
      board.power.restore();
      const first = board.start();
      expect([0, 1]).toContain(first);
      // Unless it was on trial, it stays.
      const second = board.start();
      expect([first, 0]).toContain(second);
      expect(board.start()).toBe(second);
    }
  });
});
