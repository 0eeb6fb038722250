// The payload that cosign signs (sigstore/cosign, specs/SIGNATURE_SPEC.md, "Simple Signing").

const type = 'cosign container image signature';

/** @param repository without a tag, as cosign writes it */
export function payloadOf(repository: string, manifestDigest: string): string {
  return JSON.stringify({
    critical: {
      identity: { 'docker-reference': repository },
      image: { 'docker-manifest-digest': manifestDigest },
      type,
    },
    optional: null,
  });
}

export interface SignedPayload {
  critical?: { image?: { 'docker-manifest-digest'?: unknown }; type?: unknown };
}

/** An empty object for a text that is no payload. */
export function readPayload(text: string): SignedPayload {
  const parse: (json: string) => SignedPayload | null = JSON.parse;
  try {
    return parse(text) ?? {};
  } catch {
    return {};
  }
}

export function sameSubject({ critical }: SignedPayload, manifestDigest: string): boolean {
  return critical?.type === type && critical.image?.['docker-manifest-digest'] === manifestDigest;
}
