import type { JsonWebKey } from "node:crypto";
import { z } from "zod";
import { Failure } from "../cli/command";
import { type Verdict, verifyAnySign1 } from "./sign1";

/** An example of cose-wg/Examples, as far as it is read: coordinates in base64url, or as `x_hex`. */
const example = z.object({
  title: z.string().optional(),
  /** Published: whoever reads it is to refuse it. */
  fail: z.boolean().optional(),
  input: z.object({
    sign0: z.object({ key: z.record(z.string(), z.unknown()), external: z.string().optional() }),
  }),
  output: z.object({ cbor: z.string() }),
});

export interface Judged {
  title: string | undefined;
  verdict: Verdict;
  /** Whether it is to be refused, as published. */
  isToFail: boolean;
  /** Whether what was found is what was published; undefined for what is not supported. */
  agrees: boolean | undefined;
}

/** @throws Failure when it is no example with a single signer. */
export function judgeExample(content: unknown, path: string): Judged {
  const parsed = example.safeParse(content);
  if (!parsed.success) throw new Failure(`"${path}" is no example of a COSE_Sign1 (cose-wg/Examples)`);
  const { title, fail, input, output } = parsed.data;
  const external = Buffer.from(input.sign0.external ?? "", "hex");
  const verdict = verifyAnySign1(Buffer.from(output.cbor, "hex"), jwkOf(input.sign0.key), external);
  const isToFail = fail === true;
  const agrees = verdict.is === "unsupported" ? undefined : (verdict.is === "invalid") === isToFail;
  return { title, verdict, isToFail, agrees };
}

function jwkOf(key: Record<string, unknown>): JsonWebKey {
  const coordinate = (name: string) =>
    typeof key[`${name}_hex`] === "string"
      ? Buffer.from(key[`${name}_hex`] as string, "hex").toString("base64url")
      : (key[name] as string);
  return { kty: key.kty as string, crv: key.crv as string, x: coordinate("x"), y: coordinate("y") };
}
