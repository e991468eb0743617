/**
 * The hardware abstraction: the ECMA-419 shapes that Gridmote uses, as the standard and the Moddable SDK have
 * them, and the few ports that ECMA-419 lacks (Clock, Sleep, Retained).
 *
 * Base rules (ECMA-419 §8) that every implementation keeps: options are checked before anything is allocated;
 * the options object is never changed; `close` may be called twice; no callback is called from inside the public
 * call that causes it.
 */

/** Bytes in either of the two forms that ECMA-419 calls a byte buffer. */
export type ByteBuffer = ArrayBuffer | Uint8Array;

// ---- Serial, ECMA-419 §10.7 ----

export interface SerialOptions {
  /** Pin numbers; at least one of the two. */
  receive?: number;
  transmit?: number;
  /** Bits a second. */
  baud: number;
  port?: number;
  format?: "number" | "buffer";
  /** `count`: how many bytes can be read. Do not close in it: the SDK's instance goes on to use what is freed then. */
  onReadable?: (count: number) => void;
  onWritable?: (count: number) => void;
  /** The instance is finished: the port has failed. */
  onError?: (error?: unknown) => void;
}

export interface Serial {
  format: "number" | "buffer";
  read(): number | ArrayBuffer | undefined;
  /** Ask for no more than `onReadable` has said: the SDK does not check. */
  read(byteLength: number): ArrayBuffer | undefined;
  /** Fills the buffer as far as there are bytes; the number of bytes, or undefined when there was none. */
  read(buffer: ByteBuffer): number | undefined;
  /** Throws when it is more than `onWritable` has said. */
  write(value: number | ByteBuffer): void;
  close(): void;
}

export type SerialConstructor = new (options: SerialOptions) => Serial;

/** A driver's `options.sensor` for a serial device: the class, and what its constructor needs. */
export interface SerialBus extends Partial<SerialOptions> {
  io: SerialConstructor;
}

// ---- TCP socket, ECMA-419 §10.9 ----

export interface TcpOptions {
  /** An IP address; or `host`, a name, where the platform's class resolves names. */
  address?: string;
  host?: string;
  port: number;
  onReadable?: (count: number) => void;
  /** The first call says that the connection is there. */
  onWritable?: (count: number) => void;
  /** The instance is finished: refused, reset, or closed by the peer. */
  onError?: (error?: unknown) => void;
}

export interface Tcp {
  /** Fills the buffer as far as there are bytes; the number of bytes, or undefined when there was none. */
  read(buffer: ByteBuffer): number | undefined;
  write(bytes: ByteBuffer): unknown;
  close(): void;
}

export type TcpConstructor = new (options: TcpOptions) => Tcp;

/** A driver's `options.sensor` for a device behind TCP: the class, and what its constructor needs. */
export interface TcpBus extends Partial<TcpOptions> {
  io: TcpConstructor;
}

// ---- I2C, ECMA-419 §10.4 ----

export interface I2COptions {
  /** Pin numbers. */
  data?: number;
  clock?: number;
  /** Bits a second. */
  hz: number;
  /** Seven bits. */
  address: number;
  port?: number;
}

/** One target on a bus. Each call throws when the target does not acknowledge. */
export interface I2C {
  read(byteLength: number): ArrayBuffer;
  /** Fills the buffer. */
  read(buffer: ByteBuffer): unknown;
  write(buffer: ByteBuffer): void;
  /** Writes, then reads after a repeated start: no other controller comes between. */
  writeRead(written: ByteBuffer, byteLength: number): ArrayBuffer;
  writeRead(written: ByteBuffer, buffer: ByteBuffer): unknown;
  close(): void;
}

export type I2CConstructor = new (options: I2COptions) => I2C;

/** A driver's `options.sensor` for a target on an I2C bus: the class, and what its constructor needs. */
export interface I2CBus extends Partial<I2COptions> {
  io: I2CConstructor;
}

// ---- Pulse count, ECMA-419 §10.6, and digital, §10.2 ----

