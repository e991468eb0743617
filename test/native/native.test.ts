import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CHIPS, TestBoard, type Words, Workshop } from "../support/board";
import { BUILD_TIMEOUT_MS, hasCompiler } from "../support/target";

/** ESP-IDF's `esp_reset_reason_t`, by number. */
const RESET_REASONS = [
  ...["unknown", "power", "power", "software", "panic", "watchdog", "watchdog", "watchdog", "sleep"],
  ...["brown-out", "unknown", "unknown", "unknown", "unknown", "brown-out", "panic"],
];
const [POWER, SOFTWARE, PANIC, TASK_WATCHDOG, SLEEP, BROWN_OUT] = [1, 3, 4, 6, 8, 9];
/** Bits of `esp_sleep_get_wakeup_causes`. */
const [EXT0, EXT1, TIMER, GPIO] = [2, 3, 4, 7].map((bit) => 1 << bit);
const PENDING = 1;
const FLASHED_FIRST = -1;

const SECOND = 1_000_000;
const SHOW = 'const kept = board.retained.read(); print(kept ? Array.from(kept).join(" ") : "nothing");';
/** Does what may throw, and prints what it throws. */
const attempt = (what: string) =>
  `try { ${what}; print("done"); } catch (error) { print(error.toString()); }`;

