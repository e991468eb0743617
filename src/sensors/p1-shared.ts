import { Quality } from "../model/quality";
import type { Sample } from "../model/reading";
import { checkOptions, type DriverCallbacks } from "./driver-options";
import { P1, type P1Configuration, type P1Listener } from "./p1";
import type { SharedP1 } from "./p1-mbus";

/**
 * The smart meter of a P1 port (DSMR 2.2 to 5.0.2 and its Belgian, Luxembourg, Hungarian, Irish and German relatives),
 * after ECMA-419's Sensor class pattern, shared with the drivers of meters on its M-Bus: none of them closes it.
 */
export class P1Shared {
  readonly identification = { model: "DSMR P1", classification: "SmartMeter" } as const;
  readonly #listener: P1Listener;
  #p1: P1 | undefined;
  #sample: Sample | undefined;

  constructor(options: DriverCallbacks & { sensor: SharedP1 }) {
    const { sensor, clock, onSample, onError } = options;
    if (!(sensor?.p1 instanceof P1)) throw new TypeError("p1: sensor.p1 is no P1 driver");
    checkOptions("p1", { ...options, sensor: { io: P1 } }, "a serial");
    this.#p1 = sensor.p1;
    const deliver = (sample: Sample) => {
      this.#sample = sample;
      onSample?.();
    };
    this.#listener = {
      readsMBus: false,
      onTelegram: (sample) => deliver({ ...sample }),
      onFault: (quality) => {
        if (this.#sample?.quality !== Quality.good) deliver({ quality, ticks: clock.ticks });
      },
      onLost: (error) => {
        this.close();
        onError?.(error);
      },
    };
    this.#p1.attach(this.#listener);
  }

  /** What the driver of the port has counted. */
  get counters(): P1["counters"] | undefined {
    return this.#p1?.counters;
  }

  /** Of the port, for all that share it. @throws RangeError that names the field. */
  configure(options: P1Configuration): void {
    this.#p1?.configure(options);
  }

  /** The newest unread sample, or undefined. A good one is not replaced by a bad one. */
  sample(): Sample | undefined {
    const sample = this.#sample;
    this.#sample = undefined;
    return sample;
  }

  close(): void {
    this.#p1?.detach(this.#listener);
    this.#p1 = undefined;
  }
}
