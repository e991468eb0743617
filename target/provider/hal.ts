import type {
  Boot,
  ByteBuffer,
  Clock,
  Crypto,
  Digital,
  DigitalOptions,
  Flash,
  FlashStatus,
  Hal,
  I2C,
  I2COptions,
  KeyValue,
  MqttClient,
  MqttConstructor,
  MqttOptions,
  MqttWriteOptions,
  NtpClient,
  NtpOptions,
  PulseCount,
  PulseCountOptions,
  ResetReason,
  Serial,
  SerialOptions,
  StorageFormat,
  Tcp,
  TcpOptions,
  Timer,
  UpdateSettings,
  WakeReason,
  WiFi,
  WiFiOptions,
} from "../../src/hal";
import { get, hostClass, invoke, Remote } from "./wire";

// The shapes of ECMA-419, each call of which the host's mocks answer.

class RemoteSerial extends Remote implements Serial {
  constructor(options: SerialOptions) {
    super("serial", options);
  }

  get format(): "number" | "buffer" {
    return this.get("format") as "number" | "buffer";
  }

  set format(value: "number" | "buffer") {
    this.set("format", value);
  }

  read(): number | ArrayBuffer | undefined;
  read(byteLength: number): ArrayBuffer | undefined;
  read(buffer: ByteBuffer): number | undefined;
  read(target?: number | ByteBuffer): number | ArrayBuffer | undefined {
    if (typeof target === "object") return this.readInto(target);
    return this.invoke("read", target) as number | ArrayBuffer | undefined;
  }

  write(value: number | ByteBuffer): void {
    this.invoke("write", value);
  }
}

class RemoteTcp extends Remote implements Tcp {
  constructor(options: TcpOptions) {
    super("tcp", options);
  }

  read(buffer: ByteBuffer): number | undefined {
    return this.readInto(buffer);
  }

  write(bytes: ByteBuffer): unknown {
    return this.invoke("write", bytes);
  }
}

class RemoteI2C extends Remote implements I2C {
  constructor(options: I2COptions) {
    super("i2c", options);
  }

  read(byteLength: number): ArrayBuffer;
  read(buffer: ByteBuffer): number;
  read(target: number | ByteBuffer): ArrayBuffer | number {
    if (typeof target === "object") return this.readInto(target) as number;
    return this.invoke("read", target) as ArrayBuffer;
  }

  write(buffer: ByteBuffer): void {
    this.invoke("write", buffer);
  }

  writeRead(written: ByteBuffer, byteLength: number): ArrayBuffer;
  writeRead(written: ByteBuffer, buffer: ByteBuffer): number;
  writeRead(written: ByteBuffer, target: number | ByteBuffer): ArrayBuffer | number {
    const byteLength = typeof target === "number" ? target : target.byteLength;
    const bytes = this.invoke("writeRead", written, byteLength) as ArrayBuffer;
    if (typeof target === "number") return bytes;
    (target instanceof ArrayBuffer ? new Uint8Array(target) : target).set(new Uint8Array(bytes));
    return byteLength;
  }
}

class RemotePulseCount extends Remote implements PulseCount {
  constructor(options: PulseCountOptions) {
    super("pulseCount", options);
  }

  read(): number {
    return this.invoke("read") as number;
  }

  write(count: number): void {
    this.invoke("write", count);
  }
}

class RemoteDigital extends Remote implements Digital {
  static readonly Input = "input";
  static readonly Output = "output";

  constructor(options: DigitalOptions) {
    super("digital", options);
  }

  read(): number {
    return this.invoke("read") as number;
  }

  write(value: number): void {
    this.invoke("write", value);
  }
}

class RemoteWiFi extends Remote implements WiFi {
  constructor(options: WiFiOptions) {
    super("wifi", options);
  }

  get connection(): number {
    return this.get("connection") as number;
  }

  get address(): string | undefined {
    return this.get("address") as string | undefined;
  }

  get channel(): number | undefined {
    return this.get("channel") as number | undefined;
  }

  get RSSI(): number | undefined {
    return this.get("RSSI") as number | undefined;
  }

  connect(options: Parameters<WiFi["connect"]>[0]): void {
    this.invoke("connect", options);
  }

  configure(options: Parameters<WiFi["configure"]>[0]): void {
    this.invoke("configure", options);
  }

  disconnect(): void {
    this.invoke("disconnect");
  }
}

class RemoteMqtt extends Remote implements MqttClient {
  constructor(options: MqttOptions) {
    super("mqtt", options);
  }

  read(count?: number): ArrayBuffer | undefined {
    return this.invoke("read", count) as ArrayBuffer | undefined;
  }

  write(data: ByteBuffer | null, options?: MqttWriteOptions): number {
    return this.invoke("write", data, options) as number;
  }
}

/** Operations are the numbers of MQTT 3.1.1's control packets (§2.2.1). */
const Mqtt: MqttConstructor = Object.assign(RemoteMqtt, {
  CONNACK: 2,
  PUBLISH: 3,
  PUBACK: 4,
  SUBSCRIBE: 8,
  SUBACK: 9,
  UNSUBSCRIBE: 10,
  UNSUBACK: 11,
  PINGREQ: 12,
  PINGRESP: 13,
  DISCONNECT: 14,
});

type Answered = Parameters<NtpClient["getTime"]>[0];

class RemoteNtp extends Remote implements NtpClient {
  readonly #onTime: { callback?: Answered };

  constructor(options: NtpOptions) {
    const onTime: { callback?: Answered } = {};
    super("ntp", {
      ...options,
      onTime: (error: Error | null, time?: number) => {
        const { callback } = onTime;
        onTime.callback = undefined;
        callback?.(error, time);
      },
    });
    this.#onTime = onTime;
  }

