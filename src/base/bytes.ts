/** The parts, one after the other, in memory of its own. For rooms that know no Buffer, and to hand to other threads. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** All that a stream gives, which is left alone once it gives more. @throws what `tooMuch` makes */
export async function limitedBytes(
  source: AsyncIterable<Uint8Array>,
  limit: number,
  tooMuch: () => Error,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of source) {
    size += part.length;
    if (size > limit) throw tooMuch();
    parts.push(part);
  }
  return concatBytes(parts);
}

/** In UTF-8. */
export function utf8Bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