export interface PulseCountOptions {
  /** Pin number. */
  signal: number;
}

export interface PulseCount {
  /** Rising edges since it was made, or since the last `write`. */
  read(): number;
  write(count: number): void;
  close(): void;
}

export type PulseCountConstructor = new (options: PulseCountOptions) => PulseCount;

export interface DigitalOptions {
  pin: number;
  /** A constant of the class. */
  mode: unknown;
}

export interface Digital {
  read(): number;
  write(value: number): void;
  close(): void;
}

export interface DigitalConstructor {
  new (options: DigitalOptions): Digital;
  readonly Input: unknown;
  readonly Output: unknown;
}

// ---- MQTT client, ECMA-419 §25 (3.1.1) ----

export interface MqttMessage {
  /** Control packet type, as the constants of the class. */
  operation: number;
  id?: number;
  /** CONNACK return code. */
  returnCode?: number;
  /** SUBACK return codes. */
  payload?: number[];
}

export interface MqttReadableOptions {
  /** True while further fragments of this message follow. */
  more: boolean;
  /** These three come with a message's first fragment only. */
  topic?: string;
  QoS?: number;
  byteLength?: number;
}

export interface MqttWill {
  topic: string;
  message: string | ArrayBuffer;
  QoS?: number;
  retain?: boolean;
}

export interface MqttOptions {
  host: string;
  port?: number;
  id?: string;
  user?: string;
  password?: string;
  clean?: boolean;
  /** Milliseconds; 0 turns it off. */
  keepalive?: number;
  will?: MqttWill;
  dns: { io: unknown };
  socket: { io: unknown };
  onControl?: (message: MqttMessage) => void;
  onReadable?: (count: number, options: MqttReadableOptions) => void;
  /** `count`: how many bytes of a message (topic included) can be written now. First called after CONNACK. */
  onWritable?: (count: number) => void;
  onClose?: () => void;
  /** The instance is finished: refused, dropped or timed out. */
  onError?: (error?: unknown) => void;
}

export interface MqttWriteOptions {
  operation?: number;
  id?: number;
  topic?: string;
  QoS?: number;
  retain?: boolean;
  duplicate?: boolean;
  byteLength?: number;
  items?: { topic: string; QoS?: number }[];
}

export interface MqttClient {
  read(count?: number): ArrayBuffer | undefined;
  /** Returns how many bytes can still be written. Throws when not connected or when it does not fit. */
  write(data: ByteBuffer | null, options?: MqttWriteOptions): number;
  close(): void;
}

export interface MqttConstructor {
  new (options: MqttOptions): MqttClient;
  readonly CONNACK: number;
  readonly PUBLISH: number;
  readonly PUBACK: number;
  readonly SUBSCRIBE: number;
  readonly SUBACK: number;
  readonly UNSUBSCRIBE: number;
  readonly UNSUBACK: number;
  readonly PINGREQ: number;
  readonly PINGRESP: number;
  readonly DISCONNECT: number;
}

// ---- Wi-Fi, ECMA-419 §17 ----

export interface WiFiOptions {
  onChanged?: (property: "connection" | "address") => void;
}

export interface WiFi {
  /** 0 to 500: at 400 and above associated, at 500 with an address. */
  readonly connection: number;
  readonly address: string | undefined;
  /** Of the access point, once associated; undefined where the platform does not say. */
  readonly channel?: number | undefined;
  /** Of the access point in dBm. */
  readonly RSSI?: number | undefined;
  /** With a channel, only that one is searched: quicker, and in vain when the access point has moved. */
  connect(options: { SSID: string; password?: string; channel?: number }): void;
  disconnect(): void;
  /** False asks DHCP for an address, as at first. */
  configure(options: { static: StaticAddress | false }): void;
  close(): void;
}

/** IPv4, each with three dots. */
export interface StaticAddress {
  address: string;
  mask: string;
  gateway: string;
}

export type WiFiConstructor = new (options: WiFiOptions) => WiFi;

