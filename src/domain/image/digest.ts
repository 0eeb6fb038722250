import { invalid } from '#base/errors.ts';

/** `sha256:` and 64 hexadecimal digits (OCI image specification, descriptor.md, Digests). */
export type Digest = `sha256:${string}`;

const pattern = /^sha256:[0-9a-f]{64}$/;

export function isDigest(text: string): text is Digest {
  return pattern.test(text);
}

/** @throws invalid `digest-invalid` */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw invalid('digest-invalid', `'${text}' is not a digest: required is sha256: and 64 hexadecimal digits`);
}
