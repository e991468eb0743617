import { run } from "./gridmote";

process.exitCode = await run(process.argv.slice(2), process);
