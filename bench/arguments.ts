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