describe.runIf(hasCompiler())("the C for ESP32", () => {
  let workshop: Workshop;
  let esp32 = "";
  let esp32c3 = "";
  let board: TestBoard;

  beforeAll(() => {
    workshop = new Workshop();
    esp32 = workshop.build("ESP32");
    esp32c3 = workshop.build("ESP32C3");
    board = new TestBoard(esp32);
  }, BUILD_TIMEOUT_MS);
  afterAll(() => {
    workshop.remove();
    board.remove();
  });
  beforeEach(() => board.forget());

  const start = (words: Words, script = "") => board.start(words, script);

  it.each(CHIPS)("compiles for %s without a warning, against the headers of XS", (chip) => {
    expect(workshop.check(chip)).toEqual({ status: 0, stdout: "", stderr: "" });
  });

  it("compiles for 32 bits too, as on the chips", () => {
    const flags = workshop.flagsOf32Bits();
    if (!flags) return console.warn("SKIPPED: the C for ESP32 in 32 bits, which this compiler has not");
    for (const chip of CHIPS)
      expect(workshop.check(chip, ...flags)).toEqual({ status: 0, stdout: "", stderr: "" });
  });

  describe("retained memory", () => {
    const write = "board.retained.write(new Uint8Array([7, 0, 255, 42]));";

    it("is empty at power-on", () => {
      expect(start({ reset: POWER }, SHOW)).toEqual(["nothing", "reset"]);
    });

    it.each([
      ["deep sleep", SLEEP],
      ["a restart", SOFTWARE],
      ["a panic", PANIC],
      ["the watchdog", TASK_WATCHDOG],
      ["a brown-out that the RTC lives through", BROWN_OUT],
    ])("survives %s", (_, reset) => {
      start({ reset: POWER, rtc: SECOND }, write);
      expect(start({ reset, rtc: 2 * SECOND }, SHOW)[0]).toBe("7 0 255 42");
      // Again: what was read and not written is still there.
      expect(start({ reset, rtc: 3 * SECOND }, SHOW)[0]).toBe("7 0 255 42");
    });

    it("is lost with the power, also where the memory has not forgotten", () => {
      start({ reset: POWER, rtc: SECOND }, write);
      expect(start({ reset: POWER, rtc: 2 * SECOND }, SHOW)[0]).toBe("nothing");
      expect(start({ reset: SLEEP, rtc: 3 * SECOND }, SHOW)[0]).toBe("nothing");
    });

    it("is lost when the RTC has begun anew, whatever the chip calls that", () => {
      start({ reset: POWER, rtc: 9 * SECOND }, write);
      expect(start({ reset: BROWN_OUT, rtc: SECOND }, `${SHOW} print(board.ticks)`)).toEqual([
        "nothing",
        "0",
        "reset",
      ]);
    });

    it("is refused when memory at power-on is random", () => {
      const size = start({ reset: POWER }, write) && board.rtc.length;
      board.rtc = Uint8Array.from({ length: size }, (_, index) => (index * 197 + 31) % 251);
      expect(start({ reset: BROWN_OUT, rtc: SECOND }, SHOW)[0]).toBe("nothing");
    });

    it("is refused when any bit of it has flipped", () => {
      start({ reset: POWER, rtc: SECOND }, write);
      const rtc = board.rtc;
      const blob = rtc.indexOf(Uint8Array.of(7, 0, 255, 42));
      expect(blob).toBeGreaterThan(7);
      // The checksum and the length are before the bytes.
      const found = Array.from({ length: 8 * 12 }, (_, bit) => {
        const flipped = Buffer.from(rtc);
        flipped[blob - 8 + (bit >> 3)] ^= 1 << (bit & 7);
        board.rtc = flipped;
        return start({ reset: SLEEP, rtc: 2 * SECOND }, SHOW)[0];
      });
      expect(found).toEqual(found.map(() => "nothing"));
    });

    it("holds 4096 bytes, or none, and says how many", () => {
      const script = `print(board.retained.byteLength);
        for (const length of [4096, 0, 1]) {
          board.retained.write(new Uint8Array(length).fill(length & 255 || 9));
          const { length: read, [read - 1]: last } = board.retained.read();
          print(read + " " + last);
        }`;
      expect(start({ reset: POWER }, script).slice(0, 4)).toEqual(["4096", "4096 9", "0 undefined", "1 1"]);
    });

    it("refuses a byte more, and keeps what it has", () => {
      const script = `${write} ${attempt("board.retained.write(new Uint8Array(4097))")} ${SHOW}`;
      expect(start({ reset: POWER }, script).slice(0, 2)).toEqual([
        "RangeError: retained: 4097 bytes do not fit in 4096",
        "7 0 255 42",
      ]);
    });

    it("takes the part of a buffer that it is given, and gives out copies", () => {
      const script = `board.retained.write(new Uint8Array([1, 2, 3, 4]).subarray(1, 3));
        board.retained.read().fill(9); ${SHOW}`;
      expect(start({ reset: POWER }, script)[0]).toBe("2 3");
    });
  });

  describe("ticks", () => {
    const TICKS = "print(board.ticks);";

    it("begin at power-on, in milliseconds", () => {
      expect(start({ reset: POWER, rtc: 77 * SECOND, crystal: 250_000 }, TICKS)[0]).toBe("250");
    });

    it("go by the crystal while awake, and by the RTC's clock through a sleep", () => {
      const fast = 50_000;
      const script = `${TICKS} awake(3600000); ${TICKS} board.sleep(60000);`;
      expect(start({ reset: POWER, fast }, script).slice(0, 2)).toEqual(["0", "3600000"]);
      // The RTC says an hour and 3 minutes, then a minute of sleep.
      const rtc = 3780 * SECOND + 60 * SECOND;
      expect(start({ reset: SLEEP, fast, rtc, crystal: 0 }, TICKS)[0]).toBe("3660000");
    });

    it("count what a start takes before it asks", () => {
      start({ reset: POWER, rtc: SECOND }, "board.sleep(1000)");
      const late = { reset: SLEEP, rtc: 3 * SECOND, crystal: 400_000 };
      expect(start(late, `${TICKS} awake(5); ${TICKS}`).slice(0, 2)).toEqual(["2000", "2005"]);
    });

    it("never go back, wherever a reset comes", () => {
      // The RTC is slow: by its clock less has passed than has been counted.
      const fast = -50_000;
      start({ reset: POWER, fast }, "awake(100000); board.ticks; awake(100000); board.ticks");
      expect(start({ reset: PANIC, fast, rtc: 190 * SECOND }, TICKS)[0]).toBe("200000");
    });

    it("go on when a reset has torn the last count", () => {
      start({ reset: POWER, rtc: SECOND }, "awake(1000); board.ticks; awake(1000); board.ticks");
      const rtc = board.rtc;
      const count = rtc.indexOf(Buffer.from(BigUint64Array.of(2_000_000n).buffer));
      expect(count).toBeGreaterThanOrEqual(0);
      for (let at = count; at < count + 20; at++) {
        const torn = Buffer.from(rtc);
        torn[at] ^= 0x10;
        board.rtc = torn;
        // The one before is taken, with the RTC's clock from there.
        expect(start({ reset: PANIC, rtc: 4 * SECOND }, TICKS)[0]).toBe("3000");
      }
    });

    it("pass 2^32 milliseconds", () => {
      start({ reset: POWER }, "board.sleep(1)");
      expect(start({ reset: SLEEP, rtc: 5_000_000_000_000 }, TICKS)[0]).toBe("5000000000");
    });
  });

  describe("deep sleep", () => {
    it.each([
      [0, 10_000],
      [0.5, 10_000],
      [60_000, 60_000_000],
      [1234.5, 1_234_500],
      [86_400_000, 86_400_000_000],
      [31_536_000_000, 31_536_000_000_000],
    ])("of %d ms is one of %d µs", (ms, us) => {
      expect(start({ reset: POWER }, `board.sleep(${ms})`)).toEqual([
        `esp_sleep_enable_timer_wakeup ${us}`,
        "esp_wifi_stop",
        "esp_deep_sleep_start",
      ]);
    });

    it("goes on where the radio was never on", () => {
      expect(start({ reset: POWER, wifi: 0x3001 }, "board.sleep(100)").at(-1)).toBe("esp_deep_sleep_start");
    });

    it.each(["NaN", "-1", "Infinity", "undefined"])("refuses %s", (ms) => {
      const script = attempt(`board.sleep(${ms})`);
      expect(start({ reset: POWER }, script)).toEqual([
        "RangeError: sleep: ms is not a number from 0 on",
        "reset",
      ]);
    });

    it("says when the chip cannot sleep so long", () => {
      expect(start({ reset: POWER, longest: 1000 }, attempt("board.sleep(60000)"))).toEqual([
        "esp_sleep_enable_timer_wakeup 60000000",
        "RangeError: sleep: the chip cannot sleep so long",
        "reset",
      ]);
    });

    it.each([
      ["nothing but a start", 1, "start"],
      ["the time", TIMER, "timer"],
      ["a pin by EXT0", EXT0, "pin"],
      ["a pin by EXT1", EXT1, "pin"],
      ["a pin by GPIO", GPIO, "pin"],
      ["both at once", EXT1 | TIMER, "pin"],
    ])("ended by %s has its reason", (_, causes, reason) => {
      expect(start({ reset: SLEEP, causes }, "print(board.wakeReason)")[0]).toBe(reason);
    });
  });

  describe("a wake pin", () => {
    const wakeOn = (pin: number, level: number) => `print(board.wakeOn({ pin: ${pin}, level: ${level} }));`;

    it.each([
      [0, 1],
      [1, 0],
    ])("wakes an ESP32 at level %i, also above pin 31", (level, now) => {
      expect(start({ reset: POWER, level: now }, wakeOn(33, level))).toEqual([
        `esp_sleep_enable_ext1_wakeup_io 0x200000000 ${level}`,
        "true",
        "reset",
      ]);
    });

    it("wakes a C3, which has no EXT1", () => {
      const c3 = new TestBoard(esp32c3);
      try {
        expect(c3.start({ reset: POWER, level: 1 }, wakeOn(4, 0))).toEqual([
          "esp_sleep_enable_gpio_wakeup_on_hp_periph_powerdown 0x10 0",
          "true",
          "reset",
        ]);
      } finally {
        c3.remove();
      }
    });

    it("does not wake while it is held: a contact that is stuck empties no battery", () => {
      expect(start({ reset: POWER, level: 0 }, wakeOn(33, 0))).toEqual(["true", "reset"]);
    });

    it.each([5, -1, 40, 63, 64, 1000])("is refused where the chip cannot wake by it: %i", (pin) => {
      expect(start({ reset: POWER, level: 1 }, wakeOn(pin, 0))).toEqual(["false", "reset"]);
    });
  });

  it("names each reset", () => {
    const names = RESET_REASONS.map((_, reset) => start({ reset }, "print(board.resetReason)")[0]);
    expect(names).toEqual(RESET_REASONS);
    expect(start({ reset: 99 }, "print(board.resetReason)")[0]).toBe("unknown");
  });

  it("lets the radio rest, or not, and says when there is none", () => {
    expect(start({}, "board.saveRadio(true); board.saveRadio(false)").slice(0, 2)).toEqual([
      "esp_wifi_set_ps 1",
      "esp_wifi_set_ps 0",
    ]);
    expect(start({ wifi: 0x3001 }, attempt("board.saveRadio(true)"))[1]).toBe(
      "Error: wifi: power save cannot be set",
    );
  });

  describe("the boot", () => {
    it.each([
      [FLASHED_FIRST, false],
      [0, false],
      [PENDING, true],
      [2, false],
      [3, false],
      [4, false],
    ])("is on trial in ESP-IDF's state %i: %s", (state, isOnTrial) => {
      expect(start({ state }, "print(board.boot.isOnTrial)")[0]).toBe(String(isOnTrial));
    });

    it("is confirmed once", () => {
      const script = "board.boot.confirm(); print(board.boot.isOnTrial); board.boot.confirm();";
      expect(start({ state: PENDING }, script)).toEqual(["running is valid", "false", "reset"]);
    });

    it("does not confirm an image that has not run", () => {
      expect(start({ state: 2 }, "board.boot.setNext(); board.boot.confirm();")).toEqual([
        "esp_ota_set_boot_partition nextota",
        "reset",
      ]);
    });

    it("says when the bootloader's check refuses the image", () => {
      expect(start({ image: 0x1503 }, attempt("board.boot.setNext()"))[1]).toBe(
        "Error: boot: the image in nextota is refused (0x1503)",
      );
    });

    it("keeps the way back during a trial", () => {
      expect(start({ state: PENDING }, attempt("board.boot.setNext()"))[0]).toBe(
        "Error: boot: the running image is on trial, and the other one is the way back",
      );
    });

    it("says when the flash has room for one image only", () => {
      expect(start({ slots: 1 }, attempt("board.boot.setNext()"))[0]).toBe(
        "Error: boot: there is no second partition for an image",
      );
    });

    it.each([PENDING, 2])("goes back, from state %i", (state) => {
      expect(start({ state }, attempt("board.boot.revert()"))).toEqual(["running is invalid", "esp_restart"]);
    });

    it("goes back to the image that was flashed first, which otadata does not know", () => {
      const script = attempt("board.boot.revert()");
      expect(start({ state: PENDING, rollback: 0x1505 }, script)).toEqual(["esp_restart"]);
    });

    it("says when there is nothing to go back to", () => {
      const script = attempt("board.boot.revert()");
      expect(start({ state: FLASHED_FIRST, rollback: 0x1505 }, script)[0]).toBe(
        "Error: boot: there is no image to go back to (0x1505)",
      );
    });

    it("restarts, and ticks go on", () => {
      expect(start({ reset: POWER, rtc: SECOND }, "awake(700); board.boot.restart()")).toEqual([
        "esp_restart",
      ]);
      expect(start({ reset: SOFTWARE, rtc: 2 * SECOND }, "print(board.ticks)")[0]).toBe("1000");
    });
  });
});
