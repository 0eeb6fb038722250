import { createHash } from 'node:crypto';
import { notFound } from '#base/errors.ts';
import {
  payloadOf,
  payloadType,
  preAuthentication,
  readPayload,
  sameSubject,
  signatureAnnotation,
  signatureType,
} from '#domain/base/signature.ts';
import { parseDigest, type Digest } from '#domain/image/digest.ts';
import type { Image } from '#domain/image/image.ts';
import type { Descriptor } from '#domain/image/manifest.ts';
import { parseReference } from '#domain/image/reference.ts';
import type { Inventory } from '#domain/package/inventory.ts';
import { predicateTypes, sbomFormats, sbomOf, type SbomFormat } from '#domain/sbom/sbom.ts';
import type { Images } from '#engine/contracts.ts';
import type { Companion } from '#engine/images/base-images.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Artifact, Attachment, Attachments } from './attachments.ts';
import type { Inventories } from './inventories.ts';
import type { SigningKey } from './signing-key.ts';

export interface AttestingOptions {
  attachments: Attachments;
  inventories: Inventories;
  key: SigningKey;
  images: Pick<Images, 'descriptor'>;
  blobs: Pick<BlobStore, 'open' | 'stat'>;
  /** Of Berth. */
  version: string;
}

const statementType = 'application/vnd.in-toto+json';
const envelopeType = 'application/vnd.dsse.envelope.v1+json';

/** How an image stands to the signature that it was given when it was made. */
export interface Verified {
  digest: Digest;
  /** Of the installation's public key. */
  key: string;
  /** Absent: all is well. */
  problem?: string;
}

/** Signs what was made here and says what is in it; checks both. */
export class Attesting {
  readonly #options: AttestingOptions;

  constructor(options: AttestingOptions) {
    this.#options = options;
  }

