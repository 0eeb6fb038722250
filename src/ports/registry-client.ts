import type { Readable } from 'node:stream';
import type { Digest } from '#domain/image/digest.ts';
import type { Descriptor } from '#domain/image/manifest.ts';
import type { Reference } from '#domain/image/reference.ts';

/** Docker's X-Registry-Auth, decoded. Undefined parts are absent. */
export interface Credentials {
  username?: string;
  password?: string;
  identityToken?: string;
  registryToken?: string;
}

export interface FetchedManifest {
  mediaType: string;
  digest: Digest;
  content: Buffer;
}

export interface SearchResult {
  name: string;
  description: string;
  stars: number;
  isOfficial: boolean;
}

/**
 * A registry elsewhere (OCI distribution specification), anonymous, basic or token authentication. Every call
 * throws, besides what it says, unauthorized `registry-denied` and internal `registry-unreachable`,
 * `registry-failed` (internal, because Docker answers 500 to its clients where a registry cannot be had).
 */
export interface RegistryClient {
  /** @throws not-found `manifest-unknown`, `repository-unknown`; invalid `manifest-too-large` */
  manifest(
    reference: Reference,
    auth: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<FetchedManifest>;
  /**
   * The digest that a name stands for, without the manifest; undefined where a registry does not tell it so.
   * @throws as `manifest`
   */
  manifestDigest(
    reference: Reference,
    auth: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<Digest | undefined>;
  /** The manifests that have another one of the repository as their subject. */
  referrers(
    reference: Pick<Reference, 'registry' | 'repository'>,
    subject: Digest,
    auth: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<Descriptor[]>;
  /**
   * The content from byte `offset` on, never more than the blob's size; it is the caller who verifies the digest. Goes on
   * where a broken connection stopped. With `direct` no mirror is asked, for one that had something else.
   * @throws internal `registry-transfer-failed`
   */
  blob(
    reference: Reference,
    blob: Descriptor,
    auth: Credentials | undefined,
    signal: AbortSignal,
    offset?: number,
    direct?: boolean,
  ): Promise<Readable>;
  hasBlob(
    reference: Reference,
    digest: Digest,
    auth: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<boolean>;
  /**
   * `open` gives the content from a byte on, up to another (not included) or the end, anew for each try; what a
   * registry has of a broken upload is not sent again.
   */
  pushBlob(
    reference: Reference,
    blob: Descriptor,
    open: (start: number, end?: number) => Promise<Readable>,
    auth: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * Has the registry take a blob from another of its repositories. False: it has to be pushed, which the registry
   * may have no right to tell from where.
   */
  mountBlob(
    reference: Reference,
    digest: Digest,
    from: string,
    auth: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<boolean>;
  /** One with a subject is listed as its referrer afterwards, also by registries that know nothing of referrers. */
  pushManifest(
    reference: Reference,
    mediaType: string,
    content: Buffer,
    auth: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<Digest>;
  /** All of a repository. @throws not-found `repository-unknown` */
  tags(
    reference: Pick<Reference, 'registry' | 'repository'>,
    auth: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<string[]>;
  /** At most `limit` repositories that the registry's index, or else its catalogue, finds for a term. */
  search(
    asked: { registry: string; term: string; limit: number },
    auth: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<SearchResult[]>;
  /**
   * Whether a registry, HOST[:PORT], keeps its blobs in the engine's own store, so that what is pushed is taken as it is
   * stored, and by reference. Absent: none does.
   */
  sharesStore?(registry: string): boolean;
  /** Checks credentials, as `docker login` does. */
  login(registry: string, auth: Credentials): Promise<{ status: string; identityToken: string }>;
}
