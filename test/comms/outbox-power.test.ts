import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CutMoment, cutMoments } from "../../hal-mocks/power";
import { RingModel } from "../support/ring";

/** What is done to an outbox; numbers are sizes, or the place of a record among those that wait. */
type Step =
  | { do: "append"; bytes: number; note: number }
  | { do: "event"; bytes: number }
  | { do: "acknowledge"; index: number }
  | { do: "reopen"; clean: boolean };

function perform(model: RingModel, step: Step): void {
  if (step.do === "append") model.append(step.bytes, step.note);
  else if (step.do === "event") model.appendEvent(step.bytes);
  else if (step.do === "acknowledge") model.acknowledge(step.index);
  else model.reopen(step.clean);
}

/** Turns a ring of `blocks` blocks over, with and without a receiver. */
function scenario(blocks: number): Step[] {
  const steps: Step[] = [];
  const frames = 12 * blocks;
  for (let frame = 0; frame < frames; frame++) {
    steps.push({
      do: "append",
      bytes: 120 + ((frame * 397) % 900),
      note: frame % 4 === 3 ? 0 : 8 + (frame % 40),
    });
    if (frame % 7 === 3) steps.push({ do: "event", bytes: 30 });
    if (frame % 5 === 2 && frame > frames / 2)
      for (const index of [1, 0, 2, 0, 0]) steps.push({ do: "acknowledge", index });
    if (frame % 6 === 5) steps.push({ do: "reopen", clean: frame % 4 === 1 });
  }
  return steps;
}

describe("an outbox whose power is cut at any operation", () => {
  it.each([4, 5].flatMap((blocks) => cutMoments.map((moment) => [blocks, moment] as const)))(
    "of a ring of %i blocks, %s, has lost nothing but what it states",
    (blocks, moment: CutMoment) => {
      const steps = scenario(blocks);
      const whole = new RingModel(blocks);
      for (const step of steps) perform(whole, step);
      whole.check();
      expect(whole.lost.frames).toBeGreaterThan(10);
      expect(whole.lost.events).toBeGreaterThan(1);
      const { operations } = whole.power;
      // Of the larger one each third: what it does that the other does not it does often.
      for (let operation = 0; operation < operations; operation += blocks === 5 ? 3 : 1) {
        const model = new RingModel(blocks);
        model.power.cutAt(operation, moment, operation);
        for (const step of steps) perform(model, step);
        model.check();
      }
    },
  );

  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant("append" as const),
        bytes: fc.oneof(
          fc.integer({ min: 1, max: 60 }),
          fc.integer({ min: 200, max: 1500 }),
          fc.constant(3389),
        ),
        note: fc.oneof(fc.constant(0), fc.constant(20), fc.constant(255)),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant("event" as const), bytes: fc.integer({ min: 1, max: 300 }) }),
    },
    { weight: 5, arbitrary: fc.record({ do: fc.constant("acknowledge" as const), index: fc.nat(3) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("reopen" as const), clean: fc.boolean() }) },
  );
  const cut = fc.record({
    after: fc.nat(40),
    operation: fc.nat(6),
    moment: fc.constantFrom(...cutMoments),
    seed: fc.nat(),
  });

  it("holds what a list would hold, whatever is done to it", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 4, max: 7 }),
        fc.array(step, { minLength: 20, maxLength: 150, size: "max" }),
        fc.array(cut, { maxLength: 6 }),
        (blocks, steps, cuts) => {
          const model = new RingModel(blocks);
          let due = 0;
          let [next, ...later] = cuts;
          for (const action of steps) {
            if (next && due++ === next.after) {
              model.power.cutAt(next.operation, next.moment, next.seed);
              [next, ...later] = later;
              due = 0;
            }
            perform(model, action);
          }
          model.check();
          model.reopen(false);
        },
      ),
      { numRuns: 250 },
    );
  });
});
