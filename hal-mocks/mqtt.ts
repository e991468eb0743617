import type { Packet } from "mqtt-packet";
import type {
  ByteBuffer,
  MqttClient,
  MqttConstructor,
  MqttMessage,
  MqttOptions,
  MqttReadableOptions,
  MqttWriteOptions,
  Timer,
} from "../src/hal";
import { ask, RESOLUTION } from "./ask";
import type { VirtualClock } from "./clock";
import type { LinkEvent, LinkModel } from "./link";
import { createDecoder, encode, payloadOf, utf8Length } from "./mqtt-packets";
import type { Stream, StreamConstructor } from "./stream";

/** lwIP's send buffer on most ESP32 targets of the SDK: four segments. */
const SEND_BUFFER_BYTES = 5744;
/** A message comes in fragments of at most one TCP segment. */
const SEGMENT_BYTES = 1436;
/** The SDK's client keeps these back when it says how much can be written. */
const OVERHEAD_BYTES = 8;
const DEFAULT_PORT = 1883;
/** Turns of the event loop and of lwIP's task until a closed socket has let go of its connection; an estimate. */
const SOCKET_CLOSE_MS = 10;

const CONNECT = 1;
const CONNACK = 2;
const PUBLISH = 3;
const PUBACK = 4;
const PUBREC = 5;
const PUBREL = 6;
const PUBCOMP = 7;
const SUBSCRIBE = 8;
const SUBACK = 9;
const UNSUBSCRIBE = 10;
const UNSUBACK = 11;
const PINGREQ = 12;
const PINGRESP = 13;
const DISCONNECT = 14;

export interface MqttSetup {
  clock: VirtualClock;
  link: LinkModel;
  /** What TLS adds to each connection: a handshake in full, or one that resumes a session. Default: there is no TLS. */
  tls?: "handshake" | "resume" | undefined;
}

/** With the constants of all fourteen operations, which firmware need not know. */
export type MockMqttConstructor = MqttConstructor & Omit<typeof Client, "prototype">;

type State = "connecting" | "login" | "connected" | "publishing" | "closed";
type Inbound = Extract<Packet, { cmd: "publish" }>;
type Outbound = { operation: typeof PUBACK; id: number } | { operation: typeof PINGREQ };

/** A message that firmware has begun to write. */
interface Draft {
  packet: Omit<Inbound, "payload">;
  payload: Uint8Array;
  filled: number;
}

/** The client's copy of what it was constructed with. */
interface Settings {
  host: string;
  port: number;
  id: string;
  /** Seconds, as CONNECT carries it. */
  keepalive: number;
  /** Encoded at once: what no packet can carry is refused before anything opens. */
  connect: Uint8Array;
  socket: StreamConstructor;
}

/**
 * The class behind `embedded:network/mqtt/client`, as one terminal sees it through its link.
 *
 * It behaves as the SDK's client does (8.2): that never calls `onClose`; acknowledges inbound QoS 1 before it
 * delivers; parses nothing behind a message that firmware has not read; and parses nothing any more behind a
 * message with an empty payload, which it never delivers. QoS 2 is not here.
 *
 * What real peers answer comes back in virtual time: a round trip after the question, during which the clock
 * waits for the real answer.
 */
export function createMqtt({ clock, link, tls }: MqttSetup): MockMqttConstructor {
  return class extends Client {
    constructor(options: MqttOptions) {
      super(clock, link, options, tls);
    }
  };
}

class Client implements MqttClient {
  static readonly CONNECT = CONNECT;
  static readonly CONNACK = CONNACK;
  static readonly PUBLISH = PUBLISH;
  static readonly PUBACK = PUBACK;
  static readonly PUBREC = PUBREC;
  static readonly PUBREL = PUBREL;
  static readonly PUBCOMP = PUBCOMP;
  static readonly SUBSCRIBE = SUBSCRIBE;
  static readonly SUBACK = SUBACK;
  static readonly UNSUBSCRIBE = UNSUBSCRIBE;
  static readonly UNSUBACK = UNSUBACK;
  static readonly PINGREQ = PINGREQ;
  static readonly PINGRESP = PINGRESP;
  static readonly DISCONNECT = DISCONNECT;

