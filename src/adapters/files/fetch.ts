import { STATUS_CODES } from 'node:http';
import { unavailable } from '#base/errors.ts';
import { wordsOf } from '#adapters/files/connection-words.ts';

/** A successful answer of a web server, in Docker's words where there is none. @throws unavailable `download-failed` */
export async function fetchUrl(url: URL, signal: AbortSignal): Promise<Response> {
  try {
    const response = await fetch(url, { signal });
    if (response.ok) return response;
    await response.body?.cancel();
    throw unavailable(
      'download-failed',
      `failed to GET ${url.href} with status ${response.status} ${STATUS_CODES[response.status] ?? ''}`,
    );
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof TypeError)) throw error;
    const reason = wordsOf(error.cause ?? error);
    throw unavailable('download-failed', `Get "${url.href}": ${reason}`, { cause: error });
  }
}
