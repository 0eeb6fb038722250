import type { Digest } from '#domain/image/digest.ts';
import { empty, mediaTypes, type Descriptor } from '#domain/image/manifest.ts';
import type { ArtifactContent } from '#engine/images/base-images.ts';
import type { BlobCare } from '#engine/registry/parts.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';

/** A manifest that refers to an image, such as a signature (OCI image specification, manifest.md, `subject`). */
export interface Attachment {
  /** Of the image's manifest. */
  subject: Digest;
  /** Of the manifest that refers to it. */
  manifest: Descriptor;
  /** Its one layer, which says it all. */
  content: Descriptor;
}

export interface AttachmentsOptions {
  blobs: BlobStore;
  store: Pick<StateStore, 'collection'>;
  /** What is attached stays as long as its image. */
  care: Pick<BlobCare, 'keptBy' | 'ingest' | 'release'>;
}

/** What an artifact says. */
export interface Artifact extends ArtifactContent {
  artifactType: string;
}

/** What refers to the images of this engine. */
export class Attachments {
  readonly #options: AttachmentsOptions;
  readonly #stored: Collection<Attachment>;
  readonly #bySubject = new Map<Digest, Map<Digest, Attachment>>();

  constructor(options: AttachmentsOptions) {
    this.#options = options;
    this.#stored = options.store.collection('image-attachments');
    for (const [, attachment] of this.#stored.entries()) this.#remember(attachment);
    options.care.keptBy((digest) => this.#needs(digest));
  }

  /** In the order of their digests. */
  of(subject: Digest): Attachment[] {
    const known = this.#bySubject.get(subject)?.values() ?? [];
    return [...known].sort((a, b) => (a.manifest.digest < b.manifest.digest ? -1 : 1));
  }

  /** The same artifact of the same image is attached once. */
  async attach(
    subject: Descriptor,
    { artifactType, mediaType, content, annotations }: Artifact,
  ): Promise<void> {
    const { blobs, care } = this.#options;
    await care.ingest(async (lease) => {
      const write = async (bytes: Buffer): Promise<{ digest: Digest; size: number }> => {
        const { digest, size } = await blobs.write([bytes]);
        await lease.hold(digest);
        return { digest, size };
      };
      const config = { mediaType: empty.mediaType, ...(await write(Buffer.from(empty.content))) };
      const layer: Descriptor = { mediaType, ...(await write(content)), annotations };
      const { digest, size } = await write(
        Buffer.from(
          JSON.stringify({
            ...{ schemaVersion: 2, mediaType: mediaTypes.ociManifest, artifactType, config, layers: [layer] },
            subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
          }),
        ),
      );
      const manifest: Descriptor = {
        mediaType: mediaTypes.ociManifest,
        digest,
        size,
        artifactType,
        annotations,
      };
      const attachment = { subject: subject.digest, manifest, content: layer };
      this.#stored.put(digest, attachment);
      this.#remember(attachment);
    });
  }

  /** What it says. */
  read({ content }: Attachment): Promise<Buffer> {
    return this.#options.blobs.read(content.digest, 64 * 1024 ** 2);
  }

  /** Lets go of what refers to images that are gone. */
  async sweep(isThere: (subject: Digest) => boolean): Promise<void> {
    for (const [subject, attachments] of [...this.#bySubject]) {
      if (isThere(subject)) continue;
      const all = [...attachments.values()];
      const digests = all.flatMap(({ manifest, content }) => [manifest.digest, content.digest]);
      await this.#options.care.release(digests, () => {
        for (const { manifest } of all) this.#stored.delete(manifest.digest);
        this.#bySubject.delete(subject);
      });
    }
  }

  #needs(digest: Digest): boolean {
    return [...this.#bySubject.values()].some((attachments) =>
      [...attachments.values()].some(
        ({ manifest, content }) =>
          manifest.digest === digest || content.digest === digest || digest === empty.digest,
      ),
    );
  }

  #remember(attachment: Attachment): void {
    const known = this.#bySubject.get(attachment.subject) ?? new Map<Digest, Attachment>();
    known.set(attachment.manifest.digest, attachment);
    this.#bySubject.set(attachment.subject, known);
  }
}
