import { createHash } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Readable } from 'node:stream';
import { limitedBytes } from '#base/bytes.ts';
import { derivedStream } from '#base/derived-stream.ts';
import { invalid, unauthorized } from '#base/errors.ts';
import { registryOfServerAddress } from '#adapters/registry-client/endpoints.ts';
import { Calls, type Caller, type RegistryOptions } from '#adapters/registry-client/calls.ts';
import { openBlob, resumed } from '#adapters/registry-client/downloading.ts';
import { pullError } from '#adapters/registry-client/registry-errors.ts';
import { listReferrers, tagReferrer } from '#adapters/registry-client/referrers.ts';
import { textOf, type HttpRequest, type HttpResponse } from '#adapters/registry-client/transport.ts';
import { expectStatus, hasBlob, mountBlob, Upload } from '#adapters/registry-client/uploading.ts';
import { isDigest, parseDigest, type Digest } from '#domain/image/digest.ts';
import { mediaTypes, type Descriptor } from '#domain/image/manifest.ts';
import type { Reference } from '#domain/image/reference.ts';
import { listTags, search } from '#adapters/registry-client/registry-lists.ts';
import type { Credentials, FetchedManifest, RegistryClient, SearchResult } from '#ports/registry-client.ts';

const maxManifest = 4 * 1024 * 1024;
const manifestTypes = [
  mediaTypes.ociManifest,
  mediaTypes.ociIndex,
  mediaTypes.dockerManifest,
  mediaTypes.dockerIndex,
];

/** OCI distribution specification 1.1 over HTTP, as a client. */
export class HttpRegistryClient implements RegistryClient {
  readonly #calls: Calls;
  readonly #passesOver: ((mirror: string) => boolean) | undefined;

  constructor(options: RegistryOptions | Calls, passesOver?: (mirror: string) => boolean) {
    this.#calls = options instanceof Calls ? options : new Calls(options);
    this.#passesOver = passesOver;
  }

  /** The same connections and tokens, for one who is a mirror himself and must not ask himself. @param mirrors HOST[:PORT] */
  passingOver(mirrors: (host: string) => boolean): HttpRegistryClient {
    return new HttpRegistryClient(this.#calls, mirrors);
  }

  close(): void {
    this.#calls.close();
  }

  async manifest(
    reference: Reference,
    auth: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<FetchedManifest> {
    return this.#calls.mirrors.firstOf(this.#caller(reference, auth, signal), (caller) =>
      this.#manifest(caller),
    );
  }

  #caller(reference: Reference, auth: Credentials | undefined, signal: AbortSignal): Caller {
    const passesOver = this.#passesOver;
    return { reference, auth, signal, ...(passesOver !== undefined && { passesOver }) };
  }

