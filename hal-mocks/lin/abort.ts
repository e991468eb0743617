/**
 * Runs before main in the `lin` build. An uncaught error ends XS there without a word: this says what it was.
 * The launcher then ends with an exit code.
 */
function abort(why: string, error?: unknown): void {
  trace(`gridmote: ${why}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
}

export default function setup(done: () => void): void {
  (globalThis as { abort?: typeof abort }).abort = abort;
  done();
}
