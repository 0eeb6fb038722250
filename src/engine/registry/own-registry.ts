import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { BerthError, internal, isKind, notFound, unauthorized } from '#base/errors.ts';
import { isDigest, parseDigest, type Digest } from '#domain/image/digest.ts';
import type { Descriptor } from '#domain/image/manifest.ts';
import { familiarName, formatReference, type Reference } from '#domain/image/reference.ts';
import { checkRepositoryName, parseManifestReference } from '#domain/registry/names.ts';
import type { Action } from '#domain/registry/rights.ts';
import { may, type Caller } from '#engine/registry/access.ts';
import type { ManifestReference } from '#engine/registry/manifests.ts';
import type { Registry } from '#engine/registry/registry.ts';
import type { Credentials, FetchedManifest, RegistryClient, SearchResult } from '#ports/registry-client.ts';

type Repository = Pick<Reference, 'registry' | 'repository'>;
type Auth = Credentials | undefined;

/**
 * Registries for the engine: the built-in one is asked without HTTP, with the same rights, and as it has the engine's own
 * blob store, nothing is copied in either direction. All others are asked by `elsewhere`.
 */
export class OwnRegistry implements RegistryClient {
  readonly #elsewhere: RegistryClient;
  #registry: Registry | undefined;

  constructor(elsewhere: RegistryClient) {
    this.#elsewhere = elsewhere;
  }

  /** From now on this is the built-in registry, under the names that it gives itself. */
  serve(registry: Registry): void {
    this.#registry = registry;
  }

  sharesStore(registry: string): boolean {
    return this.#own(registry) !== undefined;
  }

  async manifest(reference: Reference, auth: Auth, signal: AbortSignal): Promise<FetchedManifest> {
    const own = this.#own(reference.registry);
    if (own === undefined) return this.#elsewhere.manifest(reference, auth, signal);
    const caller = await this.#caller(own, reference, auth, 'pull');
    try {
      const named = referenceOf(reference);
      const record = await own.find(reference.repository, named, signal);
      const content = await own.read(record, named, caller.user);
      return { mediaType: record.mediaType, digest: record.blob, content };
    } catch (error) {
      if (!isKind(error, 'not-found')) throw error;
      throw notFound(
        'manifest-unknown',
        `manifest for ${familiarName(formatReference(reference))} not found: manifest unknown: ${error.message}`,
      );
    }
  }

  async manifestDigest(reference: Reference, auth: Auth, signal: AbortSignal): Promise<Digest | undefined> {
    const own = this.#own(reference.registry);
    if (own === undefined) return this.#elsewhere.manifestDigest(reference, auth, signal);
    await this.#caller(own, reference, auth, 'pull');
    return (await own.find(reference.repository, referenceOf(reference), signal)).blob;
  }

  async referrers(
    reference: Repository,
    subject: Digest,
    auth: Auth,
    signal: AbortSignal,
  ): Promise<Descriptor[]> {
    const own = this.#own(reference.registry);
    if (own === undefined) return this.#elsewhere.referrers(reference, subject, auth, signal);
    await this.#caller(own, reference, auth, 'pull');
    const repository = checkRepositoryName(reference.repository);
    const { manifests } = await own.referrers(repository, subject, undefined, signal);
    return manifests.flatMap(({ digest, ...rest }) => (isDigest(digest) ? [{ ...rest, digest }] : []));
  }

  async blob(
    reference: Reference,
    blob: Descriptor,
    auth: Auth,
    signal: AbortSignal,
    offset = 0,
    direct = false,
  ): Promise<Readable> {
    const own = this.#own(reference.registry);
    if (own === undefined) return this.#elsewhere.blob(reference, blob, auth, signal, offset, direct);
    await this.#caller(own, reference, auth, 'pull');
    return own.pass(reference.repository, blob.digest, offset, signal);
  }

  async hasBlob(reference: Reference, digest: Digest, auth: Auth, signal: AbortSignal): Promise<boolean> {
    const own = this.#own(reference.registry);
    if (own === undefined) return this.#elsewhere.hasBlob(reference, digest, auth, signal);
    await this.#caller(own, reference, auth, 'push');
    return own.blobs.get(checkRepositoryName(reference.repository), digest).then(
      () => true,
      (error: unknown) => {
        if (isKind(error, 'not-found')) return false;
        throw error;
      },
    );
  }

  /** The engine pushes what its store holds, so that a reference is all that is made. */
  async pushBlob(
    reference: Reference,
    blob: Descriptor,
    open: (start: number, end?: number) => Promise<Readable>,
    auth: Auth,
    signal: AbortSignal,
  ): Promise<void> {
    const own = this.#own(reference.registry);
    if (own === undefined) {
      await this.#elsewhere.pushBlob(reference, blob, open, auth, signal);
      return;
    }
    await this.#caller(own, reference, auth, 'push');
    own.refuseMirror(reference.repository);
    const { digest, size } = blob;
    const added = await own.blobs.add(reference.repository, { digest, blob: digest, size });
    if (added === undefined)
      throw internal('image-part-missing', `pushing: the blob ${digest} is not in the store`);
  }