  readonly #clock: VirtualClock;
  readonly #link: LinkModel;
  readonly #settings: Settings;
  readonly #tls: MqttSetup["tls"];
  readonly #onControl: MqttOptions["onControl"];
  readonly #onReadable: MqttOptions["onReadable"];
  readonly #onWritable: MqttOptions["onWritable"];
  readonly #onError: MqttOptions["onError"];
  readonly #unsubscribe: () => void;
  readonly #waits: Waits;
  readonly #endResolution: () => void;
  #state: State = "connecting";
  #stream: Stream | undefined;
  #endIo: (() => void) | undefined;
  /** As the terminal sees it: the stream may have ended already, in real time. */
  #hasSocket = false;
  #disconnecting = false;
  /** How often the link took everything under way with it. */
  #losses = 0;

  #writable = SEND_BUFFER_BYTES;
  /** The bytes written at the present instant: one acknowledgement of TCP frees them. */
  #unacknowledged: { at: number; bytes: number } | undefined;
  #draft: Draft | undefined;
  #nextId = 1;
  readonly #pending: Outbound[] = [];
  #flushTimer: Timer | undefined;

  /** What has come over the link and is not handed over yet. */
  readonly #inbox: (Packet | Fault)[] = [];
  #arrived = 0;
  #message: { packet: Inbound; payload: Uint8Array; offset: number } | undefined;
  #unread: Uint8Array | undefined;
  #delivering = false;
  #deliverTimer: Timer | undefined;
  #stalled = false;

  #keepaliveTimer: Timer | undefined;
  #pingSent = 0;
  #pingAnswered = 0;

  constructor(clock: VirtualClock, link: LinkModel, options: MqttOptions, tls: MqttSetup["tls"]) {
    this.#settings = checkOptions(options);
    this.#tls = tls;
    this.#clock = clock;
    this.#link = link;
    this.#onControl = options.onControl;
    this.#onReadable = options.onReadable;
    this.#onWritable = options.onWritable;
    this.#onError = options.onError;
    this.#waits = new Waits(clock, this.#settings.id);
    this.#unsubscribe = link.subscribe((event) => this.#onLink(event));
    this.#endResolution = this.#resolve();
  }

