import type { Config } from "../config";
import type { TriggerPlan } from "../lowpower/triggers";
import type { Reading } from "../model/reading";
import type { CalibrationConfiguration } from "../sensors/calibration";
import type { DriverName } from "../sensors/drivers";

/** What the base offers to an app. A base that changes it incompatibly raises the number. */
export interface Kit {
  readonly version: 1;
  readonly config: Readonly<Config>;
  /** What the setting `sensors` says is to be sampled. */
  readonly streams: readonly StreamPlan[];
}

/** A sensor, where it is, and what it is to know. */
export interface SensorPlan {
  driver: DriverName;
  /**
   * Of its bus (`optionsOf` in src/sensors/drivers.ts says which it has; default: as the terminal is configured), and of
   * the driver's own `configure`.
   */
  options?: SensorOptions;
  /** What corrects its channels. */
  calibration?: CalibrationConfiguration;
}

export type SensorOptions = Readonly<Record<string, number | string | boolean>>;

/** One stream: a point's readings under one profile. */
export interface StreamPlan {
  /** 0 is the terminal itself. */
  point: number;
  /** By its driver alone it is where the terminal's configuration says. */
  sensor: DriverName | SensorPlan;
  /** The number of a built-in profile, or columns: `t clock pi v_l1 i_l1@-3` (`columnsOf` in src/model/profiles.ts). */
  profile: number | string;
  /** Milliseconds between readings, aligned to the clock; 0 takes every sample. */
  sampleMs: number;
  /** Milliseconds after which a silent device gives a reading with quality `silent`. */
  timeoutMs: number;
  /** Readings at which a frame closes early. */
  batch: number;
  /** True: energy and charge that the device does not count are integrated, for registers that are in the profile. */
  integrate?: boolean;
  /** What is sent before its period ends. */
  triggers?: TriggerPlan;
}

export interface Plan {
  streams: readonly StreamPlan[];
  /** Milliseconds between sessions. */
  sessionMs: number;
  /** The least milliseconds between sessions that `triggers.deltas` cause. Default: a fifteenth of `sessionMs`. */
  minimumMs?: number;
}

/** What differs from site to site: what to sample, how often, and what is worth waking the radio for. */
export interface AppInstance {
  readonly plan: Plan;
  /** Sees each reading as it is recorded. `"send"` is an alarm: the frame closes and a session starts at once. */
  onReading?(reading: Reading): "send" | undefined;
}

/** An app's default export. It throws RangeError when it cannot work with the kit's version. */
export type App = (kit: Kit) => AppInstance;
