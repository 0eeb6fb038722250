import type { Readable } from 'node:stream';
import { derivedStream } from '#base/derived-stream.ts';
import { internal, invalid, messageOf } from '#base/errors.ts';
import type { Caller, Calls } from '#adapters/registry-client/calls.ts';
import { pullError } from '#adapters/registry-client/registry-errors.ts';
import { tries } from '#adapters/registry-client/retrying.ts';
import { isTransient } from '#adapters/registry-client/transport-errors.ts';
import { textOf, type HttpResponse } from '#adapters/registry-client/transport.ts';
import type { Descriptor } from '#domain/image/manifest.ts';

type Bytes = AsyncIterable<Uint8Array>;

/** The content of a blob from `offset` on, going on where a broken connection stopped. @param first as `openBlob` gave it */
export async function* resumed(
  calls: Calls,
  caller: Caller,
  blob: Descriptor,
  offset: number,
  first: Bytes,
): AsyncGenerator<Uint8Array> {
  let at = offset;
  let source: Bytes | undefined = first;
  for (let failures = 0; ;) {
    try {
      source ??= await openBlob(calls, caller, blob, at);
      for await (const chunk of source) {
        at += chunk.length;
        if (at > blob.size) throw oversized(blob);
        failures = 0;
        yield chunk;
      }
      if (at === blob.size) return;
      throw Object.assign(new Error('the connection closed early'), { code: 'ECONNRESET' });
    } catch (error) {
      caller.signal.throwIfAborted();
      // How the connection ended is of no interest then.
      if (at === blob.size) return;
      if (!isTransient(error) || ++failures >= tries) throw failed(blob, error);
      source = undefined;
      await calls.pause(failures, caller.signal);
    }
  }
}

/** One connection's worth of a blob. @throws as `pullError` */
export async function openBlob(
  calls: Calls,
  caller: Caller,
  blob: Descriptor,
  offset: number,
): Promise<Readable> {
  const response = await ask(calls, caller, blob, offset);
  if (response.status === 200) return without(response.body, offset);
  const isPart = response.status === 206;
  if (isPart && startOf(response, blob) === offset) return response.body;
  if (!isPart && (response.status !== 416 || offset === 0))
    throw pullError(caller.reference, response.status, await textOf(response));
  response.body.destroy();
  // It says itself that it sends another part than was asked for, or none: then all of it, without a range.
  const whole = await ask(calls, caller, blob, 0);
  if (whole.status === 200) return without(whole.body, offset);
  whole.body.destroy();
  throw internal(
    'registry-range-invalid',
    `fetching blob ${blob.digest} from byte ${offset}: the registry answered with another range ` +
      `(${response.headers['content-range'] ?? 'without Content-Range'}) of ${blob.size} bytes`,
  );
}

function ask(calls: Calls, caller: Caller, blob: Descriptor, offset: number): Promise<HttpResponse> {
  const headers: Record<string, string> = offset === 0 ? {} : { range: `bytes=${offset}-` };
  const path = `/v2/${caller.reference.repository}/blobs/${blob.digest}`;
  return calls.retried(caller, { method: 'GET', path, headers, actions: 'pull' });
}

/** Where a partial answer begins (RFC 9110, section 14.4); undefined when it is not of this blob. */
function startOf({ headers }: HttpResponse, blob: Descriptor): number | undefined {
  const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(headers['content-range'] ?? '');
  if (match === null) return undefined;
  const [, start = '', , total = ''] = match;
  return total === '*' || Number(total) === blob.size ? Number(start) : undefined;
}

/** Without its first bytes, for a registry that does not know ranges. */
function without(body: Readable, count: number): Readable {
  return count === 0 ? body : derivedStream(body, skip(body, count));
}

async function* skip(body: Bytes, count: number): AsyncGenerator<Uint8Array> {
  let left = count;
  for await (const chunk of body) {
    const rest = chunk.subarray(Math.min(left, chunk.length));
    left -= chunk.length - rest.length;
    if (rest.length > 0) yield rest;
  }
}

function oversized(blob: Descriptor): Error {
  return invalid(
    'blob-size-mismatch',
    `fetching blob ${blob.digest}: the registry sends more than the ${blob.size} bytes that the manifest promises`,
  );
}

function failed(blob: Descriptor, error: unknown): unknown {
  if (error instanceof Error && 'kind' in error && !isTransient(error)) return error;
  return internal('registry-transfer-failed', `fetching blob ${blob.digest}: ${messageOf(error)}`, {
    cause: error,
  });
}
