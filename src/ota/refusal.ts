/**
 * Why an update is refused or was taken back: one word each, whose place here is the code in a node's memory. New ones
 * go to the end, and docs/update.md says what each means.
 */
const REFUSALS = [
  "none",
  // What is delivered is not what we read.
  "unsigned",
  "header",
  "algorithm",
  "key",
  "signature",
  "truncated",
  "oversize",
  "encoding",
  "duplicate",
  "format",
  "manifest",
  // It is sound, and not for this node, or not now.
  "class",
  "hardware",
  "version",
  "epoch",
  "base",
  "stage",
  // What comes after the manifest is not what it promised.
  "table",
  "block",
  "digest",
  "archive",
  "settings",
  // While it was fetched.
  "replaced",
  "withdrawn",
  "vanished",
  "full",
  "worn",
  // While it was tried.
  "threw",
  "hung",
  "power",
  "health",
] as const;

export type Refusal = Exclude<(typeof REFUSALS)[number], "none">;

/** 1 to 255, as a node remembers it; 0 is for none. */
export function refusalCode(reason: Refusal | undefined): number {
  return reason === undefined ? 0 : REFUSALS.indexOf(reason);
}

/** Undefined for 0, and for a code that this firmware does not know. */
export function refusalOf(code: number): Refusal | undefined {
  const reason = REFUSALS[code];
  return reason === undefined || reason === "none" ? undefined : reason;
}

/** All of them, in the order of their codes from 1 on. */
export function refusals(): readonly Refusal[] {
  return REFUSALS.slice(1) as Refusal[];
}

/** What is delivered to a node is an expected fault, not an error of a program: whoever calls catches this, and counts. */
export class RefusedUpdate extends Error {
  readonly reason: Refusal;

  /** @param detail for a person at the command line; a node sends the reason alone. */
  constructor(reason: Refusal, detail = "") {
    super(detail ? `${reason}: ${detail}` : reason);
    this.reason = reason;
  }
}
