import { Readable } from 'node:stream';
import type { ByteReader } from '#base/byte-reader.ts';
import { BerthError } from '#base/errors.ts';
import { shortId } from '#base/ids.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { Descriptor } from '#domain/image/manifest.ts';
import type { Reference } from '#domain/image/reference.ts';
import type { Progress, PullOptions } from '#engine/contracts.ts';
import type { LayerPlace } from '#engine/images/layers.ts';
import type { IngestLease } from '#engine/images/leases.ts';
import { measured } from '#engine/images/measured.ts';
import type { Parts } from '#engine/images/parts.ts';

/** Who fetches, from where. */
export interface Fetch extends PullOptions {
  reference: Reference;
  lease: IngestLease;
}

/** A layer as far as it has come: enough to begin unpacking. */
interface Begun {
  /** Absent: all of it is in the store. */
  content?: ByteReader;
  /** Resolves when the last byte has come. */
  whole: Promise<void>;
}

/**
 * Brings a blob into the store, from the bytes of it that are there.
 * @param onBegun is told once bytes arrive that a reader may trust: not those of an earlier time, before their digest is known
 * @param onRead hears how many bytes are there
 */
export async function fetchBlob(
  parts: Parts,
  fetch: Fetch,
  blob: Descriptor,
  { onBegun, onRead }: { onBegun?: (content: ByteReader) => void; onRead?: (bytes: number) => void } = {},
): Promise<void> {
  await fetch.lease.hold(blob.digest);
  for (let tries = 1; ; tries++) {
    await using partial = await parts.blobs.resume(blob);
    if (partial === undefined) return;
    const { offset } = partial;
    // Nobody would take a reader of what has failed meanwhile.
    fetch.signal.throwIfAborted();
    if (offset === 0 && tries === 1) onBegun?.(partial.reader());
    try {
      await partial.receive(await rest(parts, fetch, blob, { offset, direct: tries > 1, onRead }));
      return;
    } catch (error) {
      fetch.signal.throwIfAborted();
      // What was there, or what a mirror has, was something else: the registry itself may have the right thing.
      if (!isWrongContent(error) || tries > 1) throw error;
    }
  }
}

/** Brings content in that is here already, as `fetchBlob` does with what has to be fetched. */
export async function keepBlob(
  parts: Parts,
  { lease }: Fetch,
  digest: Digest,
  content: Buffer,
): Promise<void> {
  await lease.hold(digest);
  await using partial = await parts.blobs.resume({ digest, size: content.length });
  await partial?.receive(Readable.from([content.subarray(partial.offset)], { objectMode: false }));
}

async function rest(
  parts: Parts,
  { reference, auth, signal }: Fetch,
  blob: Descriptor,
  options: { offset: number; direct: boolean; onRead: ((bytes: number) => void) | undefined },
): Promise<AsyncIterable<Uint8Array>> {
  const { offset, direct, onRead } = options;
  // All bytes are there, but nobody has looked at their digest.
  if (offset === blob.size) return Readable.from([], { objectMode: false });
  const source = await parts.registry.blob(reference, blob, auth, signal, offset, direct);
  return onRead === undefined ? source : measured(source, (bytes) => onRead(offset + bytes));
}

/** Whether bytes came that are not those of the blob that was asked for. */
export function isWrongContent(error: unknown): boolean {
  return (
    error instanceof BerthError &&
    (error.code === 'blob-digest-mismatch' || error.code === 'blob-size-mismatch')
  );
}

