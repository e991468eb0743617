import { crc32 } from "../crc32";
import type { Crypto, Flash, FlashStorage, UpdateSettings } from "../hal";
import { equalBytes } from "./cose";
import type { Journal } from "./journal";
import { kindNumber, kindOf, type UpdateManifest } from "./manifest";
import {
  type Announcement,
  BLOCK_BYTES,
  blockCount,
  checkBlock,
  checkOffer,
  checkTable,
  ENTRY_BYTES,
  type Identity,
  isInStage,
  readAnnouncement,
  readOffer,
} from "./package";
import { type Refusal, RefusedUpdate, refusalCode, refusalOf } from "./refusal";
import { hasImage, SECTOR_BYTES, slotOf, TABLE_BLOCK, UPDATE, withFlash, writeBlock } from "./slots";
import { enter, hasBlock, MAX_BLOCKS, phaseOf, type UpdateState } from "./state";
import { blockTopic, imageName, offerTopic, tableTopic } from "./topics";

/** Sessions in a row in which nothing comes of what the broker is to keep. */
const MOST_MISSED = 3;
/** Refused announcements that are noted in a session: each is a write to flash, which whoever holds the broker can cause. */
const MOST_REFUSALS = 8;
/** Also after power was lost, or there was no network, an update gets no more trials than these. */
export const MOST_TRIALS = 3;
/** What has happened to a node, and not to an image: that may be tried again. */
const EXCUSES: readonly (Refusal | undefined)[] = ["power", "health"];

export interface ReceiverOptions {
  journal: Journal;
  storage: FlashStorage;
  crypto: Crypto;
  settings: UpdateSettings;
  build: string;
  device: string;
  log: (line: string) => void;
}

