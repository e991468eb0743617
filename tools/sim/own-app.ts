import { mkdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import defaultApp from "../../src/app/default";
import type { App } from "../../src/app/interface";
import { Failure, UsageError } from "../cli/command";
import { repository } from "../cli/repository";

/** An app of one's own, as one module in JavaScript: what it imports is in it, its types are not. */
export interface OwnApp {
  file: string;
  app: App;
}

/**
 * Bundles and loads what `--app` names. Types are not checked: `npm run types` does that.
 * @throws UsageError for what is no app, in one line.
 */
export async function loadApp(path: string): Promise<OwnApp> {
  const file = await bundle(path);
  const { default: app } = await importOf(path, file);
  if (typeof app !== "function")
    throw new UsageError(`--app: "${path}" has no app: export it as default, as src/app/default.ts does`);
  return { file, app: app as App };
}

async function bundle(path: string): Promise<string> {
  const { build } = await import("esbuild");
  const folder = join(repository(), "build", "app");
  mkdirSync(folder, { recursive: true });
  const outfile = join(folder, `${basename(path).replace(/\.[^.]*$/, "")}.ts`);
  try {
    await build({
      ...{ entryPoints: [path], outfile, bundle: true, format: "esm", target: "es2022", platform: "neutral" },
      logLevel: "silent",
    });
  } catch (error) {
    const [first] = (error as { errors?: { text: string; location?: { line: number } }[] }).errors ?? [];
    if (!first) throw new Failure(`--app: cannot build "${path}": ${(error as Error).message}`);
    const line = first.location ? `line ${first.location.line}: ` : "";
    throw new UsageError(`--app: "${path}": ${line}${first.text}`);
  }
  return outfile;
}

/** Node 20 takes no TypeScript by its name, and the bundle has none in it. */
async function importOf(path: string, file: string): Promise<{ default?: unknown }> {
  const text = `${readFileSync(file, "utf8")}\n//# sourceURL=${pathToFileURL(file).href}\n`;
  try {
    return await import(`data:text/javascript;base64,${Buffer.from(text).toString("base64")}`);
  } catch (error) {
    throw new UsageError(`--app: "${path}" does not load: ${(error as Error).message}`);
  }
}

/** What a terminal runs on Node: one's own, and the built-in one where that does not work. */
export function appsOf({ app }: OwnApp): readonly App[] {
  return [app, defaultApp];
}

/** In the firmware's log: an app that was passed over (src/run.ts), and one that failed at a reading (src/terminal.ts). */
const PASSED_OVER = ": this app does not work here";
const FAILED = ": the app failed at";

/** Finds in what the firmware logs what an app got wrong: the node goes on, but whoever tries the app has to know. */
export class AppFailures {
  readonly #say: (line: string) => void;
  readonly #told = new Set<string>();
  /** The built-in app runs instead. */
  isPassedOver = false;
  /** Readings at which the app failed. */
  count = 0;

  /** @param say called with the first failure of each terminal. */
  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  see(line: string): void {
    const isPassedOver = line.includes(PASSED_OVER);
    if (!isPassedOver && !line.includes(FAILED)) return;
    if (isPassedOver) this.isPassedOver = true;
    else this.count++;
    this.#tell(line);
  }

  /** The installed app does not run on XS; why, was logged before it was known. */
  fallBack(device: string, why: string): void {
    this.isPassedOver = true;
    this.#tell(`${device}: ${why.replace(/^gridmote: /, "")}`);
  }

  /** What is to be said at the end, if anything. */
  get verdict(): string | undefined {
    if (this.isPassedOver)
      return "the installed app has not run everywhere; what is reported is of the built-in one";
    if (this.count) return `the app has failed at ${this.count} readings, which are recorded all the same`;
    return undefined;
  }

  #tell(line: string): void {
    const [device] = line.split(":", 1);
    if (!this.#told.has(device)) this.#say(line);
    this.#told.add(device);
  }
}
