import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { invalid, isKind, messageOf, notFound } from '#base/errors.ts';
import {
  payloadType,
  preAuthentication,
  readBundle,
  readPayload,
  readStatement,
  sameSubject,
  signatureAnnotation,
  signatureTypes,
} from '#domain/base/signature.ts';
import { isIndexType, parseIndex, parseManifest } from '#domain/image/documents.ts';
import { parseDigest, type Digest } from '#domain/image/digest.ts';
import type { Image } from '#domain/image/image.ts';
import type { Descriptor, Manifest } from '#domain/image/manifest.ts';
import { referenceOrUndefined, repositoryOf, type Reference } from '#domain/image/reference.ts';
import type { Attesting, Verified } from '#engine/bases/attesting.ts';
import { keyFingerprint } from '#engine/bases/signing-key.ts';
import type { Credentials, FetchedManifest, RegistryClient } from '#ports/registry-client.ts';

export interface SignatureCheckOptions {
  registry: RegistryClient;
  attesting: Pick<Attesting, 'damaged'>;
  /** Where registries have an image, by digest: of its own, or of an index that it is a part of. */
  placesOf: (image: Image) => Reference[];
}

/** Who asks which registry. */
interface Asked {
  registry: string;
  repository: string;
  auth: Credentials | undefined;
  signal: AbortSignal;
}

/** Signatures that are looked at: whoever may push to a repository may add some. */
const mostSignatures = 100;
/** Images of an index that are asked for. */
const mostPlatforms = 20;
/** Bytes. */
const largestPayload = 1024 * 1024;

/**
 * Checks signatures that a registry has of an image against a key: those of cosign (a tag `sha256-HEX.sig`, or referrers) and those that
 * this engine pushes along.
 */
export class SignatureCheck {
  readonly #options: SignatureCheckOptions;

  constructor(options: SignatureCheckOptions) {
    this.#options = options;
  }

  /**
   * Also reads everything that the image consists of.
   * @param key PEM of a public key: ECDSA, Ed25519 or RSA
   * @throws invalid `key-invalid`; not-found `image-not-of-registry`, `image-unsigned`; as RegistryClient
   */
  async verify(
    image: Image,
    name: string,
    key: string,
    options: { auth: Credentials | undefined; signal: AbortSignal },
  ): Promise<Verified> {
    const publicKey = readKey(key);
    const { digest, ...place } = placeOf(this.#options.placesOf(image), name);
    const asked: Asked = { ...place, ...options };
    const signatures = await this.#signatures(asked, digest);
    if (signatures.length === 0)
      throw notFound('image-unsigned', `'${repositoryOf(place)}' has no signature of ${digest}`);
    const verified = { digest, key: keyFingerprint(publicKey) };
    const problems = new Set<string>();
    for (const signature of signatures.slice(0, mostSignatures)) {
      const problem = await this.#problemOf(asked, signature, digest, publicKey).catch((error: unknown) => {
        asked.signal.throwIfAborted();
        // Whoever may push may add one that cannot be read; others may still be right.
        return messageOf(error);
      });
      if (problem !== undefined) problems.add(problem);
      else return { ...verified, ...(await this.#contentProblem(asked, image, digest)) };
    }
    return { ...verified, problem: [...problems].join('; ') };
  }

  /** The manifests that may be signatures, by the tag and by the list of referrers. */
  async #signatures(asked: Asked, subject: Digest): Promise<Buffer[]> {
    const { registry } = this.#options;
    const tagged = await this.#manifest(asked, { tag: `${subject.replace(':', '-')}.sig` });
    const referrers = await registry.referrers(asked, subject, asked.auth, asked.signal);
    const found = tagged === undefined ? [] : [tagged];
    for (const { digest, artifactType = '' } of referrers) {
      if (found.length > mostSignatures || !signatureTypes.test(artifactType)) continue;
      const manifest = await this.#manifest(asked, { digest });
      if (manifest !== undefined) found.push(manifest);
    }
    return found.map(({ content }) => content);
  }

