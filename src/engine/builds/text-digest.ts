import type { Digest } from '#domain/image/digest.ts';
import { fingerprint } from '#base/ids.ts';

/** Of a document, as it is written in UTF-8. */
export function textDigest(text: string): Digest {
  return `sha256:${fingerprint(text)}`;
}