/** ECMA-419 §17: below this value of `connection` the interface has given up, or not begun. */
export const WIFI_CONNECTING = 300;
/** ECMA-419 §17: from this value of `connection` on, the interface has an address. */
export const WIFI_HAS_ADDRESS = 500;

// ---- NTP client, ECMA-419, as the SDK has it ----

export interface NtpOptions {
  /** Names or addresses, asked one after the other until one answers. */
  servers: readonly string[];
  dns: { io: unknown };
  socket: { io: unknown };
}

export interface NtpClient {
  /** `time`: Unix milliseconds, in the SDK whole seconds of the server's transmit time. */
  getTime(callback: (error: Error | null, time?: number) => void): void;
  close(): void;
}

export type NtpConstructor = new (options: NtpOptions) => NtpClient;

// ---- Key-value storage and flash, ECMA-419 §28 ----

export type StorageFormat = "buffer" | "string" | "uint32";

export interface KeyValue {
  format: StorageFormat;
  /** undefined when the key is not there. */
  read(key: string): ArrayBuffer | string | number | undefined;
  write(key: string, value: ByteBuffer | string | number): void;
  delete(key: string): void;
  [Symbol.iterator](): IterableIterator<string>;
  close(): void;
}

export interface KeyValueStorage {
  /** `path` is the domain: at most 15 characters, as are keys (the limit of ESP-IDF's NVS). */
  open(options: { path: string; format?: StorageFormat; mode?: "r" | "r+" }): KeyValue;
}

/** All that the SDK says. What is erased reads 0xFF; with flash encryption, writes are aligned to 16 bytes. */
export interface FlashStatus {
  size: number;
  blockLength: number;
  blocks: number;
}

export interface Flash {
  read(byteLength: number, byteOffset: number): ArrayBuffer;
  read(buffer: ByteBuffer, byteOffset: number): number;
  write(buffer: ByteBuffer, byteOffset: number): void;
  /** Erases blocks `start` up to, not including, `end` (default: one block). */
  eraseBlock(start: number, end?: number): void;
  status(): FlashStatus;
  close(): void;
}

export interface FlashStorage {
  open(options: { path: string; mode?: "r" | "r+" }): Flash;
}

// ---- What ECMA-419 lacks ----

declare const timer: unique symbol;
/** Opaque handle of a pending callback. */
export type Timer = { readonly [timer]: true };

/** Time and timers. The only way to either. */
export interface Clock {
  /** Milliseconds, monotonic; goes on counting through deep sleep, starts anew at power-on. */
  readonly ticks: number;
  /** Calls back once, `ms` milliseconds from now, never from inside this call. */
  set(callback: () => void, ms: number): Timer;
  /** Clearing a timer that has fired, or undefined, does nothing. */
  clear(timer: Timer | undefined): void;
}

/** A pin that ends a deep sleep. */
export interface WakePin {
  /** GPIO number. */
  pin: number;
  /** 0 or 1. */
  level: number;
}

export interface Sleep {
  /**
   * Deep sleep: nothing in RAM survives. On a board it does not return; the next boot is the wake.
   * @param pin what "pin" in `wakeOn` means; without one only the time ends the sleep.
   */
  deep(ms: number, wakeOn: readonly WakeReason[], pin?: WakePin): void;
}

/**
 * Memory that survives deep sleep and is lost with the power (RTC memory on ESP32). The platform keeps a checksum of
 * at least 32 bits with it: in the firmware it would cost half of what a wake that only samples does.
 */
export interface Retained {
  /** Its size in bytes. */
  readonly byteLength: number;
  /**
   * What was written last, in a buffer of its own that is the caller's; undefined after power-on, and when it is not
   * whole: bits have flipped, or a reset came while it was written.
   */
  read(): Uint8Array | undefined;
  /** Throws RangeError when longer than `byteLength`. The bytes are copied. */
  write(bytes: Uint8Array): void;
}

