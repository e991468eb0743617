// Makes the table of docs/settings.md: npm run docs:settings
import { readFileSync, writeFileSync } from "node:fs";
import { SETTINGS_DOCUMENT, withSettings } from "./settings";

writeFileSync(SETTINGS_DOCUMENT, withSettings(readFileSync(SETTINGS_DOCUMENT, "utf8")));