  getTime(callback: Answered): void {
    this.invoke("getTime");
    this.#onTime.callback = callback;
  }
}

class RemoteKeyValue extends Remote implements KeyValue {
  constructor(options: object) {
    super("keyValue", options);
  }

  get format(): StorageFormat {
    return this.get("format") as StorageFormat;
  }

  set format(value: StorageFormat) {
    this.set("format", value);
  }

  read(key: string): ArrayBuffer | string | number | undefined {
    return this.invoke("read", key) as ArrayBuffer | string | number | undefined;
  }

  write(key: string, value: ByteBuffer | string | number): void {
    this.invoke("write", key, value);
  }

  delete(key: string): void {
    this.invoke("delete", key);
  }

  [Symbol.iterator](): IterableIterator<string> {
    return (this.invoke("keys") as string[])[Symbol.iterator]();
  }
}

class RemoteFlash extends Remote implements Flash {
  constructor(options: object) {
    super("flash", options);
  }

  read(byteLength: number, byteOffset: number): ArrayBuffer;
  read(buffer: ByteBuffer, byteOffset: number): number;
  read(target: number | ByteBuffer, byteOffset: number): ArrayBuffer | number {
    if (typeof target === "object") return this.readInto(target, byteOffset) as number;
    return this.invoke("read", target, byteOffset) as ArrayBuffer;
  }

  write(buffer: ByteBuffer, byteOffset: number): void {
    this.invoke("write", buffer, byteOffset);
  }

  eraseBlock(start: number, end?: number): void {
    this.invoke("eraseBlock", start, end);
  }

  status(): FlashStatus {
    return this.invoke("status") as FlashStatus;
  }
}

class RemoteSha256 extends Remote {
  constructor() {
    super("sha256", {});
  }

  update(bytes: ByteBuffer): void {
    this.invoke("update", bytes);
  }

  digest(): Uint8Array {
    const digest = new Uint8Array(this.invoke("digest") as ArrayBuffer);
    this.forget();
    return digest;
  }
}

const crypto: Crypto = {
  sha256: () => new RemoteSha256(),
  verifyES256: (key, message, signature) =>
    invoke("crypto", "verifyES256", key, message, signature) as boolean,
};

const boot: Boot = {
  get isOnTrial() {
    return get("boot", "isOnTrial") as boolean;
  },
  setNext: () => void invoke("boot", "setNext"),
  confirm: () => void invoke("boot", "confirm"),
  revert: () => void invoke("boot", "revert"),
  restart: () => void invoke("boot", "restart"),
};

/** Bytes come as an ArrayBuffer. */
function updateSettings(): UpdateSettings | undefined {
  const settings = get("hal", "update") as UpdateSettings | undefined;
  if (!settings) return undefined;
  const { vendor, deviceClass, keys } = settings;
  const bytes = (buffer: unknown) => new Uint8Array(buffer as ArrayBuffer);
  return {
    ...settings,
    vendor: bytes(vendor),
    deviceClass: bytes(deviceClass),
    keys: keys.map(({ key, kid }) => ({ key: bytes(key), kid: bytes(kid) })),
  };
}

class RemoteTimer extends Remote {
  #isPending = true;

  constructor(onTimer: () => void, ms: number) {
    super("timer", {
      ms,
      onTimer: () => {
        this.#end();
        onTimer();
      },
    });
  }

  override close(): void {
    if (!this.#isPending) return;
    this.invoke("close");
    this.#end();
  }

  #end(): void {
    this.#isPending = false;
    this.forget();
  }
}

/** Virtual time stands still from one event of the host to the next. */
let now: number | undefined;

/** The host has let time go on. */
export function forgetTime(): void {
  now = undefined;
}

const clock: Clock = {
  get ticks() {
    now ??= invoke("clock", "read") as number;
    return now;
  },
  set(callback, ms) {
    return new RemoteTimer(callback, ms) as unknown as Timer;
  },
  clear(timer) {
    (timer as unknown as RemoteTimer | undefined)?.close();
  },
};

/** A terminal's platform, as the host has it. */
export function createHal(): Hal {
  const update = updateSettings();
  return {
    ...(update && { update, boot }),
    clock,
    sleep: {
      deep: (ms: number, wakeOn: readonly WakeReason[]) => void invoke("sleep", "deep", ms, wakeOn),
    },
    retained: {
      get byteLength() {
        return get("retained", "byteLength") as number;
      },
      read() {
        const bytes = invoke("retained", "read") as ArrayBuffer | undefined;
        return bytes && new Uint8Array(bytes);
      },
      write: (bytes) => void invoke("retained", "write", bytes),
    },
    get mac() {
      return get("hal", "mac") as string;
    },
    get resetReason() {
      return get("hal", "resetReason") as ResetReason;
    },
    random: () => invoke("hal", "random") as number,
    log: (line) => void invoke("hal", "log", line),
    buses: {
      serial: { io: RemoteSerial },
      tcp: { io: RemoteTcp },
      i2c: { io: RemoteI2C },
      pulseCount: { io: RemotePulseCount },
      digital: { io: RemoteDigital },
    },
    storage: {
      keyValue: { open: (options) => new RemoteKeyValue(options) },
      flash: { open: (options) => new RemoteFlash(options) },
    },
    crypto,
    network: {
      wifi: { io: RemoteWiFi },
      ntp: { io: RemoteNtp, dns: { io: undefined }, socket: { io: undefined } },
      mqtt: { io: Mqtt, dns: { io: undefined }, socket: { io: hostClass("stream") } },
    },
  };
}
