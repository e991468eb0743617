/** What the SDK lacks on ESP32: each call is one of the C functions beside this module. Only src/main.ts loads it. */
import type { Boot, ResetReason, Retained, WakePin, WakeReason } from "../../hal";

const retained: Retained = {
  get byteLength(): number {
    return native("xs_gridmote_retained_bytes").call(this);
  },
  read() {
    const bytes: ArrayBuffer | undefined = native("xs_gridmote_retained_read").call(this);
    return bytes && new Uint8Array(bytes);
  },
  write(bytes) {
    native("xs_gridmote_retained_write").call(this, bytes);
  },
};

/**
 * With our sdkconfig the end of a deep sleep is no reset for the bootloader: it loads the image that went to sleep. So
 * a trial goes on through sleeps, and what `setNext` has chosen needs a restart.
 */
const boot: Boot = {
  get isOnTrial(): boolean {
    return native("xs_gridmote_is_on_trial").call(this);
  },
  /** Throws during a trial too: the other image is the way back. Reads the whole image. */
  setNext() {
    native("xs_gridmote_set_next").call(this);
  },
  /** Does nothing when there is no trial. */
  confirm() {
    native("xs_gridmote_confirm").call(this);
  },
  /** Throws when there is no image to go back to. */
  revert() {
    native("xs_gridmote_revert").call(this);
  },
  restart() {
    native("xs_gridmote_restart").call(this);
  },
};

const board = {
  retained,
  boot,
  /** As `Clock.ticks`: by the crystal while awake, by the RTC's clock through sleeps and resets. */
  get ticks(): number {
    return native("xs_gridmote_ticks").call(this);
  },
  /** What ended the deep sleep; `start` when there was none. */
  get wakeReason(): WakeReason {
    return native("xs_gridmote_wake_reason").call(this);
  },
  get resetReason(): ResetReason {
    return native("xs_gridmote_reset_reason").call(this);
  },
  /** Of the next sleep. False when this chip cannot wake by that pin; a pin that has the level already does not wake. */
  wakeOn({ pin, level }: WakePin): boolean {
    return native("xs_gridmote_wake_on_pin").call(this, pin, level);
  },
  /** Deep sleep of at least 10 ms; does not return. Throws RangeError when the chip cannot sleep so long. */
  sleep(ms: number): void {
    native("xs_gridmote_sleep").call(this, ms);
  },
  /** Once Wi-Fi has been started: whether the radio may rest between beacons. */
  saveRadio(isOn: boolean): void {
    native("xs_gridmote_save_radio").call(this, isOn);
  },
};

export type Board = typeof board;
export default board;