/** What verification needs of the platform: SHA-256, and ECDSA on P-256. The range check of a signature is ours. */
export interface Crypto {
  sha256(): Sha256;
  /**
   * ES256 (RFC 9053 §2.1): whether `signature` is one of `message`.
   * @param key the public key as x‖y, 64 bytes.
   * @param signature r‖s, 64 bytes, both of which are known to be from 1 to n−1.
   */
  verifyES256(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}

/** A hash in the making: `digest` is called once, at the end, and gives 32 bytes. */
export interface Sha256 {
  update(bytes: ByteBuffer): void;
  digest(): Uint8Array;
}

/** Why a wake happens. `start` is power-on or reset. */
export type WakeReason = "start" | "timer" | "sample" | "session" | "pin";

/** What a wake resolves to: `ms` until the next wake, or the `ticks` at which a resident wants to be called. */
export type WakeResult =
  | { next: "sleep"; ms: number; wakeOn: readonly WakeReason[]; pin?: WakePin }
  | { next: "idle"; until: number };

/** Why the processor started: the platform's own account. `sleep` is the end of a deep sleep. */
export type ResetReason = "power" | "sleep" | "software" | "panic" | "watchdog" | "brown-out" | "unknown";

/** Classes by the kind of bus; what a platform does not have is absent. Which port and which pins, a stream says. */
export interface Buses {
  serial?: { io: SerialConstructor };
  i2c?: { io: I2CConstructor };
  pulseCount?: { io: PulseCountConstructor };
  digital?: { io: DigitalConstructor };
  tcp?: { io: TcpConstructor };
}

/** The native image's boot: what ECMA-419's Update lacks. */
export interface Boot {
  /** The running image has this boot to prove itself: unless confirmed, the next reset boots the one before. */
  readonly isOnTrial: boolean;
  /** Makes the image in the flash partition `nextota` the one to boot next, on trial. Throws when the bootloader's check refuses it. */
  setNext(): void;
  confirm(): void;
  /** Goes back to the image before, at once: restarts. */
  revert(): void;
  /** Restarts the node. On a board it does not return. */
  restart(): void;
}

/** Who a node is to an update, and whose signature it believes. Built in: no setting changes it. */
export interface UpdateSettings {
  /** UUIDs, 16 bytes each. */
  vendor: Uint8Array;
  deviceClass: Uint8Array;
  /** The board's revision, 0 to 65535. */
  hardware: number;
  /** The engine's version, `major.minor`: bytecode runs on no other. */
  engine: string;
  /** Public keys x‖y of 64 bytes, and their ids of 8. */
  keys: readonly { key: Uint8Array; kid: Uint8Array }[];
}

/** Everything a terminal gets from its platform. */
export interface Hal {
  clock: Clock;
  sleep: Sleep;
  retained: Retained;
  /** The MAC address as 12 lower-case hexadecimal digits. Asking may start the radio: once in an epoch is enough. */
  readonly mac: string;
  /** An unsigned 32-bit random number from the platform's entropy. */
  random(): number;
  /** Undefined where the platform does not know. */
  readonly resetReason?: ResetReason;
  /** What feeds the terminal; absent where nothing measures it. */
  supply?: { /** Volts. */ read(): number };
  /** One diagnostic line for a person. Never carries secrets. */
  log(line: string): void;
  buses: Buses;
  storage: { keyValue: KeyValueStorage; flash?: FlashStorage };
  /** Absent where nothing can verify an update: then none is taken. */
  crypto?: Crypto;
  /** Absent where nothing can restart the node: then no update is taken. */
  boot?: Boot;
  /** Absent where no update is to be taken. */
  update?: UpdateSettings;
  network: {
    wifi?: {
      io: WiFiConstructor;
      /** Of a station that has been made: whether the radio may rest between beacons, and then answers later. */
      savePower?(isOn: boolean): void;
    };
    /** Where the time is asked for; absent where nobody knows it. */
    ntp?: { io: NtpConstructor; dns: { io: unknown }; socket: { io: unknown } };
    mqtt: { io: MqttConstructor; dns: { io: unknown }; socket: { io: unknown } };
  };
}
