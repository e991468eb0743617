/** What src/main.ts uses and @moddable/typings 5.6.0 lacks. mcconfig has the SDK's own typings and does not read this. */

/** Writes to the debugger or, in a build without one, to the console. */
declare function trace(...messages: string[]): void;

/** A C function, by its name; the compiler knows it in this form only: `native("name").call(this, …)`. */
// biome-ignore lint/suspicious/noExplicitAny: as the SDK declares it
declare function native(name: string): (...values: any[]) => any;

declare module "embedded:network/ntp/client" {
  export default class NTP {
    constructor(options: { servers: string[]; dns: object; socket: object });
    getTime(callback: (error: Error | null, time?: number) => void): void;
    close(): void;
  }
}

declare module "embedded:storage/flash" {
  const storage: { open(options: { path: string }): object };
  export default storage;
}

declare module "embedded:storage/key-value" {
  const storage: { open(options: { path: string }): object };
  export default storage;
}
