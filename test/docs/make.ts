// Makes the table of docs/sensors.md: npm run docs:sensors
import { readFileSync, writeFileSync } from "node:fs";
import { DOCUMENT, updated } from "./sensors";

writeFileSync(DOCUMENT, updated(readFileSync(DOCUMENT, "utf8")));