  read(count?: number): ArrayBuffer | undefined;
  read(buffer: ByteBuffer): number | undefined;
  read(target?: number | ByteBuffer): ArrayBuffer | number | undefined {
    this.#checkNotClosed();
    const unread = this.#unread;
    if (!unread) return undefined;
    const length = Math.min(lengthOf(target, unread.length), unread.length);
    const part = unread.subarray(0, length);
    this.#unread = length < unread.length ? unread.subarray(length) : undefined;
    if (!this.#unread && !this.#delivering) {
      this.#deliverTimer ??= this.#later(() => {
        this.#deliverTimer = undefined;
        this.#deliver();
      }, 0);
    }
    if (target === undefined || typeof target === "number") return part.slice().buffer;
    bytesOf(target).set(part);
    return length;
  }

  write(data: ByteBuffer | null, options?: MqttWriteOptions): number {
    this.#checkNotClosed();
    if (this.#state === "publishing") this.#writeRest(data, options);
    else if (this.#state !== "connected") throw new Error("mqtt: not connected");
    else this.#writeOperation(data, options ?? {});
    return this.#writableCount;
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#unsubscribe();
    this.#endResolution();
    this.#clock.clear(this.#keepaliveTimer);
    if (this.#hasSocket) this.#clock.set(this.#link.beginClose(), SOCKET_CLOSE_MS);
    if (this.#disconnecting && this.#stream) {
      // The broker shall have seen the DISCONNECT before virtual time goes on; it answers by closing.
      this.#waits.keepOnly("DISCONNECT");
      return;
    }
    this.#abandonStream();
  }

  // ---- Writing ----

  get #writableCount(): number {
    return Math.max(this.#writable - OVERHEAD_BYTES, 0);
  }

  #writeOperation(data: ByteBuffer | null, options: MqttWriteOptions): void {
    const { operation = PUBLISH, items = [] } = options;
    const id = options.id ?? this.#takeId();
    switch (operation) {
      case PUBLISH:
        this.#publish(data, options, id);
        return;
      case SUBSCRIBE: {
        const subscriptions = items.map(({ topic, QoS = 0 }) => ({ topic, qos: checkQoS(QoS) }));
        this.#ask(SUBSCRIBE, id, { cmd: "subscribe", messageId: id, subscriptions });
        return;
      }
      case UNSUBSCRIBE: {
        const unsubscriptions = items.map(({ topic }) => topic);
        this.#ask(UNSUBSCRIBE, id, { cmd: "unsubscribe", messageId: id, unsubscriptions });
        return;
      }
      case PUBACK:
        this.#send(encode({ cmd: "puback", messageId: id }));
        return;
      case PINGREQ:
        this.#ping();
        return;
      case DISCONNECT:
        this.#disconnect();
        return;
      default:
        throw new Error(`mqtt: operation ${operation} cannot be written`);
    }
  }

  #takeId(): number {
    this.#nextId = (this.#nextId % 65_535) + 1;
    return this.#nextId;
  }

  #publish(data: ByteBuffer | null, options: MqttWriteOptions, id: number): void {
    const { topic, retain = false, duplicate = false } = options;
    if (!topic || !data) throw new TypeError("mqtt: PUBLISH needs a topic and data");
    const qos = checkQoS(options.QoS ?? 0);
    const bytes = bytesOf(data);
    const { byteLength = bytes.length } = options;
    if (bytes.length > byteLength) throw new Error("mqtt: more data than byteLength");
    const header = headerLength(topic, byteLength, qos);
    this.#checkFits(header + bytes.length);
    const messageId = qos ? id : undefined;
    const packet = { cmd: "publish", topic, qos, retain, dup: duplicate, messageId } as const;
    const draft = { packet, payload: new Uint8Array(byteLength), filled: 0 };
    this.#draft = draft;
    this.#spend(header);
    this.#fill(draft, bytes);
  }

  #writeRest(data: ByteBuffer | null, options: MqttWriteOptions | undefined): void {
    const draft = this.#draft!;
    const bytes = bytesOf(data);
    if (options || bytes.length > draft.payload.length - draft.filled) {
      throw new Error("mqtt: expected the rest of a message, without options");
    }
    this.#checkFits(bytes.length);
    this.#fill(draft, bytes);
  }

  #fill(draft: Draft, bytes: Uint8Array): void {
    draft.payload.set(bytes, draft.filled);
    draft.filled += bytes.length;
    this.#spend(bytes.length);
    this.#state = draft.filled < draft.payload.length ? "publishing" : "connected";
    if (this.#state === "publishing") return;
    this.#draft = undefined;
    const { messageId } = draft.packet;
    if (messageId !== undefined) this.#await(`PUBLISH ${messageId}`);
    this.#transmit(encode({ ...draft.packet, payload: payloadOf(draft.payload) }));
  }

  #ask(operation: typeof SUBSCRIBE | typeof UNSUBSCRIBE, id: number, packet: Packet): void {
    const bytes = encode(packet);
    this.#checkFits(bytes.length);
    this.#await(`${operation === SUBSCRIBE ? "SUBSCRIBE" : "UNSUBSCRIBE"} ${id}`);
    this.#send(bytes);
  }

  #ping(): void {
    const bytes = encode({ cmd: "pingreq" });
    this.#checkFits(bytes.length);
    this.#pingSent = this.#clock.now;
    this.#await("PINGREQ");
    this.#send(bytes);
  }

  #disconnect(): void {
    const bytes = encode({ cmd: "disconnect" });
    this.#checkFits(bytes.length);
    this.#disconnecting = true;
    this.#await("DISCONNECT");
    this.#send(bytes);
  }

  #checkFits(length: number): void {
    if (length > this.#writable) throw new Error("overflow");
  }

  #send(bytes: Uint8Array): void {
    this.#checkFits(bytes.length);
    this.#spend(bytes.length);
    this.#transmit(bytes);
  }

  /** A link that is down takes bytes until the send buffer is full, as TCP does. */
  #transmit(bytes: Uint8Array): void {
    this.#link.probe?.transmitted(bytes.length);
    this.#stream?.write(bytes);
  }

  #await(answerTo: string): void {
    if (this.#stream && !this.#stream.isSilent) this.#waits.begin(answerTo, this.#stream);
  }

  #spend(bytes: number): void {
    this.#writable -= bytes;
    if (!this.#stream) return;
    const { now } = this.#clock;
    if (this.#unacknowledged?.at === now) {
      this.#unacknowledged.bytes += bytes;
      return;
    }
    const batch = { at: now, bytes };
    this.#unacknowledged = batch;
    this.#exchange((ms) => {
      this.#overStream(() => {
        this.#writable += batch.bytes;
        this.#flush();
      }, ms);
    });
  }

  /** What the client itself has to send, then firmware's turn. */
  #flush(): void {
    if (this.#state === "connected") {
      while (this.#pending.length && this.#writable >= 4) this.#writeOperation(null, this.#pending.shift()!);
    }
    const ready = this.#state === "connected" || this.#state === "publishing";
    if (ready && this.#writableCount) this.#onWritable?.call(this, this.#writableCount);
  }

  #queue(packet: Outbound): void {
    this.#pending.push(packet);
    this.#flushTimer ??= this.#later(() => {
      this.#flushTimer = undefined;
      this.#flush();
    }, 0);
  }

  // ---- The connection ----

  /** Returns the function that gives it up. */
  #resolve(): () => void {
    const link = this.#link;
    if (!link.isUp) {
      this.#later(() => this.#openSocket(), link.latencyMs("resolve"));
      return () => {};
    }
    return ask(this.#clock, link, RESOLUTION, (ms) => {
      if (ms === undefined && link.isUp) this.#fail("nobody knows the broker's address");
      else this.#openSocket();
    });
  }

  #openSocket(): void {
    const { ms, isLost } = this.#link.exchange("tcpConnect");
    this.#later(() => (isLost ? this.#fail("no answer of the broker's host") : this.#secure()), ms);
  }

  #secure(): void {
    if (!this.#tls) {
      this.#connect();
      return;
    }
    const { ms, isLost } = this.#link.exchange(this.#tls);
    this.#later(() => (isLost ? this.#fail("the TLS handshake is lost") : this.#connect()), ms);
  }

  #connect(): void {
    if (!this.#link.isUp) {
      this.#later(() => this.#fail("no route to the broker"), this.#link.latencyMs("noRoute"));
      return;
    }
    const { host, port, socket: Socket, connect } = this.#settings;
    const decode = createDecoder(
      (packet) => this.#arrive(packet, "roundTrip"),
      (error) => this.#arrive(new Fault(error), "roundTrip"),
    );
    let begun = false;
    try {
      const stream = new Socket({
        address: host,
        host,
        port,
        onReadable: () => decode(new Uint8Array(stream.read()!)),
        onWritable: () => {
          if (begun || this.#stream !== stream) return;
          begun = true;
          this.#login(connect);
        },
        onError: (error) => this.#streamFailed(stream, error, begun),
      });
      this.#stream = stream;
      this.#endIo = this.#clock.beginIo();
      this.#await("CONNECT");
    } catch (error) {
      this.#arrive(new Fault(error), "refused");
    }
  }

  #login(connect: Uint8Array): void {
    this.#state = "login";
    this.#hasSocket = true;
    this.#transmit(connect);
    const { keepalive } = this.#settings;
    if (!keepalive) return;
    this.#pingSent = this.#clock.now;
    this.#pingAnswered = this.#clock.now;
    this.#setKeepalive();
  }

  #streamFailed(stream: Stream, error: unknown, begun: boolean): void {
    if (this.#stream !== stream) return;
    if (this.#state !== "closed") this.#arrive(new Fault(error), begun ? "roundTrip" : "refused");
    this.#abandonStream();
  }

  #abandonStream(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    this.#waits.endAll();
    stream?.close();
    this.#endIo?.();
    this.#endIo = undefined;
  }

  #onLink(event: LinkEvent): void {
    if (event === "reset") {
      this.#vanish();
      return;
    }
    if (!this.#stream) return;
    this.#lose();
    this.#later(() => this.#fail("the connection is lost"), this.#link.latencyMs("lost"));
  }

  #lose(): void {
    this.#abandonStream();
    this.#losses++;
    this.#inbox.length = 0;
  }

  /** Over TCP, which sends again what is lost, and in the end gives up. */
  #exchange(onArrive: (ms: number) => void): void {
    const { ms, isLost } = this.#link.exchange("roundTrip");
    if (!isLost) {
      onArrive(ms);
      return;
    }
    this.#overStream(() => {
      this.#lose();
      this.#fail("the connection is lost");
    }, this.#inOrder(ms));
  }

  /** The terminal's RAM is gone, and this object with it. */
  #vanish(): void {
    this.#disconnecting = false;
    this.close();
  }

  #fail(reason: unknown): void {
    this.#hasSocket = false;
    this.#onError?.call(this, reason);
    this.close();
  }

  // ---- What comes in ----

  /** From real time to virtual time. What has come stays in order, however long each took. */
  #arrive(what: Packet | Fault, latency: "roundTrip" | "refused"): void {
    const answered = what instanceof Fault ? undefined : answerTo(what);
    if (this.#state !== "closed") {
      const receive = () => {
        this.#inbox.push(what);
        this.#deliver();
      };
      // A fault comes when the stream is gone already.
      if (what instanceof Fault) this.#later(receive, this.#inOrder(this.#link.latencyMs(latency)));
      else this.#exchange((ms) => this.#overStream(receive, this.#inOrder(ms)));
    }
    if (answered) this.#waits.end(answered);
  }

  /** Nothing comes before what was sent earlier. */
  #inOrder(ms: number): number {
    const { now } = this.#clock;
    this.#arrived = Math.max(this.#arrived, now + ms);
    return this.#arrived - now;
  }

  #deliver(): void {
    if (this.#delivering || this.#stalled) return;
    this.#delivering = true;
    try {
      while (this.#state !== "closed" && !this.#unread && !this.#stalled) {
        if (this.#message) this.#deliverFragment(this.#message);
        else if (this.#inbox.length) this.#deliverPacket(this.#inbox.shift()!);
        else break;
      }
    } finally {
      this.#delivering = false;
    }
    if (this.#stalled || this.#unread) this.#surfaceFault();
  }

  #deliverPacket(packet: Packet | Fault): void {
    if (packet instanceof Fault) {
      this.#fail(packet.reason);
      return;
    }
    if (packet.cmd === "publish") {
      // A copy, because the package's own Buffer does not slice as a Uint8Array does.
      const payload = new Uint8Array(packet.payload as Uint8Array);
      if (payload.length) this.#message = { packet, payload, offset: 0 };
      else this.#stalled = true;
      return;
    }
    this.#control(packet);
  }

  /** A lost connection is no byte in the stream: it does not wait behind what is unread. */
  #surfaceFault(): void {
    const fault = this.#inbox.find((item): item is Fault => item instanceof Fault);
    if (fault) this.#fail(fault.reason);
  }

  #deliverFragment(message: { packet: Inbound; payload: Uint8Array; offset: number }): void {
    const { packet, payload, offset } = message;
    const room = SEGMENT_BYTES - (offset ? 0 : headerLength(packet.topic, payload.length, packet.qos));
    const end = Math.min(offset + Math.max(room, 1), payload.length);
    const more = end < payload.length;
    const options: MqttReadableOptions = { more };
    if (!offset) {
      options.topic = packet.topic;
      options.byteLength = payload.length;
      options.QoS = packet.qos;
    }
    message.offset = end;
    this.#unread = payload.subarray(offset, end);
    if (!more) {
      this.#message = undefined;
      if (packet.qos) this.#queue({ operation: PUBACK, id: packet.messageId! });
    }
    this.#onReadable?.call(this, this.#unread.length, options);
  }

  #control(packet: Packet): void {
    const message = toMessage(packet);
    if (!message) return;
    const { operation } = message;
    if (operation === PINGRESP) this.#pingAnswered = this.#clock.now;
    if (operation === CONNACK) {
      if (message.returnCode) {
        this.#fail(`the broker refused the connection with return code ${message.returnCode}`);
        return;
      }
      this.#state = "connected";
    }
    this.#onControl?.call(this, message);
    if (operation === CONNACK && this.#isOpen && this.#writableCount) {
      this.#onWritable?.call(this, this.#writableCount);
    }
  }

  // ---- Time ----

  #setKeepalive(): void {
    this.#keepaliveTimer = this.#later(() => this.#keepalive(), this.#settings.keepalive * 250);
  }

  /** Four times an interval, as the SDK's client: a ping after three quarters, an error after one and a half. */
  #keepalive(): void {
    const { now } = this.#clock;
    const interval = this.#settings.keepalive * 1000;
    const unsent = this.#pending.some(({ operation }) => operation === PINGREQ);
    const due = now - this.#pingSent >= interval * 0.75 - 500;
    if (now - this.#pingAnswered >= interval * 1.5 || (due && unsent)) {
      this.#fail("no answer within the keepalive time");
      return;
    }
    if (due) this.#queue({ operation: PINGREQ });
    this.#setKeepalive();
  }

  /** Calls back while this client is open. */
  #later(callback: () => void, ms: number): Timer {
    return this.#clock.set(() => {
      if (this.#isOpen) callback();
    }, ms);
  }

  /** Calls back if the connection is still the same by then: what was under way is lost with it. */
  #overStream(callback: () => void, ms: number): void {
    const losses = this.#losses;
    this.#later(() => {
      if (this.#losses === losses) callback();
    }, ms);
  }

  get #isOpen(): boolean {
    return this.#state !== "closed";
  }

  #checkNotClosed(): void {
    if (this.#state === "closed") throw new Error("mqtt: the client is closed");
  }
}

