import type { Readable } from 'node:stream';
import type { Descriptor } from '#domain/image/manifest.ts';
import type { ProvenanceOptions } from '#domain/build/provenance.ts';
import type { NamedFolder } from '#ports/root-files.ts';
import type { Predicate } from './images.ts';

/** How the layers of an output are compressed; `force` compresses anew those that have another form. */
export interface OutputCompression {
  type: 'uncompressed' | 'gzip' | 'zstd';
  level?: number;
  force: boolean;
}

/** What becomes of the result, in the words of `docker buildx build --output`. */
export type BuildOutput =
  /** Into the images of this engine, under the request's tags and these names; with `push` on to their registries. */
  | { kind: 'image'; names: string[]; push: boolean; compression?: OutputCompression }
  /** An archive of an OCI layout, or as `docker save` writes it. */
  | { kind: 'oci' | 'docker'; names: string[]; write: WriteTar; compression?: OutputCompression }
  /** The files of the result as one tar; those of several platforms each in a folder, such as `linux_amd64`. */
  | { kind: 'tar'; write: WriteTar }
  /** The files of the result into a folder of this machine that is there; absent the owner, theirs are kept. */
  | { kind: 'folder'; folder: string; owner?: { uid: number; gid: number } }
  /** The files of the result, of several platforms by their names: folders that are there, read-only, until the promise settles. */
  | { kind: 'local'; send: (folders: readonly NamedFolder[]) => Promise<void> };

/** What the outputs of a build have got. */
export interface Exported {
  /** Of the image, or of the index where there are several platforms or attestations; as a registry has it where it was pushed. */
  target: Descriptor;
  /** What is attested of the image for each platform (`linux/amd64`). */
  attested: { platform: string; predicates: readonly Predicate[] }[];
}

/** Takes the whole archive; settles when the receiver has it. */
export type WriteTar = (archive: Readable) => Promise<void>;

/** In-toto statements that go with the image. */
export interface Attestations {
  provenance?: ProvenanceOptions;
  /** A bill of materials by the package database of the image. */
  sbom?: boolean;
}
