import { expect, it } from "vitest";
import { createRandom } from "../../hal-mocks/random";

const REFERENCE = [
  { seed: 1, first: [2420951833, 2513034076, 3847892949, 4064752930], unit: 0.2723428182814803 },
  { seed: 2 ** 32 + 5, first: [4174422725, 2681453512, 2846942726, 1095250548], unit: 0.43244024544055604 },
];

it("repeats from its seed, and differs from seed to seed", () => {
  const take = (seed: number | string) => Array.from({ length: 8 }, createRandom(seed).uint32);
  expect(take(1)).toEqual(take(1));
  expect(take("street")).toEqual(take("street"));
  const seeds = [0, 1, 2, -1, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER, "", "a", "b", "ab", "ba"];
  expect(new Set(seeds.map((seed) => take(seed).join())).size).toBe(seeds.length);
  expect(() => createRandom(0.5)).toThrow(RangeError);
});

it("is spread evenly", () => {
  const random = createRandom("even");
  const counts = new Array<number>(10).fill(0);
  let sum = 0;
  for (let index = 0; index < 100_000; index++) {
    counts[random.below(10)]++;
    const value = random.unit();
    expect(value >= 0 && value < 1).toBe(true);
    sum += value;
  }
  // 5 standard deviations.
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(475);
  expect(Math.abs(sum / 100_000 - 0.5)).toBeLessThan(0.0046);
});

it("refuses a limit that is none", () => {
  const random = createRandom(0);
  for (const n of [0, -1, 1.5, 2 ** 32 + 1, Number.NaN]) expect(() => random.below(n)).toThrow(RangeError);
  expect(random.below(1)).toBe(0);
  expect(random.below(2 ** 32)).toBeLessThan(2 ** 32);
});

it("gives the reference values, which a second implementation has computed", () => {
  // Python integers: splitmix32 into sfc32, twelve rounds thrown away.
  for (const { seed, first, unit } of REFERENCE) {
    const random = createRandom(seed);
    expect([1, 2, 3, 4].map(() => random.uint32())).toEqual(first);
    expect(random.unit()).toBe(unit);
  }
});
