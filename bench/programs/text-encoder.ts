// XS has no TextEncoder; the keys and texts of readings are ASCII. Where it is there already, it stays.

class AsciiEncoder {
  encodeInto(text: string, target: Uint8Array): { written: number } {
    for (let index = 0; index < text.length; index++) target[index] = text.charCodeAt(index);
    return { written: text.length };
  }
}

(globalThis as { TextEncoder?: unknown }).TextEncoder ??= AsciiEncoder;