  /** Attaches the signature and the bills of materials. What is attached already is attached again as it was. */
  async attest(image: Image): Promise<void> {
    const { attachments, images } = this.#options;
    const subject = await images.descriptor(image.id);
    const repository = repositoryOf(image);
    await attachments.attach(subject, await this.#signature(repository, subject.digest));
    for (const bill of await this.#bills(image, repository, subject.digest))
      await attachments.attach(subject, bill);
  }

  /**
   * Signature and bills of materials of an image that was made here, for what it is in another registry: a manifest of its own
   * where its layers were compressed on the way. As referrers, and under the tags by which cosign finds them.
   */
  async companions(image: Image, subject: Descriptor, repository: string): Promise<Companion[]> {
    if (this.#signaturesOf(image).length === 0) return [];
    const signature = await this.#signature(repository, subject.digest);
    const bills = await this.#bills(image, repository, subject.digest);
    const tag = subject.digest.replace(':', '-');
    const referrers = bills.map(({ artifactType, ...layer }) => ({
      ...{ artifactType, layers: [layer], annotations: layer.annotations, isReferrer: true },
    }));
    const { artifactType, ...layer } = signature;
    return [
      { artifactType, layers: [layer], annotations: {}, isReferrer: true, tag: `${tag}.sig` },
      ...referrers,
      ...(bills.length === 0
        ? []
        : [
            {
              ...{ artifactType: statementType, annotations: {}, isReferrer: false, tag: `${tag}.att` },
              layers: bills.map(({ mediaType, content, annotations }) => ({
                ...{ mediaType, content },
                annotations: { ...annotations, [signatureAnnotation]: '' },
              })),
            },
          ]),
    ];
  }

  /** The bill of materials of any image that has a package database. @throws not-found `sbom-no-packages` */
  async bill(image: Image, name: string, format: SbomFormat): Promise<object> {
    const inventory = await this.#options.inventories.of(image);
    if (inventory !== undefined) return this.#bill(image, name, inventory, format, image.manifestDigest);
    throw notFound(
      'sbom-no-packages',
      `the bill of materials of '${name}': the image has no package database of dpkg or apk`,
      { hint: 'Programs that were copied into an image without packages are not seen.' },
    );
  }

  /** Reads everything that the image consists of. @throws not-found `image-unsigned` */
  async verify(image: Image, name: string): Promise<Verified> {
    const { attachments, key } = this.#options;
    const signatures = this.#signaturesOf(image);
    if (signatures.length === 0)
      throw notFound('image-unsigned', `the image '${name}' was not signed by this installation`, {
        hint: 'Images of debian.berth are signed when they are made: pull it again.',
      });
    const verified = { digest: image.manifestDigest, key: await key.fingerprint() };
    for (const signature of signatures) {
      const payload = await attachments.read(signature);
      const text = signature.content.annotations?.[signatureAnnotation] ?? '';
      if (!(await key.verify(payload, text)))
        return { ...verified, problem: 'the signature is of another key' };
      if (!sameSubject(readPayload(payload.toString('utf8')), image.manifestDigest))
        return { ...verified, problem: 'the signature is of another image' };
    }
    const damaged = await this.damaged(image);
    return damaged === undefined
      ? verified
      : { ...verified, problem: `the blob ${damaged} is not what was signed` };
  }

  #signaturesOf({ manifestDigest }: Image): Attachment[] {
    const all = this.#options.attachments.of(manifestDigest);
    return all.filter(({ manifest }) => manifest.artifactType === signatureType);
  }

  /** The first part of an image that is not what its digest says, or not there. */
  async damaged(image: Image): Promise<Digest | undefined> {
    const { blobs } = this.#options;
    for (const digest of [image.manifestDigest, image.id, ...image.layers.map((layer) => layer.digest)]) {
      if ((await blobs.stat(digest)) === undefined) return digest;
      const hash = createHash('sha256');
      for await (const chunk of await blobs.open(digest)) hash.update(asBytes(chunk));
      if (parseDigest(`sha256:${hash.digest('hex')}`) !== digest) return digest;
    }
    return undefined;
  }

  #bill(image: Image, name: string, inventory: Inventory, format: SbomFormat, digest: Digest): object {
    const { created = '1970-01-01T00:00:00Z' } = image.config;
    return sbomOf(format, { name, digest, created, toolVersion: this.#options.version }, inventory);
  }

  async #signature(repository: string, digest: Digest): Promise<Artifact> {
    const content = Buffer.from(payloadOf(repository, digest));
    const annotations = { [signatureAnnotation]: await this.#options.key.sign(content) };
    return { artifactType: signatureType, mediaType: payloadType, content, annotations };
  }

  /** None of an image without a package database. */
  async #bills(image: Image, repository: string, digest: Digest): Promise<Artifact[]> {
    const inventory = await this.#options.inventories.of(image);
    if (inventory === undefined) return [];
    const bills = sbomFormats.map((format) =>
      this.#envelope(repository, digest, format, this.#bill(image, repository, inventory, format, digest)),
    );
    return Promise.all(bills);
  }

  /** An in-toto statement (version 1) in a DSSE envelope, as cosign attaches it. */
  async #envelope(
    repository: string,
    digest: Digest,
    format: SbomFormat,
    predicate: object,
  ): Promise<Artifact> {
    const predicateType = predicateTypes[format];
    const statement = Buffer.from(
      JSON.stringify({
        _type: 'https://in-toto.io/Statement/v1',
        subject: [{ name: repository, digest: { sha256: digest.slice('sha256:'.length) } }],
        predicateType,
        predicate,
      }),
    );
    const sig = await this.#options.key.sign(preAuthentication(statementType, statement));
    const payload = statement.toString('base64');
    const envelope = { payloadType: statementType, payload, signatures: [{ sig }] };
    return {
      ...{ artifactType: statementType, mediaType: envelopeType },
      content: Buffer.from(JSON.stringify(envelope)),
      annotations: { predicateType },
    };
  }
}

/** The repository of the name that it was made under. */
function repositoryOf({ tags }: Image): string {
  const [first = ''] = tags.filter((tag) => tag.startsWith('debian.berth/')).sort();
  const { registry, repository } = parseReference(first === '' ? (tags[0] ?? 'image') : first);
  return `${registry}/${repository}`;
}

function asBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  throw new TypeError('a blob is read in bytes');
}
