import type { Clock, Timer } from "../hal";
import { checkRequest, type ModbusRequest, type Verdict } from "./modbus";

/**
 * What has become of a request without an answer. `exception`: the device refuses it. `bus`: the port or the
 * connection has failed. The rest is as in the quality codes.
 */
export type ModbusFault = "silent" | "partial" | "checksum" | "malformed" | "exception" | "bus";

/** A request of a device's driver, which may use it again once it is done. */
export interface ModbusTransaction extends ModbusRequest {
  /** The bus's own: how often it was sent. */
  attempts: number;
  /** Called once, never from inside `request`, unless the transaction is cancelled. null: `data` is what was read. */
  onDone(fault: ModbusFault | null): void;
}

export interface ModbusBusSettings {
  /** How long an answer may take, from the end of the request; 1 to 60000 ms. */
  timeoutMs?: number;
  /** How often a request without a good answer is repeated, 0 to 10. Default 1. An exception is an answer. */
  retries?: number;
}

/** What a bus has counted since it was made. */
export interface ModbusCounters {
  /** Requests sent, repeated ones too. */
  requests: number;
  answers: number;
  retries: number;
  silent: number;
  partial: number;
  checksum: number;
  malformed: number;
  exception: number;
  bus: number;
  /** Own requests heard again. */
  echoes: number;
  /** Bytes or frames that were no answer to what was asked: late ones, and those of others. */
  strays: number;
}

const MAX_TIMEOUT_MS = 60_000;
const MAX_RETRIES = 10;

/**
 * One line with one or more devices on it: requests queue, one is under way at a time. Several drivers may share it.
 *
 * After an answer that did not come in time, its unit is asked nothing for as long again (`restMs`), so that the answer,
 * should it come then, is not taken for that to another question. Others on the line are asked in the meantime.
 */
export abstract class ModbusBus {
  readonly counters: Readonly<ModbusCounters>;
  protected readonly count: ModbusCounters;
  protected readonly clock: Clock;
  readonly #onError: ((error?: unknown) => void) | undefined;
  readonly #timeoutMs: number;
  readonly #retries: number;
  readonly #queue: ModbusTransaction[] = [];
  /** When the units that rest may be asked again, in ticks. */
  readonly #resting = new Map<number, number>();
  /** For a request to be sent, or an answer to be late. */
  #timer: Timer | undefined;
  /** The request under way; cancelled, it is on the line still. */
  #current: ModbusTransaction | undefined;
  #isCancelled = false;
  /** Between an answer and what follows from it. */
  #outcome: ModbusFault | null | undefined;
  #isAsking = false;
  #isClosed = false;

