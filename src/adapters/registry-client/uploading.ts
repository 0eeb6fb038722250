import type { Readable } from 'node:stream';
import { internal } from '#base/errors.ts';
import type { Caller, Calls } from '#adapters/registry-client/calls.ts';
import { pushError } from '#adapters/registry-client/registry-errors.ts';
import { isTransient } from '#adapters/registry-client/transport-errors.ts';
import { textOf, type HttpResponse } from '#adapters/registry-client/transport.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { Descriptor } from '#domain/image/manifest.ts';

const chunkBytes = 32 * 1024 * 1024;
/** What a registry, or a proxy before it, answers to a body that is too large for it. */
const tooLarge = 413;

/** Where an upload goes on. */
interface Session {
  location: URL;
  /** Bytes that the registry has. */
  at: number;
  /** Bytes that a chunk has at least (OCI-Chunk-Min-Length). */
  chunk: number;
}

export async function expectStatus(response: HttpResponse, ...wanted: number[]): Promise<void> {
  const content = await textOf(response);
  if (!wanted.includes(response.status)) throw pushError(response.status, content);
}

/** Whether a repository has a blob. @throws as `pushError` */
export async function hasBlob(calls: Calls, caller: Caller, digest: Digest): Promise<boolean> {
  const path = `/v2/${caller.reference.repository}/blobs/${digest}`;
  const response = await calls.retried(caller, { method: 'HEAD', path, actions: 'pull,push' });
  response.body.resume();
  if (response.status === 200) return true;
  if (response.status === 404) return false;
  throw pushError(response.status, '');
}

/** Asks for a blob from another repository (distribution specification, Mounting a blob). */
export async function mountBlob(
  calls: Calls,
  caller: Caller,
  digest: Digest,
  from: string,
): Promise<boolean> {
  const query = new URLSearchParams({ mount: digest, from });
  const response = await calls.retried(caller, {
    method: 'POST',
    path: `/v2/${caller.reference.repository}/blobs/uploads/?${query.toString()}`,
    headers: { 'content-length': '0' },
    actions: 'pull,push',
    alsoFrom: from,
  });
  await textOf(response);
  // The upload that it began instead is left to the registry: who is asked for one source after the other has many.
  return response.status === 201;
}

/**
 * One blob on its way: in one request where the registry takes it so, else in chunks, going on from what it has after
 * a broken connection (distribution specification, Pushing blobs).
 */
export class Upload {
  readonly #calls: Calls;
  readonly #caller: Caller;
  readonly #blob: Descriptor;
  readonly #open: (start: number, end?: number) => Promise<Readable>;
  #session: Session | undefined;
  #inChunks = false;

  constructor(
    calls: Calls,
    caller: Caller,
    blob: Descriptor,
    open: (start: number, end?: number) => Promise<Readable>,
  ) {
    this.#calls = calls;
    this.#caller = caller;
    this.#blob = blob;
    this.#open = open;
  }

  /** @throws as `pushError` */
  async run(): Promise<void> {
    // A failure counts only while nothing more arrives: a bad line is no reason to give up.
    for (let before = -1; ;) {
      const at = this.#session?.at ?? 0;
      try {
        await this.#calls.trying(this.#caller, () => this.#try());
        return;
      } catch (error) {
        this.#caller.signal.throwIfAborted();
        if (!isTransient(error) || at <= before) throw error;
        before = at;
      }
    }
  }

