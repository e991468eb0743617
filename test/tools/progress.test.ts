import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { Progress } from "../../tools/cli/progress";

function shown(isTTY: boolean, show: (progress: Progress) => void): string {
  const stream = Object.assign(new PassThrough(), { isTTY });
  show(new Progress(stream));
  return String(stream.read() ?? "");
}

it("is a line for each tenth where nobody looks at a terminal", () => {
  const text = shown(false, (progress) => {
    for (let step = 1; step <= 200; step++) progress.update(step / 200, `step ${step}`);
    progress.clear();
  });
  const lines = text.split("\n").slice(0, -1);
  expect(lines).toHaveLength(10);
  expect(lines[0]).toBe(" 10 % step 20");
  expect(lines[9]).toBe("100 % step 200");
});

it("is a bar on a terminal that goes when it is cleared", () => {
  const text = shown(true, (progress) => {
    progress.update(0.5, "half");
    progress.update(1.1, "whole");
    progress.clear();
  });
  const [, half, whole, cleared] = text.split("\r\x1b[K");
  expect(half).toBe(`${"█".repeat(15)}${"░".repeat(15)}  50 % half`);
  expect(whole).toBe(`${"█".repeat(30)} 100 % whole`);
  expect(cleared).toBe("");
  expect(text).not.toContain("\n");
});
