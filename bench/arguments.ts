const JSON_OPTION = "--json";

/**
 * Runs a bench, and ends with its exit code; 2 for arguments that no bench takes: figures of something else than
 * was meant would mislead.
 */
export async function runBench(name: string, main: (asJson: boolean) => Promise<number>): Promise<void> {
  const args = process.argv.slice(2);
  const unexpected = args.find((arg) => arg !== JSON_OPTION);
  if (unexpected !== undefined) {
    console.error(`${name}: unexpected argument "${unexpected}": there is ${JSON_OPTION}, and nothing else`);
    process.exitCode = 2;
    return;
  }
  process.exitCode = await main(args.includes(JSON_OPTION));
}

/**
 * How many inputs, the only argument that there may be. Ends the process with exit code 2 for others: a run of no inputs
 * finds nothing wrong.
 */
export function inputCount(name: string, fallback: number): number {
  const [argument = String(fallback), ...others] = process.argv.slice(2);
  const count = Number(argument);
  if (!others.length && Number.isSafeInteger(count) && count > 0) return count;
  const words = process.argv.slice(2).join(" ");
  console.error(
    `${name}: unexpected argument "${words}": it takes a number of inputs, from 1, and nothing else`,
  );
  process.exit(2);
}