/** Takes an update from offers and blocks in any order: what is written was checked, and what is there is not asked for. */
export class Receiver {
  readonly #options: ReceiverOptions;
  readonly #state: UpdateState;
  /** The block table, once it is whole. */
  #table: Uint8Array | undefined;
  #tableParts = 0;
  #slot: Flash | undefined;
  #refusals = 0;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#state = options.journal.state;
  }

  /** A session begins. */
  begin(): void {
    this.#refusals = 0;
  }

  /** Lets flash go, and the table. */
  close(): void {
    this.#slot?.close();
    this.#slot = undefined;
    this.#table = undefined;
    this.#tableParts = 0;
  }

  /** What stands on the class's topic. Never throws: what is refused is counted, and the node goes on as it was. */
  offer(message: Uint8Array): void {
    const state = this.#state;
    const phase = phaseOf(state);
    if (phase === "pending" || phase === "trial" || state.refusedOffer === crc32(message)) return;
    if (this.#refusals >= MOST_REFUSALS) return;
    try {
      const announcement = readAnnouncement(message);
      if (!announcement) this.#withdraw();
      else if (state.offer === crc32(announcement.offer) && phase !== "idle") this.#again(announcement);
      else this.#take(announcement);
    } catch (error) {
      state.refusedOffer = crc32(message);
      this.#refusals++;
      this.#count(error);
    }
  }

  /** Topics of up to `most` things that are missing. */
  wanted(most: number): string[] {
    const state = this.#state;
    if (!this.#isFetching) return [];
    const image = imageName(state);
    if (!this.#loadTable()) return parts(state).map((part) => tableTopic(image, part));
    const topics: string[] = [];
    const count = blockCount(state);
    for (let index = 0; index < count && topics.length < most; index++)
      if (!hasBlock(state, index)) topics.push(blockTopic(image, index));
    // The power went between the last block and what comes then.
    if (!topics.length) this.#verifyOrRefuse();
    return topics;
  }

  /** Something that was wanted. Never throws. */
  take(topic: string, bytes: Uint8Array): void {
    const name = this.#nameIn(topic);
    if (name === undefined) return;
    try {
      if (isTombstone(bytes) && this.#state.byteLength % BLOCK_BYTES !== bytes.length)
        throw new RefusedUpdate("vanished");
      if (name[0] === "t") this.#takeTable(Number(name.slice(1)), bytes);
      else this.#takeBlock(Number(name), bytes);
    } catch (error) {
      this.refuse(error);
    }
  }

  /** A message that nobody may send: it is not read at all. Of one length it is counted once. */
  refuseLength(topic: string, byteLength: number): void {
    const state = this.#state;
    const error = new RefusedUpdate("oversize", `a message of ${byteLength} bytes`);
    if (this.#nameIn(topic) !== undefined) this.refuse(error);
    else if (topic === offerTopic(this.#options.settings.deviceClass)) {
      if (state.refusedOffer === byteLength || this.#refusals >= MOST_REFUSALS) return;
      this.#refusals++;
      state.refusedOffer = byteLength;
      this.#count(error);
    }
  }

  /** What was asked for has not come, and the connection is there. */
  miss(): void {
    const { journal } = this.#options;
    const state = this.#state;
    if (!this.#isFetching) return;
    state.missed++;
    if (state.missed >= MOST_MISSED) this.refuse(new RefusedUpdate("vanished"));
    else this.#safely(() => journal.save());
  }

  /** Ends what is under way. The same offer, when it comes again, finds what is there already. */
  refuse(error: unknown): void {
    const reason = reasonOf(error);
    this.close();
    this.#state.missed = 0;
    // Of a slot that does not have what its blocks had, nothing is sure.
    if (reason === "digest") this.#state.have.fill(0);
    enter(this.#state, "refused", refusalCode(reason));
    this.#count(error);
  }

  // ---- Offers ----

  #take(announcement: Announcement): void {
    const { settings, crypto, device, journal } = this.#options;
    const state = this.#state;
    const manifest = readOffer(announcement.offer, settings.keys, crypto);
    checkOffer(manifest, this.#identity());
    if (!isInStage(manifest, announcement, device, crypto)) return;
    this.#checkRoom(manifest);
    if (this.#isFetching || phaseOf(state) === "verified") this.#note(refusalCode("replaced"));
    this.close();
    begin(state, manifest, crc32(announcement.offer));
    this.#options.log(`an update is offered: ${manifest.kind} ${manifest.version}`);
    this.#acceptInline(announcement.table);
    journal.save();
    this.#verifyOrRefuse();
  }

  /** The same once more: a session may have been lost, or the power, or what was withdrawn is offered again. */
  #again({ table }: Announcement): void {
    const { journal } = this.#options;
    const state = this.#state;
    const phase = phaseOf(state);
    const mayTryAgain = EXCUSES.includes(refusalOf(state.reason)) && state.trials < MOST_TRIALS;
    if (phase === "refused" || (phase === "reverted" && mayTryAgain)) {
      enter(state, state.hasTable ? "receiving" : "offered");
      this.#acceptInline(table);
      journal.save();
      this.#verifyOrRefuse();
    } else if (this.#isFetching && table.length) {
      this.#acceptInline(table);
      journal.save();
    }
  }

  #withdraw(): void {
    if (this.#isFetching || phaseOf(this.#state) === "verified") this.refuse(new RefusedUpdate("withdrawn"));
  }

  #identity(): Identity {
    const { settings, build } = this.#options;
    const { floorNative, floorApp, floorConfig, floorEpoch } = this.#state;
    return {
      ...settings,
      floors: { native: floorNative, app: floorApp, config: floorConfig },
      epoch: floorEpoch,
      build,
    };
  }

  /** @throws RefusedUpdate `full` when the image is too large for its slot. */
  #checkRoom({ kind, byteLength }: UpdateManifest): void {
    const { storage } = this.#options;
    const { path } = slotOf(kind, this.#state.appSlot);
    const { size, blockLength } = withFlash(storage, path, (flash) => flash.status());
    const room = kind === "config" ? SECTOR_BYTES : Math.min(size, MAX_BLOCKS * BLOCK_BYTES);
    if (blockLength !== SECTOR_BYTES || byteLength > room)
      throw new RefusedUpdate("full", `${byteLength} bytes of ${kind}`);
  }

  // ---- Table and blocks ----

  get #isFetching(): boolean {
    const phase = phaseOf(this.#state);
    return phase === "offered" || phase === "receiving";
  }

  /** What a topic says behind the name of the image that is fetched; undefined for other topics. */
  #nameIn(topic: string): string | undefined {
    const prefix = blockTopic(imageName(this.#state), 0).slice(0, -1);
    return this.#isFetching && topic.startsWith(prefix) ? topic.slice(prefix.length) : undefined;
  }

  #takeTable(part: number, bytes: Uint8Array): void {
    const state = this.#state;
    const length = tableLength(state);
    if (state.hasTable || !parts(state).includes(part)) return;
    const at = part * BLOCK_BYTES;
    if (bytes.length !== Math.min(BLOCK_BYTES, length - at)) throw new RefusedUpdate("table");
    this.#table ??= new Uint8Array(length);
    this.#table.set(bytes, at);
    this.#tableParts |= 1 << part;
    if (this.#tableParts !== (1 << parts(state).length) - 1) return;
    this.#acceptTable(this.#table);
    this.#options.journal.save();
  }

  /** The table that came with the offer: it stands nowhere else. @throws as `#acceptTable`, and nothing is fetched then. */
  #acceptInline(table: Uint8Array): void {
    const state = this.#state;
    if (!table.length || state.hasTable) return;
    try {
      this.#acceptTable(table);
    } catch (error) {
      enter(state, "refused", refusalCode(reasonOf(error)));
      throw error;
    }
  }

  /** @throws RefusedUpdate `table`, `truncated` or `worn`. */
  #acceptTable(table: Uint8Array): void {
    const { crypto, storage } = this.#options;
    const state = this.#state;
    checkTable(state, table, crypto);
    withFlash(storage, UPDATE, (flash) => {
      for (const part of parts(state)) {
        const bytes = table.subarray(part * BLOCK_BYTES, (part + 1) * BLOCK_BYTES);
        if (!writeBlock(flash, TABLE_BLOCK + part, bytes)) throw new RefusedUpdate("worn");
      }
    });
    this.#table = table.slice();
    state.hasTable = 1;
    enter(state, "receiving");
  }

  /** False when it is to be fetched; one in flash that has changed as well. */
  #loadTable(): boolean {
    const { storage, crypto } = this.#options;
    const state = this.#state;
    if (!state.hasTable) return false;
    if (this.#table) return true;
    try {
      const table = new Uint8Array(tableLength(state));
      withFlash(storage, UPDATE, (flash) => flash.read(table, TABLE_BLOCK * SECTOR_BYTES));
      checkTable(state, table, crypto);
      this.#table = table;
    } catch {
      state.hasTable = 0;
    }
    return state.hasTable !== 0;
  }

  #takeBlock(index: number, bytes: Uint8Array): void {
    const { crypto, journal, storage } = this.#options;
    const state = this.#state;
    if (!this.#loadTable() || hasBlock(state, index)) return;
    checkBlock(state, this.#table!, index, bytes, crypto);
    const { path, offset } = slotOf(kindOf(state.kind), state.appSlot);
    this.#slot ??= storage.open({ path, mode: "r+" });
    if (!writeBlock(this.#slot, offset / SECTOR_BYTES + index, bytes)) throw new RefusedUpdate("worn");
    state.missed = 0;
    journal.addBlock(index);
    this.#verifyIfWhole();
  }

  #verifyOrRefuse(): void {
    try {
      this.#verifyIfWhole();
    } catch (error) {
      this.refuse(error);
    }
  }

  /** @throws RefusedUpdate `digest`. */
  #verifyIfWhole(): void {
    const { crypto, storage, journal } = this.#options;
    const state = this.#state;
    if (!state.hasTable) return;
    const count = blockCount(state);
    for (let index = 0; index < count; index++) if (!hasBlock(state, index)) return;
    this.close();
    if (!hasImage(state, storage, crypto)) throw new RefusedUpdate("digest");
    enter(state, "verified");
    journal.save();
  }

  // ---- Counting ----

  #count(error: unknown): void {
    const reason = reasonOf(error);
    this.#options.log(`an update is refused (${error instanceof RefusedUpdate ? error.message : error})`);
    this.#note(refusalCode(reason));
    this.#safely(() => this.#options.journal.save());
  }

  #note(code: number): void {
    this.#state.refused++;
    this.#state.lastRefusal = code;
  }

  #safely(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#options.log(String(error));
    }
  }
}

/** Of what flash or its driver throws, the node can say no more than that it does not take a write. */
function reasonOf(error: unknown): Refusal {
  return error instanceof RefusedUpdate ? error.reason : "worn";
}

function begin(state: UpdateState, manifest: UpdateManifest, offer: number): void {
  const { kind, version, epoch, byteLength, healthMs, base, digest, tableDigest } = manifest;
  // The blocks of an image that was left half way are still there.
  if (!equalBytes(state.digest, digest)) state.have.fill(0);
  if (!equalBytes(state.tableDigest, tableDigest)) state.hasTable = 0;
  Object.assign(state, { version, epoch, byteLength, healthMs, offer, missed: 0, trials: 0 });
  state.kind = kindNumber(kind);
  state.base = base ? baseOf(base.build, base.engine) : 0;
  state.digest = digest.slice();
  state.tableDigest = tableDigest.slice();
  enter(state, state.hasTable ? "receiving" : "offered");
}

/** One number for what an app is made for. */
export function baseOf(build: string, engine: string): number {
  const text = `${build} ${engine}`;
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < bytes.length; index++) bytes[index] = text.charCodeAt(index);
  return crc32(bytes);
}

/** It takes the place of what is not to be fetched any more: an empty message would hold up the SDK's client for ever. */
function isTombstone(bytes: Uint8Array): boolean {
  return bytes.length === 1 && bytes[0] === 0;
}

function tableLength({ byteLength }: UpdateState): number {
  return Math.ceil(byteLength / BLOCK_BYTES) * ENTRY_BYTES;
}

function parts(state: UpdateState): number[] {
  return Array.from({ length: Math.ceil(tableLength(state) / BLOCK_BYTES) }, (_, part) => part);
}