  /** Undefined when one of the manifest's layers is a signature of the digest by the key. */
  async #problemOf(
    asked: Asked,
    manifest: Buffer,
    digest: Digest,
    key: KeyObject,
  ): Promise<string | undefined> {
    const { layers } = parseManifest(manifest.toString('utf8'), 'a signature');
    let problem = 'the signature is of another key';
    for (const layer of layers.slice(0, mostSignatures)) {
      if (layer.size > largestPayload) continue;
      const content = await this.#blob(asked, layer);
      const said = layer.mediaType === payloadType ? simple(layer, content) : bundled(content);
      if (said === undefined || !isSigned(said, key)) continue;
      if (said.isAbout(digest)) return undefined;
      problem = 'the signature is of another image';
    }
    return problem;
  }

  /** Whether what is here is what was signed there. */
  async #contentProblem(asked: Asked, image: Image, signed: Digest): Promise<{ problem?: string }> {
    if (!(await this.#isOf(asked, image, signed)))
      return { problem: `what is here (${image.manifestDigest}) is not what was signed (${signed})` };
    const damaged = await this.#options.attesting.damaged(image);
    return damaged === undefined ? {} : { problem: `the blob ${damaged} is not what was signed` };
  }

  /**
   * The same manifest; one of an index of that digest; or one whose layers were packed in another way on their way, which names
   * the same config, and that the digests of the layers as they are here.
   */
  async #isOf(asked: Asked, image: Image, signed: Digest): Promise<boolean> {
    if (image.manifestDigest === signed) return true;
    const there = await this.#manifest(asked, { digest: signed });
    if (there === undefined) return false;
    const text = there.content.toString('utf8');
    if (!isIndexType(there.mediaType)) return isSameImage(parseManifest(text), image);
    const children = parseIndex(text).manifests.filter(({ mediaType }) => !isIndexType(mediaType));
    if (children.some(({ digest }) => digest === image.manifestDigest)) return true;
    for (const { digest, platform } of children.slice(0, mostPlatforms))
      if (platform?.architecture === image.config.architecture && (await this.#isOf(asked, image, digest)))
        return true;
    return false;
  }

  async #manifest(
    { registry, repository, auth, signal }: Asked,
    name: { tag: string } | { digest: Digest },
  ): Promise<FetchedManifest | undefined> {
    try {
      return await this.#options.registry.manifest({ registry, repository, ...name }, auth, signal);
    } catch (error) {
      if (isKind(error, 'not-found') && error.code !== 'registry-denied') return undefined;
      throw error;
    }
  }

  async #blob({ auth, signal, ...reference }: Asked, blob: Descriptor): Promise<Buffer> {
    return buffer(await this.#options.registry.blob(reference, blob, auth, signal));
  }
}

function isSameImage({ config, layers }: Manifest, image: Image): boolean {
  const { diff_ids: ids } = image.config.rootfs;
  return (
    config.digest === image.id &&
    image.layers.every(({ digest }, i) => digest === ids[i] || digest === layers[i]?.digest)
  );
}

/** What is signed, and by what. */
interface Signed {
  bytes: Uint8Array;
  /** Base64. */
  signatures: string[];
  isAbout: (digest: Digest) => boolean;
}

function simple({ annotations }: Descriptor, content: Buffer): Signed {
  const signature = annotations?.[signatureAnnotation] ?? '';
  const payload = readPayload(content.toString('utf8'));
  return { bytes: content, signatures: [signature], isAbout: (digest) => sameSubject(payload, digest) };
}

function bundled(content: Buffer): Signed | undefined {
  const envelope = readBundle(content.toString('utf8'));
  if (envelope === undefined) return undefined;
  const payload = Buffer.from(envelope.payload, 'base64');
  const about = readStatement(payload.toString('utf8'));
  return {
    bytes: preAuthentication(envelope.payloadType, payload),
    signatures: envelope.signatures,
    isAbout: (digest) => about.includes(digest.slice('sha256:'.length)),
  };
}

function isSigned({ bytes, signatures }: Signed, key: KeyObject): boolean {
  const algorithm = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  return signatures.some((signature) => verify(algorithm, bytes, key, Buffer.from(signature, 'base64')));
}

function readKey(pem: string): KeyObject {
  try {
    const key = createPublicKey(pem);
    if (['ec', 'ed25519', 'rsa'].includes(key.asymmetricKeyType ?? '')) return key;
  } catch {
    // Told below, without what OpenSSL says.
  }
  throw invalid('key-invalid', 'the key is no public key: required is PEM of ECDSA, Ed25519 or RSA', {
    hint: 'berth base key prints that of an installation, cosign public-key that of cosign',
  });
}

/** The digest by which the registry of a name has an image, which was pulled from or pushed to it. */
function placeOf(
  places: readonly Reference[],
  name: string,
): { registry: string; repository: string; digest: Digest } {
  // Undefined for what is no name, such as an id.
  const wanted = referenceOrUndefined(name);
  const [place] = places.toSorted((one, other) => rank(one, wanted) - rank(other, wanted));
  if (place?.digest !== undefined) {
    const { registry, repository, digest } = place;
    return { registry, repository, digest: parseDigest(digest) };
  }
  throw notFound(
    'image-not-of-registry',
    `the image '${name}' was neither pulled from a registry nor pushed to one, so that there are no signatures to look for`,
    { hint: 'without --key, the signature by this installation is checked' },
  );
}

function rank(place: Reference, wanted: Reference | undefined): number {
  return wanted !== undefined && repositoryOf(place) === repositoryOf(wanted) ? 0 : 1;
}
