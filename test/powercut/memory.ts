import { BLOCK_BYTES, Partition } from "../../hal-mocks/flash";
import type { KeyValueStore } from "../../hal-mocks/key-value";
import { type CutMoment, Power } from "../../hal-mocks/power";
import { createRandom } from "../../hal-mocks/random";
import { RetainedMemory } from "../../hal-mocks/retained";
import { UpdateFlash, type UpdatePartition } from "../../hal-mocks/update-flash";

const BLOCKS = 6;
/** As few as the images of test/support/images.ts need. */
const IMAGE_BLOCKS = { otadata: 2, ota_0: 4, ota_1: 4, xs: 3, mod_0: 3, mod_1: 3, update: 8 };
const IMAGES = Object.keys(IMAGE_BLOCKS) as UpdatePartition[];

/** What an operation changes: `images` is the flash in which images are, and what is known of updates. */
export type Part = "flash" | "keyValue" | "retained" | "images";

/** All that survives a boot, as it was at one moment. Nobody changes it; what is the same is the same object. */
export interface Frozen {
  readonly flash: Partition;
  readonly keyValue: KeyValueStore;
  readonly retained: RetainedMemory;
  /** Of a node that takes updates. */
  readonly images?: ReadonlyMap<UpdatePartition, Partition>;
}

/** Sees each moment of an operation at which the power may go, with the memory as it is then. */
export type OnMoment = (part: Part, moment: CutMoment, frozen: Frozen) => void;

/** One node's flash, key-value store and retained memory, with a witness of every change. */
export class Memory {
  readonly flash = new Partition({ byteLength: BLOCKS * BLOCK_BYTES });
  readonly keyValue: KeyValueStore = new Map();
  readonly retained = new RetainedMemory();
  /** Of a node that takes updates. */
  readonly images: UpdateFlash | undefined;
  readonly keyValuePower: Power;
  /** Changes so far. */
  operations = 0;
  onMoment: OnMoment | undefined;
  #frozen: Frozen;

  /**
   * @param from what is there at the beginning; by default all is erased.
   * @param native the image that a node that takes updates is born with.
   */
  constructor(from?: Frozen, native?: Uint8Array) {
    this.images = native || from?.images ? new UpdateFlash(IMAGE_BLOCKS) : undefined;
    if (native) this.images!.flash("ota_0", native);
    this.#frozen = from ?? {
      flash: copyFlash(this.flash),
      keyValue: new Map(),
      retained: new RetainedMemory(),
      ...(this.images && { images: copyImages(this.images) }),
    };
    for (const part of ["flash", "keyValue", "retained"] as const) this.#become(part, this.#frozen);
    for (const name of this.images ? IMAGES : []) {
      this.#become("images", this.#frozen, name);
      this.images!.partition(name).power = this.#power("images", name);
    }
    this.flash.power = this.#power("flash");
    this.retained.power = this.#power("retained");
    this.keyValuePower = this.#power("keyValue");
  }

  #power(part: Part, name?: UpdatePartition): Power {
    return new WatchedPower((whole, torn) => this.#change(part, name, whole, torn));
  }

  #change(
    part: Part,
    name: UpdatePartition | undefined,
    whole: () => void,
    torn: ((seed: number) => void) | undefined,
  ): void {
    const operation = this.operations++;
    const { onMoment } = this;
    if (!onMoment) {
      whole();
      return;
    }
    const before = this.#frozen;
    onMoment(part, "before", before);
    if (torn) {
      torn(operation);
      onMoment(part, "torn", this.#freeze(part, name));
      this.#become(part, before, name);
    }
    whole();
    this.#frozen = this.#freeze(part, name);
    onMoment(part, "after", this.#frozen);
  }

  #freeze(part: Part, name: UpdatePartition | undefined): Frozen {
    const { flash, keyValue, retained } = this;
    if (name) {
      const images = new Map(this.#frozen.images);
      return { ...this.#frozen, images: images.set(name, copyFlash(this.images!.partition(name))) };
    }
    if (part === "flash") return { ...this.#frozen, flash: copyFlash(flash) };
    if (part === "retained") return { ...this.#frozen, retained: copyRetained(retained) };
    return { ...this.#frozen, keyValue: copyKeyValue(keyValue) };
  }

  #become(part: Part, { flash, keyValue, retained, images }: Frozen, name?: UpdatePartition): void {
    if (name) this.images!.partition(name).copyFrom(images!.get(name)!);
    else if (part === "flash") this.flash.copyFrom(flash);
    else if (part === "retained") this.retained.copyFrom(retained);
    else {
      this.keyValue.clear();
      for (const [domain, values] of keyValue) this.keyValue.set(domain, new Map(values));
    }
  }
}

/** A supply that never goes: what would be there if it went is kept instead, and the firmware goes on. */
class WatchedPower extends Power {
  readonly #onChange: (whole: () => void, torn: ((seed: number) => void) | undefined) => void;

  constructor(onChange: (whole: () => void, torn: ((seed: number) => void) | undefined) => void) {
    super();
    this.#onChange = onChange;
  }

  override change(...[whole, torn]: Parameters<Power["change"]>): void {
    this.#onChange(whole, torn && ((seed) => torn(createRandom(seed))));
  }
}

/** As the loss of all power leaves it. */
export function withoutPower(frozen: Frozen): Frozen {
  return { ...frozen, retained: new RetainedMemory() };
}

function copyFlash(flash: Partition): Partition {
  const copy = new Partition({ byteLength: flash.bytes.length });
  copy.copyFrom(flash);
  return copy;
}

function copyImages(images: UpdateFlash): ReadonlyMap<UpdatePartition, Partition> {
  return new Map(IMAGES.map((name) => [name, copyFlash(images.partition(name))]));
}

function copyRetained(retained: RetainedMemory): RetainedMemory {
  const copy = new RetainedMemory();
  copy.copyFrom(retained);
  return copy;
}

function copyKeyValue(store: KeyValueStore): KeyValueStore {
  return new Map([...store].map(([domain, values]) => [domain, new Map(values)]));
}
