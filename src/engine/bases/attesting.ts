import { createHash } from 'node:crypto';
import { notFound } from '#base/errors.ts';
import { payloadOf, readPayload, sameSubject } from '#domain/base/signature.ts';
import { parseDigest, type Digest } from '#domain/image/digest.ts';
import type { Image } from '#domain/image/image.ts';
import type { Descriptor } from '#domain/image/manifest.ts';
import { parseReference } from '#domain/image/reference.ts';
import type { Inventory } from '#domain/package/inventory.ts';
import { predicateTypes, sbomFormats, sbomOf, type SbomFormat } from '#domain/sbom/sbom.ts';
import type { Images } from '#engine/contracts.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Attachments } from './attachments.ts';
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

const signatureType = 'application/vnd.dev.cosign.artifact.sig.v1+json';
const payloadType = 'application/vnd.dev.cosign.simplesigning.v1+json';
const signatureAnnotation = 'dev.cosignproject.cosign/signature';
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
    const { attachments, key, images, inventories } = this.#options;
    const subject = await images.descriptor(image.id);
    const payload = Buffer.from(payloadOf(repositoryOf(image), subject.digest));
    const annotations = { [signatureAnnotation]: await key.sign(payload) };
    await attachments.attach(subject, {
      ...{ artifactType: signatureType, mediaType: payloadType, content: payload, annotations },
    });
    const inventory = await inventories.of(image);
    if (inventory === undefined) return;
    for (const format of sbomFormats) await this.#attachBill(image, subject, inventory, format);
  }

  /** The bill of materials of any image that has a package database. @throws not-found `sbom-no-packages` */
  async bill(image: Image, name: string, format: SbomFormat): Promise<object> {
    const inventory = await this.#options.inventories.of(image);
    if (inventory !== undefined) return this.#bill(image, name, inventory, format);
    throw notFound(
      'sbom-no-packages',
      `the bill of materials of '${name}': the image has no package database of dpkg or apk`,
      { hint: 'Programs that were copied into an image without packages are not seen.' },
    );
  }

  /** Reads everything that the image consists of. @throws not-found `image-unsigned` */
  async verify(image: Image, name: string): Promise<Verified> {
    const { attachments, key } = this.#options;
    const signatures = attachments
      .of(image.manifestDigest)
      .filter(({ manifest }) => manifest.artifactType === signatureType);
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
    const damaged = await this.#damaged(image);
    return damaged === undefined
      ? verified
      : { ...verified, problem: `the blob ${damaged} is not what was signed` };
  }

  async #damaged(image: Image): Promise<Digest | undefined> {
    const { blobs } = this.#options;
    for (const digest of [image.manifestDigest, image.id, ...image.layers.map((layer) => layer.digest)]) {
      if ((await blobs.stat(digest)) === undefined) return digest;
      const hash = createHash('sha256');
      for await (const chunk of await blobs.open(digest)) hash.update(asBytes(chunk));
      if (parseDigest(`sha256:${hash.digest('hex')}`) !== digest) return digest;
    }
    return undefined;
  }

  #bill(image: Image, name: string, inventory: Inventory, format: SbomFormat): object {
    const { created = '1970-01-01T00:00:00Z' } = image.config;
    const subject = { name, digest: image.manifestDigest, created, toolVersion: this.#options.version };
    return sbomOf(format, subject, inventory);
  }

  /** An in-toto statement (version 1) in a DSSE envelope, as cosign attaches it. */
  async #attachBill(
    image: Image,
    subject: Descriptor,
    inventory: Inventory,
    format: SbomFormat,
  ): Promise<void> {
    const name = repositoryOf(image);
    const predicateType = predicateTypes[format];
    const statement = Buffer.from(
      JSON.stringify({
        _type: 'https://in-toto.io/Statement/v1',
        subject: [{ name, digest: { sha256: subject.digest.slice('sha256:'.length) } }],
        predicateType,
        predicate: this.#bill(image, name, inventory, format),
      }),
    );
    const sig = await this.#options.key.sign(preAuthentication(statementType, statement));
    const envelope = {
      payloadType: statementType,
      payload: statement.toString('base64'),
      signatures: [{ sig }],
    };
    await this.#options.attachments.attach(subject, {
      artifactType: statementType,
      mediaType: envelopeType,
      content: Buffer.from(JSON.stringify(envelope)),
      annotations: { predicateType },
    });
  }
}

/** What is signed of an envelope (secure-systems-lab/dsse, protocol.md). */
function preAuthentication(type: string, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${body.length} `), body]);
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
