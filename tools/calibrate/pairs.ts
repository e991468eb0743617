import { channelNumber } from "../../src/model/channels";
import { UsageError } from "../cli/command";
import type { Pair } from "./fit";

/**
 * Reads lines of `channel measured true`, or of `measured true` where a channel is given; blanks, commas and semicolons
 * separate, and `#` begins a comment.
 * @throws UsageError that names the line.
 */
export function parsePairs(text: string, channel: string | undefined): Map<string, Pair[]> {
  const found = new Map<string, Pair[]>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const words = line
      .replace(/#.*/, "")
      .split(/[\s,;]+/)
      .filter(Boolean);
    if (!words.length) continue;
    const [name, pair] = parseLine(words, channel, index + 1);
    found.set(name, [...(found.get(name) ?? []), pair]);
  }
  return found;
}

function parseLine(words: readonly string[], channel: string | undefined, number: number): [string, Pair] {
  const expected = channel ? "measured true" : "channel measured true";
  const name = channel ?? words[0];
  const numbers = words.slice(channel ? 0 : 1).map(Number);
  if (numbers.length !== 2 || !numbers.every(Number.isFinite))
    throw new UsageError(`line ${number}: "${words.join(" ")}", expected ${expected}`);
  try {
    channelNumber(name);
  } catch {
    throw new UsageError(`line ${number}: no channel is called "${name}"`);
  }
  return [name, { measured: numbers[0], true: numbers[1] }];
}