/** Fetches layers, several at a time, and unpacks each while it comes. Gives the unpacked size. */
export async function fetchLayers(parts: Parts, fetch: Fetch, places: LayerPlace[]): Promise<number> {
  const stop = new AbortController();
  const inner = { ...fetch, signal: AbortSignal.any([fetch.signal, stop.signal]) };
  const begun = new Map(places.map((place) => [place, Promise.withResolvers<Begun>()]));
  for (const [{ layer }, gate] of begun) {
    gate.promise.catch(() => undefined);
    fetch.onProgress({ status: 'Pulling fs layer', progressDetail: {}, id: shortId(layer.digest) });
  }
  const pending = [...places];
  const failed = (error: unknown): void => {
    pending.length = 0;
    stop.abort(error);
    for (const gate of begun.values()) gate.reject(error);
  };
  const worker = async (): Promise<void> => {
    for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
      const gate = begun.get(next);
      await fetchLayer(parts, inner, next, (state) => gate?.resolve(state));
    }
  };
  const workers = Array.from({ length: parts.rules.downloads }, () => worker().catch(failed));
  try {
    return await parts.layers.unpackAll(places, async (place) =>
      unpack(parts, inner, place, await begun.get(place)?.promise),
    );
  } catch (error) {
    failed(error);
    throw error;
  } finally {
    await Promise.all(workers);
    // What nobody came to unpack still has a file open.
    for (const gate of begun.values()) {
      gate.reject(fetch.signal.reason);
      gate.promise.then(({ content }) => content?.close()).catch(() => undefined);
    }
  }
}

async function fetchLayer(
  parts: Parts,
  fetch: Fetch,
  { layer, chainId }: LayerPlace,
  begun: (state: Begun) => void,
): Promise<void> {
  const id = shortId(layer.digest);
  const say = (progress: Progress): void => fetch.onProgress({ ...progress, id });
  if ((await parts.blobs.stat(layer.digest)) !== undefined) {
    await fetch.lease.hold(layer.digest);
    if (await parts.snapshots.isCommitted(chainId)) say({ status: 'Already exists', progressDetail: {} });
  }
  const seen = { bytes: false };
  const whole = Promise.withResolvers<void>();
  whole.promise.catch(() => undefined);
  try {
    await fetchBlob(parts, fetch, layer, {
      onBegun: (content) => begun({ content, whole: whole.promise }),
      onRead: (current) => {
        seen.bytes = true;
        say({ status: 'Downloading', progressDetail: { current, total: layer.size } });
      },
    });
  } catch (error) {
    whole.reject(error);
    throw error;
  }
  if (seen.bytes) {
    say({ status: 'Verifying Checksum', progressDetail: {} });
    say({ status: 'Download complete', progressDetail: {} });
  }
  whole.resolve();
  begun({ whole: whole.promise });
}

async function unpack(
  parts: Parts,
  fetch: Fetch,
  place: LayerPlace,
  begun: Begun | undefined,
): Promise<number> {
  const { layer, chainId } = place;
  if (await parts.snapshots.isCommitted(chainId)) {
    await begun?.content?.close();
    await begun?.whole;
    return parts.layers.size(chainId);
  }
  const id = shortId(layer.digest);
  const say = (progress: Progress): void => fetch.onProgress({ ...progress, id });
  let [current, isWhole, isDone] = [0, begun?.content === undefined, false];
  const extracting = (): void => {
    if (isWhole && !isDone) say({ status: 'Extracting', progressDetail: { current, total: layer.size } });
  };
  // Clients have one line for a layer: the download shows in it until it is complete.
  const shown = begun?.whole.then(() => {
    isWhole = true;
    extracting();
  });
  const unpacked = parts.layers.unpack(
    place,
    (bytes) => {
      fetch.signal.throwIfAborted();
      current = bytes;
      extracting();
    },
    begun?.content,
  );
  // A blob that is wrong says so itself; what it unpacked to is of no interest then.
  const [transfer, unpacking] = await Promise.allSettled([shown, unpacked]);
  isDone = true;
  if (transfer.status === 'rejected' && unpacking.status === 'rejected') throw transfer.reason;
  if (unpacking.status === 'rejected') throw unpacking.reason;
  if (transfer.status === 'rejected') throw transfer.reason;
  say({ status: 'Pull complete', progressDetail: {} });
  return unpacking.value;
}
