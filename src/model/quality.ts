/** What is known of a reading as a whole. Codes are on the wire and never reused; 0 is the only good one. */
export const Quality = {
  good: 0,
  /** The device said nothing within its time. */
  silent: 1,
  /** The beginning of a telegram is missing, or its end. */
  partial: 2,
  /** The checksum does not match, or is missing where the device always sends one. */
  checksum: 3,
  /** Longer than a telegram can be. */
  overlong: 4,
  /** The checksum matches (or there is none), but the content cannot be read. */
  malformed: 5,
  /** Read well, but no meter on earth can mean it. */
  implausible: 6,
  /** The bus itself has failed. */
  bus: 7,
} as const;

export type QualityName = keyof typeof Quality;
export type QualityCode = (typeof Quality)[QualityName];

/** The name of a code, or `quality-N` for one that this version does not know. */
export function qualityName(code: number): string {
  for (const name in Quality) if (Quality[name as QualityName] === code) return name;
  return `quality-${code}`;
}
