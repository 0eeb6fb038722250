import type { Readable } from 'node:stream';
import type { Digest } from '#domain/image/digest.ts';
import type { Descriptor } from '#domain/image/manifest.ts';

/** Folders of people that hold blobs as an OCI layout (image specification, image-layout.md). */
export interface LayoutFolders {
  /** Undefined when it is not there. The digest of the first manifest that its index names. @throws invalid `layout-invalid` */
  manifest(folder: string): Promise<Digest | undefined>;
  /** Undefined when it is not there. */
  read(folder: string, digest: Digest): Promise<Readable | undefined>;
  /** Makes the folder where it is not there. What is there under the digest stays. @throws whatever the content throws */
  write(folder: string, blob: Descriptor, content: Readable): Promise<void>;
  /** Makes a manifest the only one that the index names. */
  finish(folder: string, manifest: Descriptor): Promise<void>;
}