/** The connection is finished, or what came over it cannot be read. */
class Fault {
  readonly reason: unknown;

  constructor(reason: unknown) {
    this.reason = reason;
  }
}

/** The answers of the real peer that virtual time waits for. */
class Waits {
  readonly #clock: VirtualClock;
  readonly #id: string;
  readonly #open: { what: string; stream: Stream; release: () => void }[] = [];

  constructor(clock: VirtualClock, id: string) {
    this.#clock = clock;
    this.#id = id;
  }

  begin(what: string, stream: Stream): void {
    const release = this.#clock.hold(`the answer to ${what} of ${this.#id || "an MQTT client"}`);
    this.#open.push({ what, stream, release });
    stream.expect?.(true);
  }

  end(what: string): void {
    const index = this.#open.findIndex((wait) => wait.what === what);
    if (index < 0) return;
    const [{ stream, release }] = this.#open.splice(index, 1);
    if (!this.#open.length) stream.expect?.(false);
    release();
  }

  keepOnly(what: string): void {
    for (const wait of [...this.#open]) if (wait.what !== what) this.end(wait.what);
  }

  endAll(): void {
    for (const { what } of [...this.#open]) this.end(what);
  }
}

function checkOptions(options: MqttOptions): Settings {
  const { host, port = DEFAULT_PORT, id = "", keepalive = 0, socket } = options;
  if (typeof host !== "string" || !host) throw new Error("mqtt: host required");
  if (!(Number.isInteger(port) && port > 0 && port <= 65_535)) throw new RangeError(`mqtt: port is ${port}`);
  if (!(keepalive >= 0 && keepalive <= 65_535_000)) throw new RangeError(`mqtt: keepalive is ${keepalive}`);
  if (!options.dns) throw new TypeError("mqtt: dns required");
  if (typeof socket?.io !== "function") throw new TypeError("mqtt: socket.io required");
  const { onControl, onReadable, onWritable, onClose, onError } = options;
  for (const callback of [onControl, onReadable, onWritable, onClose, onError]) {
    if (callback !== undefined && typeof callback !== "function") {
      throw new TypeError("mqtt: a callback is not a function");
    }
  }
  const seconds = Math.ceil(keepalive / 1000);
  return {
    host,
    port,
    id,
    keepalive: seconds,
    connect: encode(connectPacket(options, id, seconds)),
    socket: socket.io as StreamConstructor,
  };
}

function connectPacket(options: MqttOptions, clientId: string, keepalive: number): Packet {
  const { clean = true, user, password, will } = options;
  const packet = {
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 4,
    clientId,
    clean,
    keepalive,
    ...(user && { username: user }),
    ...(password && { password }),
    ...(will && { will: willOf(will) }),
  };
  return packet as unknown as Packet;
}

function willOf({ topic, message, QoS = 0, retain = false }: NonNullable<MqttOptions["will"]>) {
  if (!topic) throw new TypeError("mqtt: will.topic required");
  const payload = typeof message === "string" ? message : new Uint8Array(message.slice(0));
  return { topic, payload, qos: checkQoS(QoS), retain };
}

function checkQoS(QoS: number): 0 | 1 {
  if (QoS !== 0 && QoS !== 1) throw new RangeError(`mqtt: QoS is ${QoS}; this mock knows 0 and 1`);
  return QoS;
}

function bytesOf(data: ByteBuffer | null): Uint8Array {
  if (!data) return new Uint8Array(0);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}

function lengthOf(target: number | ByteBuffer | undefined, all: number): number {
  if (target === undefined) return all;
  return typeof target === "number" ? target : target.byteLength;
}

/** The bytes of a PUBLISH before its payload. */
function headerLength(topic: string, byteLength: number, QoS: number): number {
  const variable = 2 + utf8Length(topic) + (QoS ? 2 : 0);
  let digits = 1;
  for (let rest = variable + byteLength; rest > 127; rest >>>= 7) digits++;
  return 1 + digits + variable;
}

function answerTo(packet: Packet): string | undefined {
  switch (packet.cmd) {
    case "connack":
      return "CONNECT";
    case "puback":
      return `PUBLISH ${packet.messageId}`;
    case "suback":
      return `SUBSCRIBE ${packet.messageId}`;
    case "unsuback":
      return `UNSUBSCRIBE ${packet.messageId}`;
    case "pingresp":
      return "PINGREQ";
    default:
      return undefined;
  }
}

function toMessage(packet: Packet): MqttMessage | undefined {
  switch (packet.cmd) {
    case "connack":
      return { operation: CONNACK, returnCode: packet.returnCode ?? 0 };
    case "puback":
      return { operation: PUBACK, id: packet.messageId };
    case "suback":
      return { operation: SUBACK, id: packet.messageId, payload: packet.granted as number[] };
    case "unsuback":
      return { operation: UNSUBACK, id: packet.messageId };
    case "pingresp":
      return { operation: PINGRESP };
    default:
      return undefined;
  }
}