  async #try(): Promise<void> {
    if (this.#session === undefined) this.#session = await this.#begin();
    else {
      // What failed may have been the answer only.
      if (await hasBlob(this.#calls, this.#caller, this.#blob.digest)) return;
      this.#session = await this.#goOn(this.#session);
    }
    if (!this.#inChunks && this.#session.at === 0 && (await this.#atOnce(this.#session))) return;
    this.#inChunks = true;
    let session = this.#session;
    while (session.at < this.#blob.size) session = this.#session = await this.#chunk(session);
    await this.#end(session);
  }

  async #begin(): Promise<Session> {
    const response = await this.#calls.call(this.#caller, {
      method: 'POST',
      path: `/v2/${this.#caller.reference.repository}/blobs/uploads/`,
      headers: { 'content-length': '0' },
      actions: 'pull,push',
    });
    this.#calls.refuseBusy(response);
    await expectStatus(response, 202);
    const least = Number(response.headers['oci-chunk-min-length'] ?? 0);
    return { location: this.#locationIn(response), at: 0, chunk: Math.max(chunkBytes, least || 0) };
  }

  /** What the registry has of it after a failure; begins again when it knows nothing of it any more. */
  async #goOn(session: Session): Promise<Session> {
    const response = await this.#calls.call(this.#caller, {
      method: 'GET',
      path: session.location.href,
      actions: 'pull,push',
    });
    this.#calls.refuseBusy(response);
    await textOf(response);
    if (response.status !== 204) return this.#begin();
    return this.#after(session, response);
  }

  /** False: the registry takes no body of this size, and the upload begins again, for chunks. */
  async #atOnce(session: Session): Promise<boolean> {
    const { size } = this.#blob;
    const response = await this.#put(session, { 'content-length': String(size) }, () => this.#open(0));
    if (response.status !== tooLarge || size === 0) {
      this.#calls.refuseBusy(response);
      await expectStatus(response, 201);
      return true;
    }
    response.body.resume();
    this.#session = await this.#begin();
    return false;
  }

  async #chunk(session: Session): Promise<Session> {
    const { at } = session;
    const end = Math.min(at + session.chunk, this.#blob.size);
    const response = await this.#calls.call(this.#caller, {
      method: 'PATCH',
      path: session.location.href,
      headers: {
        'content-type': 'application/octet-stream',
        'content-length': String(end - at),
        'content-range': `${at}-${end - 1}`,
      },
      body: () => this.#open(at, end),
      actions: 'pull,push',
    });
    this.#calls.refuseBusy(response);
    if (response.status === 416) {
      response.body.resume();
      return this.#goOn(session);
    }
    if (response.status === tooLarge && session.chunk > 1024 * 1024) {
      response.body.resume();
      return { ...(await this.#begin()), chunk: Math.floor(session.chunk / 4) };
    }
    await expectStatus(response, 202);
    const next = this.#after(session, response);
    return next.at > at ? next : { ...next, at: end };
  }

  async #end(session: Session): Promise<void> {
    const response = await this.#put(session, { 'content-length': '0' }, undefined);
    this.#calls.refuseBusy(response);
    await expectStatus(response, 201);
  }

  #put(
    { location }: Session,
    headers: Record<string, string>,
    body: (() => Promise<Readable>) | undefined,
  ): Promise<HttpResponse> {
    const url = new URL(location);
    url.searchParams.set('digest', this.#blob.digest);
    return this.#calls.call(this.#caller, {
      method: 'PUT',
      path: url.href,
      headers: { 'content-type': 'application/octet-stream', ...headers },
      actions: 'pull,push',
      ...(body !== undefined && { body }),
    });
  }

  /** `Range: 0-N` names the last byte that is there; a registry that has none says `0-0`, or nothing. */
  #after(session: Session, response: HttpResponse): Session {
    const range = [response.headers['range'] ?? ''].flat().join('');
    const last = Number(/^(?:bytes=)?0-(\d+)$/.exec(range)?.[1] ?? 0);
    const at = last === 0 ? 0 : last + 1;
    if (at > this.#blob.size)
      throw internal(
        'registry-range-invalid',
        `pushing blob ${this.#blob.digest}: the registry says that it has ${at} bytes; there are ${this.#blob.size}`,
      );
    const location = response.headers.location === undefined ? session.location : this.#locationIn(response);
    return { ...session, location, at };
  }

  #locationIn(response: HttpResponse): URL {
    const location = response.headers.location ?? '';
    if (location !== '' && URL.canParse(location, response.url)) return new URL(location, response.url);
    throw internal(
      'registry-failed',
      `pushing blob ${this.#blob.digest}: the registry names no place for the upload`,
    );
  }
}
