import { Readable } from 'node:stream';
import { fetchUrl } from '#adapters/files/fetch.ts';
import type { Downloads } from '#ports/downloads.ts';

/** The port Downloads on the fetch of Node. */
export class HttpDownloads implements Downloads {
  async open(url: URL, signal: AbortSignal): Promise<{ content: Readable; size?: number }> {
    const response = await fetchUrl(url, signal);
    const size = Number(response.headers.get('content-length') ?? NaN);
    const content = Readable.from(response.body ?? [], { objectMode: false });
    return { content, ...(Number.isSafeInteger(size) && { size }) };
  }
}
