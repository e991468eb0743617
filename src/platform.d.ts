/** What src/main.ts uses and @moddable/typings 5.6.0 lacks. mcconfig has the SDK's own typings and does not read this. */

/** Writes to the debugger or, in a build without one, to the console. */
declare function trace(...messages: string[]): void;

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