  async mountBlob(
    reference: Reference,
    digest: Digest,
    from: string,
    auth: Auth,
    signal: AbortSignal,
  ): Promise<boolean> {
    const own = this.#own(reference.registry);
    if (own === undefined) return this.#elsewhere.mountBlob(reference, digest, from, auth, signal);
    const caller = await this.#caller(own, reference, auth, 'push');
    own.refuseMirror(reference.repository);
    const mayPull = (name: string): boolean => may(caller, name, 'pull');
    return (await own.blobs.mount(reference.repository, digest, from, mayPull)) !== undefined;
  }

  async pushManifest(
    reference: Reference,
    mediaType: string,
    content: Buffer,
    auth: Auth,
    signal: AbortSignal,
  ): Promise<Digest> {
    const own = this.#own(reference.registry);
    if (own === undefined) return this.#elsewhere.pushManifest(reference, mediaType, content, auth, signal);
    const { user: by } = await this.#caller(own, reference, auth, 'push');
    const { repository } = reference;
    own.refuseMirror(repository);
    const named = reference.tag === undefined ? { digest: digestOf(content) } : referenceOf(reference);
    const pushed = { repository, reference: named, tags: [], contentType: mediaType, content, by };
    return (await own.manifests.put(pushed)).blob;
  }

  async tags(reference: Repository, auth: Auth, signal: AbortSignal): Promise<string[]> {
    const own = this.#own(reference.registry);
    if (own === undefined) return this.#elsewhere.tags(reference, auth, signal);
    await this.#caller(own, reference, auth, 'pull');
    try {
      return await own.tags(checkRepositoryName(reference.repository), signal);
    } catch (error) {
      if (!isKind(error, 'not-found')) throw error;
      throw notFound(
        'repository-unknown',
        `repository ${reference.registry}/${reference.repository} not found`,
      );
    }
  }

  async search(
    asked: { registry: string; term: string; limit: number },
    auth: Auth,
    signal: AbortSignal,
  ): Promise<SearchResult[]> {
    const own = this.#own(asked.registry);
    if (own === undefined) return this.#elsewhere.search(asked, auth, signal);
    const caller = await callerOf(own, auth);
    return own
      .repositories((name) => may(caller, name, 'pull'))
      .filter((name) => name.includes(asked.term))
      .slice(0, asked.limit)
      .map((name) => ({ name, description: '', stars: 0, isOfficial: false }));
  }

  async login(registry: string, auth: Credentials): Promise<{ status: string; identityToken: string }> {
    const own = this.#own(registry);
    if (own === undefined) return this.#elsewhere.login(registry, auth);
    await callerOf(own, auth);
    return { status: 'Login Succeeded', identityToken: '' };
  }

  #own(registry: string): Registry | undefined {
    return this.#registry?.isNamed(registry) === true ? this.#registry : undefined;
  }

  /** @throws unauthorized `registry-denied` in the words of Docker's client */
  async #caller(
    own: Registry,
    { registry, repository }: Repository,
    auth: Auth,
    action: Action,
  ): Promise<Caller> {
    const name = familiarName(`${registry}/${repository}`);
    try {
      const caller = await callerOf(own, auth);
      own.access.require(caller, checkRepositoryName(repository), action);
      return caller;
    } catch (error) {
      if (!(error instanceof BerthError) || (error.kind !== 'unauthorized' && error.kind !== 'forbidden'))
        throw error;
      if (action !== 'pull')
        throw unauthorized(
          'registry-denied',
          `denied: requested access to the resource is denied: ${error.message}`,
        );
      throw notFound(
        'registry-denied',
        `pull access denied for ${name}, repository does not exist or may require 'docker login': denied: ` +
          `requested access to the resource is denied: ${error.message}`,
      );
    }
  }
}

/** @throws unauthorized `registry-credentials-wrong`, `registry-token-invalid` */
function callerOf(own: Registry, auth: Auth): Promise<Caller> | Caller {
  const { username = '', password = '', registryToken = '' } = auth ?? {};
  if (registryToken !== '') return own.access.bearer(registryToken);
  return username === '' ? own.access.anonymous() : own.access.basic({ username, password }, 'this engine');
}

function referenceOf({ digest, tag = 'latest' }: Reference): ManifestReference {
  return digest === undefined ? parseManifestReference(tag) : { digest: parseDigest(digest) };
}

function digestOf(content: Buffer): Digest {
  return parseDigest(`sha256:${createHash('sha256').update(content).digest('hex')}`);
}