  async #manifest(caller: Caller): Promise<FetchedManifest> {
    const { reference } = caller;
    const response = await this.#calls.retried(caller, {
      method: 'GET',
      path: pathOf(reference),
      headers: { accept: manifestTypes.join(', ') },
      actions: 'pull',
    });
    if (response.status !== 200) throw pullError(reference, response.status, await textOf(response));
    const tooMuch = (): Error =>
      invalid('manifest-too-large', `a manifest has more than ${maxManifest} bytes`);
    const content = Buffer.from(await limitedBytes(response.body, maxManifest, tooMuch));
    const digest = parseDigest(`sha256:${createHash('sha256').update(content).digest('hex')}`);
    if (reference.digest !== undefined && reference.digest !== digest)
      throw invalid(
        'manifest-digest-mismatch',
        `manifest verification failed for digest ${reference.digest}: the content has ${digest}`,
      );
    const mediaType = (response.headers['content-type'] ?? '').split(';')[0]?.trim() ?? '';
    if (/docker\.distribution\.manifest\.v1\+/.test(mediaType))
      throw invalid(
        'manifest-too-old',
        `'${reference.repository}' has a manifest of schema version 1, which is no longer read`,
        { hint: 'push the image again with a current tool' },
      );
    return { mediaType, digest, content };
  }

  async manifestDigest(
    reference: Reference,
    auth: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<Digest | undefined> {
    return this.#calls.mirrors.firstOf(this.#caller(reference, auth, signal), async (caller) => {
      const response = await this.#calls.retried(caller, {
        method: 'HEAD',
        path: pathOf(caller.reference),
        headers: { accept: manifestTypes.join(', ') },
        actions: 'pull',
      });
      response.body.resume();
      if (response.status !== 200) throw pullError(caller.reference, response.status, '');
      const told = [response.headers['docker-content-digest'] ?? ''].flat()[0] ?? '';
      return isDigest(told) ? told : undefined;
    });
  }

  referrers(
    reference: Pick<Reference, 'registry' | 'repository'>,
    subject: Digest,
    auth: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<Descriptor[]> {
    return this.#calls.mirrors.firstOf(this.#caller({ ...reference }, auth, signal), (caller) =>
      listReferrers(this.#calls, caller, subject),
    );
  }

  async blob(
    reference: Reference,
    blob: Descriptor,
    auth: Credentials | undefined,
    signal: AbortSignal,
    offset = 0,
    direct = false,
  ): Promise<Readable> {
    const open = async (caller: Caller): Promise<Readable> => {
      const first = await openBlob(this.#calls, caller, blob, offset);
      return derivedStream(first, resumed(this.#calls, caller, blob, offset, first));
    };
    const caller = this.#caller(reference, auth, signal);
    return direct ? open(caller) : this.#calls.mirrors.firstOf(caller, open);
  }

  hasBlob(
    reference: Reference,
    digest: Digest,
    auth: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<boolean> {
    return hasBlob(this.#calls, { reference, auth, signal }, digest);
  }

  pushBlob(
    reference: Reference,
    blob: Descriptor,
    open: (start: number, end?: number) => Promise<Readable>,
    auth: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    return new Upload(this.#calls, { reference, auth, signal }, blob, open).run();
  }

  mountBlob(
    reference: Reference,
    digest: Digest,
    from: string,
    auth: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<boolean> {
    return mountBlob(this.#calls, { reference, auth, signal }, digest, from);
  }

  async pushManifest(
    reference: Reference,
    mediaType: string,
    content: Buffer,
    auth: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<Digest> {
    const digest = parseDigest(`sha256:${createHash('sha256').update(content).digest('hex')}`);
    const caller = { reference, auth, signal };
    const response = await this.#calls.retried(caller, {
      method: 'PUT',
      path: `/v2/${reference.repository}/manifests/${reference.tag ?? digest}`,
      headers: { 'content-type': mediaType, 'content-length': String(content.length) },
      body: () => content,
      actions: 'pull,push',
    });
    await expectStatus(response, 201);
    // A registry that lists referrers says so with this header.
    if (response.headers['oci-subject'] === undefined)
      await tagReferrer(this.#calls, caller, { mediaType, digest, size: content.length }, content);
    return digest;
  }

  tags(
    reference: Pick<Reference, 'registry' | 'repository'>,
    auth: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<string[]> {
    return this.#calls.mirrors.firstOf(this.#caller({ ...reference }, auth, signal), (caller) =>
      listTags(this.#calls, caller),
    );
  }

  search(
    asked: { registry: string; term: string; limit: number },
    auth: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<SearchResult[]> {
    return search(this.#calls, asked, { auth, signal });
  }

  async login(server: string, auth: Credentials): Promise<{ status: string; identityToken: string }> {
    const registry = registryOfServerAddress(server);
    const signal = AbortSignal.timeout(30_000);
    const send = (request: HttpRequest): Promise<HttpResponse> => this.#calls.send(registry, request);
    const url = new URL('/v2/', await this.#calls.base(registry, signal));
    const ping = async (authorization?: string): Promise<HttpResponse> => {
      const response = await send({ method: 'GET', url, headers: { authorization }, signal });
      response.body.resume();
      return response;
    };
    const first = await ping();
    if (first.status !== 401) return { status: 'Login Succeeded', identityToken: '' };
    const second = await ping(await this.#calls.tokens.answer(first, [], auth, send, signal));
    if (second.status !== 200)
      throw unauthorized(
        'registry-denied',
        `login attempt to ${url.href} failed with status: ${second.status} ${STATUS_CODES[second.status] ?? ''}`,
      );
    return {
      status: 'Login Succeeded',
      identityToken: await this.#calls.tokens.identityToken(first, auth, send, signal),
    };
  }
}

function pathOf({ repository, digest, tag = 'latest' }: Reference): string {
  return `/v2/${repository}/manifests/${digest ?? tag}`;
}
