import { TerminalClock, VirtualClock } from "../../hal-mocks/clock";
import { type I2CChip, nack } from "../../hal-mocks/i2c";
import { settleMicrotasks } from "../../hal-mocks/node/settle";
import type { SerialChip, SerialLine } from "../../hal-mocks/serial";
import { CountingClock } from "./drivers";

/** What a device does at the moment. */
export type Mood = "well" | "silent" | "nonsense" | "absurd" | "stuck";

/** A world, its clock and the mood of the device in it: what all subjects begin with. */
export class Stage {
  readonly world = new VirtualClock(Date.UTC(2026, 5, 1, 12), settleMicrotasks);
  /** The mocks'. */
  readonly hostClock = new TerminalClock(this.world);
  /** The driver's. */
  readonly clock = new CountingClock(this.hostClock);
  mood: Mood = "well";
  #stuckAt = 0;

  /** What a device measures now: something else each second, unless it is stuck. */
  get ripple(): number {
    return Math.floor((this.mood === "stuck" ? this.#stuckAt : this.world.now) / 1000) % 10;
  }

  speakWell(): void {
    this.mood = "well";
  }

  goSilent(): void {
    this.mood = "silent";
  }

  talkNonsense(): void {
    this.mood = "nonsense";
  }

  beAbsurd(): void {
    this.mood = "absurd";
  }

  repeatItself(): void {
    this.mood = "stuck";
    this.#stuckAt = this.world.now;
  }
}

/** A serial chip that says what it has to say, nothing, that with bits changed, or what it last said to the same. */
export function moody(chip: SerialChip, stage: Stage): SerialChip {
  const said = new Map<string, Uint8Array>();
  let heard = "";
  const around = (line: SerialLine): SerialLine => ({
    baud: line.baud,
    send(bytes) {
      if (stage.mood === "silent") return;
      if (stage.mood === "nonsense")
        line.send(bytes.map((byte, index) => (index % 5 === 4 ? byte ^ 4 : byte)));
      else {
        const again = stage.mood === "stuck" ? said.get(heard) : undefined;
        if (!again) said.set(heard, bytes.slice());
        line.send(again ?? bytes);
      }
    },
  });
  return {
    onOpen: (line) => chip.onOpen?.(around(line)),
    onReceive(bytes, line) {
      heard = bytes.join();
      chip.onReceive?.(bytes, around(line));
    },
    onClose: (line) => chip.onClose?.(around(line)),
  };
}

/** An I2C chip that answers, does not acknowledge, leaves the line high or low, or repeats what it answered to the same. */
export function moodyTarget(chip: I2CChip, stage: Stage): I2CChip {
  const answered = new Map<string, Uint8Array>();
  let written = "";
  return {
    write(bytes) {
      if (stage.mood === "silent") nack();
      written = bytes.join();
      chip.write(bytes);
    },
    read(byteLength) {
      if (stage.mood === "silent") nack();
      const answer = chip.read(byteLength);
      if (stage.mood === "nonsense") return answer.map(() => (stage.ripple % 2 ? 0xff : 0));
      if (stage.mood === "stuck") return answered.get(written) ?? answer;
      answered.set(written, answer);
      return answer;
    },
  };
}
