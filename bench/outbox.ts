import { runBench } from "./arguments";
import { measureOpening } from "./outbox/opening";
import { measureWear } from "./outbox/wear";

async function main(asJson: boolean): Promise<number> {
  const wear = measureWear();
  const opening = measureOpening();
  if (asJson) {
    console.log(JSON.stringify({ wear, opening }, null, 2));
    return 0;
  }
  console.log(
    "512 KB of flash in blocks of 4 KB, a note of 8 bytes with each frame, each frame acknowledged\n",
  );
  console.log("frame  frames a session  written/stored  blocks a day  erases of a block a year   years");
  for (const row of wear) {
    const columns = [
      row.frameBytes.toString().padStart(5),
      row.framesPerSession.toString().padStart(17),
      row.writtenPerStored.toFixed(2).padStart(15),
      row.blocksPerDay.toFixed(1).padStart(13),
      row.erasesPerYear.toFixed(1).padStart(25),
      row.years.toFixed(0).padStart(7),
    ];
    console.log(columns.join(" ") + (row.isClean ? "" : "  a new block at each session"));
  }
  console.log("\nopened when it is                reads   bytes");
  for (const { state, reads, bytes } of opening)
    console.log(`${state.padEnd(32)} ${String(reads).padStart(5)} ${String(bytes).padStart(7)}`);
  return 0;
}

await runBench("bench:outbox", main);
