import { Type } from 'typebox';
import { Value } from 'typebox/value';

// The payload that cosign signs (sigstore/cosign, specs/SIGNATURE_SPEC.md, "Simple Signing").

/** Of the manifest that is a signature. */
export const signatureType = 'application/vnd.dev.cosign.artifact.sig.v1+json';
/** Of its layer. */
export const payloadType = 'application/vnd.dev.cosign.simplesigning.v1+json';
/** Of the layer, with the signature in base64. */
export const signatureAnnotation = 'dev.cosignproject.cosign/signature';

/** Types of manifests that may be signatures: ours, and bundles as cosign 3 attaches them. */
export const signatureTypes = /^application\/vnd\.dev\.(cosign\.artifact\.sig|sigstore\.bundle)\./;

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

/** What is signed of an envelope (secure-systems-lab/dsse, protocol.md). */
export function preAuthentication(payloadMediaType: string, body: Uint8Array): Uint8Array {
  const head = ascii(`DSSEv1 ${payloadMediaType.length} ${payloadMediaType} ${body.length} `);
  const all = new Uint8Array(head.length + body.length);
  all.set(head);
  all.set(body, head.length);
  return all;
}

/** An envelope (DSSE) of which only what is used is read. */
export interface Envelope {
  payloadType: string;
  /** Base64. */
  payload: string;
  /** Base64. */
  signatures: string[];
}

const bundle = Type.Object({
  dsseEnvelope: Type.Object({
    payloadType: Type.String(),
    payload: Type.String(),
    signatures: Type.Array(Type.Object({ sig: Type.String() })),
  }),
});
const isBundle = (value: unknown): value is Type.Static<typeof bundle> => Value.Check(bundle, value);
const statement = Type.Object({
  // Who says something else about an image has not approved of it.
  predicateType: Type.Literal('https://sigstore.dev/cosign/sign/v1'),
  subject: Type.Array(Type.Object({ digest: Type.Object({ sha256: Type.Optional(Type.String()) }) })),
});
const isStatement = (value: unknown): value is Type.Static<typeof statement> => Value.Check(statement, value);

/** The envelope of a sigstore bundle (sigstore/protobuf-specs, sigstore_bundle.proto); undefined for anything else. */
export function readBundle(text: string): Envelope | undefined {
  const value = jsonIn(text);
  if (!isBundle(value)) return undefined;
  const { payloadType, payload, signatures } = value.dsseEnvelope;
  return { payloadType, payload, signatures: signatures.map(({ sig }) => sig) };
}

/** The sha256 digests, in hexadecimal digits, that a statement (in-toto) of cosign signs; none of another statement. */
export function readStatement(text: string): string[] {
  const value = jsonIn(text);
  if (!isStatement(value)) return [];
  return value.subject.flatMap(({ digest: { sha256 } }) => (sha256 === undefined ? [] : [sha256]));
}

function jsonIn(text: string): unknown {
  const parse: (json: string) => unknown = JSON.parse;
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
