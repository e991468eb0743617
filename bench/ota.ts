import { runBench } from "./arguments";
import { compileApps, largeApp, nativeImage } from "./ota/images";
import { type Change, type Transfer, transfer } from "./ota/transfer";

/** What a change of one line may take on the air, everything counted. */
const GOAL_BYTES = 16 * 1024;

function changes(): Change[] {
  const apps = compileApps();
  return [
    ...(apps ? [{ name: "one line of the default app", kind: "app", ...apps } as const] : []),
    { name: "an app of 11 KB (only its size)", kind: "app", before: largeApp(1), after: largeApp(2) },
    {
      name: "a native image of 1 MB (estimate)",
      kind: "native",
      before: nativeImage(1),
      after: nativeImage(2),
    },
  ];
}

function row(transfer: Transfer): string {
  const { name, imageBytes, airBytes, mAh, fetches, mostBlocks, minutes, flashErases, flashWrites } =
    transfer;
  return [
    name.padEnd(33),
    String(imageBytes).padStart(8),
    String(airBytes).padStart(8),
    mAh.toFixed(3).padStart(7),
    String(mostBlocks).padStart(13),
    String(fetches).padStart(8),
    minutes.toFixed(0).padStart(8),
    String(flashErases).padStart(7),
    String(flashWrites).padStart(7),
  ].join(" ");
}

function parts({ name, airBytes, offerBytes, tableBytes, blockBytes, headerBytes }: Transfer): string {
  const content = offerBytes + tableBytes + blockBytes;
  const rest = airBytes - content - headerBytes;
  return `${name.padEnd(33)} ${[offerBytes, tableBytes, blockBytes, rest, headerBytes].map((bytes) => String(bytes).padStart(8)).join(" ")}`;
}

async function main(asJson: boolean): Promise<number> {
  const transfers: Transfer[] = [];
  for (const change of changes()) transfers.push(await transfer(change));
  const [first] = transfers;
  const isReal = transfers.length > 2;
  const isGood = first.airBytes < GOAL_BYTES;
  if (asJson) console.log(JSON.stringify({ goalBytes: GOAL_BYTES, isReal, transfers }, null, 2));
  else {
    console.log(
      "A sleeper (ESP32, a reading a minute, a session each 15 minutes): more than without the update\n",
    );
    console.log(
      `${"".padEnd(33)}    image  on air     mAh  blocks a wake  fetches  minutes  erases  writes\n${transfers.map(row).join("\n")}`,
    );
    console.log(
      `\nbytes on the air, both ways${"".padEnd(6)}    offer    table   blocks     rest  headers\n${transfers.map(parts).join("\n")}`,
    );
    console.log(
      "\nCounted: MQTT's packets. Modelled: headers, 40 bytes of IPv4 and TCP for each segment, each acknowledged by one.\n" +
        "Not counted: Wi-Fi's own frames, DHCP, DNS, time; TLS, which is off. In the charge: of what comes in,\n" +
        `${transfers.map(({ airMAh }) => airMAh.toFixed(3)).join(", ")} mAh to listen at the slowest rate of Wi-Fi (1 Mbit/s), an upper bound.\n` +
        "Not in it: signature and digests, of which there is no published figure for the SDK's ecdsa on an ESP32.\n" +
        "minutes: from the publication, a minute after a session, to the confirmation.",
    );
    if (!isReal) console.log("XS cannot be built here (Linux, a C compiler): no image of the real app");
    console.log(`${isGood ? "Under" : "Over"} the goal of ${GOAL_BYTES} bytes for a change of one line.`);
  }
  return isGood ? 0 : 1;
}

await runBench("bench:ota", main);
