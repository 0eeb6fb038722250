import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { limitedBytes } from '#base/bytes.ts';
import { internal, invalid, messageOf, unauthorized } from '#base/errors.ts';
import { registryOfServerAddress } from '#adapters/registry-client/endpoints.ts';
import {
  Calls,
  tries,
  type Call,
  type Caller,
  type RegistryOptions,
} from '#adapters/registry-client/calls.ts';
import { pullError, pushError } from '#adapters/registry-client/registry-errors.ts';
import {
  isTransient,
  textOf,
  type HttpRequest,
  type HttpResponse,
} from '#adapters/registry-client/transport.ts';
import { parseDigest, type Digest } from '#domain/image/digest.ts';
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

  constructor(options: RegistryOptions) {
    this.#calls = new Calls(options);
  }

  close(): void {
    this.#calls.close();
  }

  async manifest(
    reference: Reference,
    auth: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<FetchedManifest> {
    const caller = { reference, auth, signal };
    const path = `/v2/${reference.repository}/manifests/${reference.digest ?? reference.tag ?? 'latest'}`;
    const response = await this.#calls.retried(caller, {
      method: 'GET',
      path,
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

  async blob(
    reference: Reference,
    blob: Descriptor,
    auth: Credentials | undefined,
    signal: AbortSignal,
    offset = 0,
  ): Promise<Readable> {
    const caller = { reference, auth, signal };
    const first = await this.#openBlob(caller, blob, offset);
    return Readable.from(this.#resumed(caller, blob, offset, first), { objectMode: false });
  }

  async hasBlob(
    reference: Reference,
    digest: Digest,
    auth: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<boolean> {
    const path = `/v2/${reference.repository}/blobs/${digest}`;
    const call: Call = { method: 'HEAD', path, actions: 'pull,push' };
    const response = await this.#calls.retried({ reference, auth, signal }, call);
    response.body.resume();
    if (response.status === 200) return true;
    if (response.status === 404) return false;
    throw pushError(response.status, '');
  }

  async pushBlob(
    reference: Reference,
    blob: Descriptor,
    open: () => Promise<Readable>,
    auth: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const caller = { reference, auth, signal };
    await this.#calls.trying(caller, async () => {
      const begun = await this.#calls.call(caller, {
        method: 'POST',
        path: `/v2/${reference.repository}/blobs/uploads/`,
        headers: { 'content-length': '0' },
        actions: 'pull,push',
      });
      await expect(begun, 202);
      const location = new URL(begun.headers.location ?? '', begun.url);
      location.searchParams.set('digest', blob.digest);
      const done = await this.#calls.call(caller, {
        method: 'PUT',
        path: location.href,
        headers: { 'content-type': 'application/octet-stream', 'content-length': String(blob.size) },
        body: open,
        actions: 'pull,push',
      });
      await expect(done, 201);
    });
  }

  async pushManifest(
    reference: Reference,
    mediaType: string,
    content: Buffer,
    auth: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<Digest> {
    const digest = parseDigest(`sha256:${createHash('sha256').update(content).digest('hex')}`);
    const path = `/v2/${reference.repository}/manifests/${reference.tag ?? digest}`;
    const response = await this.#calls.call(
      { reference, auth, signal },
      {
        method: 'PUT',
        path,
        headers: { 'content-type': mediaType, 'content-length': String(content.length) },
        body: () => content,
        actions: 'pull,push',
      },
    );
    await expect(response, 201);
    return digest;
  }

  tags(
    reference: Pick<Reference, 'registry' | 'repository'>,
    auth: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<string[]> {
    return listTags(this.#calls, { reference, auth, signal });
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
    const second = await ping(await this.#calls.tokens.answer(first, '', auth, send, signal));
    if (second.status !== 200)
      throw unauthorized('registry-denied', `Get "${url.href}": unauthorized: authentication required`);
    return {
      status: 'Login Succeeded',
      identityToken: await this.#calls.tokens.identityToken(first, auth, send, signal),
    };
  }

  /** Goes on where a broken connection stopped. */
  async *#resumed(
    caller: Caller,
    blob: Descriptor,
    offset: number,
    first: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array> {
    let at = offset;
    let source: AsyncIterable<Uint8Array> | undefined = first;
    for (let failures = 0; ;) {
      try {
        source ??= await this.#openBlob(caller, blob, at);
        for await (const chunk of source) {
          at += chunk.length;
          failures = 0;
          yield chunk;
        }
        if (at >= blob.size) return;
        throw Object.assign(new Error('the connection closed early'), { code: 'ECONNRESET' });
      } catch (error) {
        caller.signal.throwIfAborted();
        if (!isTransient(error) || ++failures >= tries)
          throw internal('registry-transfer-failed', `fetching blob ${blob.digest}: ${messageOf(error)}`, {
            cause: error,
          });
        source = undefined;
        await this.#calls.pause(failures, caller.signal);
      }
    }
  }

  async #openBlob(caller: Caller, blob: Descriptor, offset: number): Promise<AsyncIterable<Uint8Array>> {
    const headers: Record<string, string> = offset === 0 ? {} : { range: `bytes=${offset}-` };
    const path = `/v2/${caller.reference.repository}/blobs/${blob.digest}`;
    const response = await this.#calls.retried(caller, { method: 'GET', path, headers, actions: 'pull' });
    if (response.status === 206 && offset > 0) return response.body;
    if (response.status === 200) return skip(response.body, offset);
    throw pullError(caller.reference, response.status, await textOf(response));
  }
}

async function expect(response: HttpResponse, status: number): Promise<void> {
  const content = await textOf(response);
  if (response.status !== status) throw pushError(response.status, content);
}

/** For a registry that does not know ranges. */
async function* skip(body: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let left = count;
  for await (const chunk of body) {
    const rest = chunk.subarray(Math.min(left, chunk.length));
    left -= chunk.length - rest.length;
    if (rest.length > 0) yield rest;
  }
}
