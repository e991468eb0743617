import { describe, expect, it } from "vitest";
import { judgeExample } from "../../tools/ota/cose-examples";
import vectors from "../vectors/cose-sign1.json";

/** Whose algorithm is ES256 as their author meant it; two of these say another in the message that is to be refused. */
const es256 = vectors.examples.filter(({ input }) => input.sign0.alg === "ES256");
const others = vectors.examples.filter((example) => !es256.includes(example));

describe("a COSE_Sign1 of cose-wg/Examples", () => {
  it.each(es256)("with ES256 gets the published verdict: $file", (example) => {
    const { verdict, isToFail } = judgeExample(example, example.file);
    expect(verdict.is === "valid").toBe(!isToFail);
  });

  it.each(others)("with another algorithm is not supported: $file", (example) => {
    expect(judgeExample(example, example.file)).toMatchObject({
      verdict: { is: "unsupported" },
      agrees: undefined,
    });
  });

  it("is there in both sorts", () => {
    expect(es256.filter(({ fail }) => fail).length).toBe(6);
    expect(es256.length).toBe(12);
    expect(others.length).toBe(9);
  });
});
