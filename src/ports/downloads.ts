import type { Readable } from 'node:stream';

/** Files of web servers. */
export interface Downloads {
  /**
   * The content, and its size where the server tells it.
   * @throws unavailable `download-failed`
   */
  open(url: URL, signal: AbortSignal): Promise<{ content: Readable; size?: number }>;
}
