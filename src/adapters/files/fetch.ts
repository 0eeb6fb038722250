import { messageOf, unavailable } from '#base/errors.ts';

/** A successful answer of a web server. @throws unavailable `download-failed` */
export async function fetchUrl(url: URL, signal: AbortSignal): Promise<Response> {
  try {
    const response = await fetch(url, { signal });
    if (response.ok) return response;
    await response.body?.cancel();
    throw unavailable('download-failed', `fetching ${url.href}: the server answered ${response.status}`);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof TypeError)) throw error;
    const reason = error.cause === undefined ? error.message : messageOf(error.cause);
    throw unavailable('download-failed', `fetching ${url.href}: ${reason}`, { cause: error });
  }
}