  constructor(
    clock: Clock,
    { timeoutMs, retries = 1 }: ModbusBusSettings & { timeoutMs: number },
    onError?: (error?: unknown) => void,
  ) {
    checkInteger("timeoutMs", timeoutMs, 1, MAX_TIMEOUT_MS);
    checkInteger("retries", retries, 0, MAX_RETRIES);
    this.clock = clock;
    this.#onError = onError;
    this.#timeoutMs = timeoutMs;
    this.#retries = retries;
    this.count = {
      ...{ requests: 0, answers: 0, retries: 0, silent: 0, partial: 0, checksum: 0, malformed: 0 },
      ...{ exception: 0, bus: 0, echoes: 0, strays: 0 },
    };
    this.counters = this.count;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Asks after all that is queued.
   * @throws RangeError that names what is wrong with the request; Error when the bus is closed.
   */
  request(transaction: ModbusTransaction): void {
    checkRequest(transaction);
    if (this.#isClosed) throw new Error("modbus: the bus is closed");
    transaction.attempts = 0;
    this.#queue.push(transaction);
    if (!this.#current && this.#outcome === undefined) this.#wait(0);
  }

  /** Its `onDone` is not called any more. */
  cancel(transaction: ModbusTransaction): void {
    if (transaction === this.#current) this.#isCancelled = true;
    const index = this.#queue.indexOf(transaction);
    if (index >= 0) this.#queue.splice(index, 1);
  }

  /** Nothing is called any more. */
  close(): void {
    this.#isClosed = true;
    this.clock.clear(this.#timer);
    this.#timer = undefined;
    this.#queue.length = 0;
    this.#current = undefined;
    this.disconnect();
  }

  /** Sends the request. May throw: the bus has failed, then. */
  protected abstract transmit(request: ModbusRequest): void;
  /** Lets go of port or socket. */
  protected abstract disconnect(): void;
  /** Milliseconds between what comes and what is sent next. */
  protected abstract readonly gapMs: number;
  /** Milliseconds for which a unit that has not answered is left alone. */
  protected abstract readonly restMs: number;
  /** What was seen of an answer that has not come. */
  protected abstract seen(request: ModbusRequest): ModbusFault;
  /** Milliseconds in which the request is on the line. */
  protected abstract durationMs(request: ModbusRequest): number;

  /** The request that waits for its answer now. */
  protected get asking(): ModbusRequest | undefined {
    return this.#isAsking ? this.#current : undefined;
  }

  /** Bytes have come, and the transport has judged them. */
  protected judged(verdict: Verdict): void {
    if (!this.#isAsking) return;
    if (verdict === "answer") this.#settle(null);
    else if (verdict === "exception" || verdict === "malformed") this.#settle(verdict);
  }

  /** The connection is gone; the next request will make a new one. */
  protected lost(): void {
    if (this.#isAsking) this.#settle("bus");
  }

  /** The port has failed for good. */
  protected failed(error?: unknown): void {
    if (this.#isClosed) return;
    const waiting = this.#queue.slice();
    if (this.#current && !this.#isCancelled) waiting.unshift(this.#current);
    this.close();
    this.count.bus++;
    for (const transaction of waiting) transaction.onDone("bus");
    this.#onError?.(error);
  }

  #wait(ms: number): void {
    this.clock.clear(this.#timer);
    this.#timer = this.clock.set(() => this.#next(), ms);
  }

  /** Takes the first request whose unit does not rest. */
  #next(): void {
    this.clock.clear(this.#timer);
    this.#timer = undefined;
    const { ticks } = this.clock;
    let until = Number.POSITIVE_INFINITY;
    for (let index = 0; index < this.#queue.length; index++) {
      const resting = this.#resting.get(this.#queue[index].unit) ?? 0;
      if (resting <= ticks) {
        this.#resting.delete(this.#queue[index].unit);
        const [transaction] = this.#queue.splice(index, 1);
        this.#current = transaction;
        this.#isCancelled = false;
        this.#ask();
        return;
      }
      until = Math.min(until, resting);
    }
    if (this.#queue.length) this.#wait(until - ticks);
  }

  #ask(): void {
    const current = this.#current!;
    this.count.requests++;
    if (current.attempts++) this.count.retries++;
    this.#isAsking = true;
    const ms = this.durationMs(current) + this.#timeoutMs;
    this.#timer = this.clock.set(() => this.#onTimeout(), ms);
    try {
      this.transmit(current);
    } catch {
      if (this.#isAsking) this.#settle("bus");
    }
  }

  #onTimeout(): void {
    this.#timer = undefined;
    const current = this.#current!;
    this.#resting.set(current.unit, this.clock.ticks + this.restMs);
    this.#settle(this.seen(current));
  }

  /** The line has its pause, and the callback a stack of its own. */
  #settle(outcome: ModbusFault | null): void {
    this.#isAsking = false;
    this.#outcome = outcome;
    this.clock.clear(this.#timer);
    this.#timer = this.clock.set(() => this.#conclude(), this.gapMs);
  }

  #conclude(): void {
    this.#timer = undefined;
    const outcome = this.#outcome!;
    const current = this.#current!;
    this.count[outcome ?? "answers"]++;
    this.#current = undefined;
    this.#outcome = undefined;
    const isFinal = outcome === null || outcome === "exception" || current.attempts > this.#retries;
    if (isFinal) {
      if (outcome && outcome !== "exception") this.gaveUp();
      // What it asks now queues behind the others.
      if (!this.#isCancelled) current.onDone(outcome);
    } else if (!this.#isCancelled) this.#queue.unshift(current);
    if (!this.#isClosed && this.#queue.length) this.#next();
  }

  /** A request has had all its attempts. */
  protected gaveUp(): void {}
}

function checkInteger(name: string, value: number, low: number, high: number): void {
  if (Number.isInteger(value) && value >= low && value <= high) return;
  throw new RangeError(`modbus: ${name} is ${value}, expected an integer from ${low} to ${high}`);
}
