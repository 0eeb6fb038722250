import { Readable } from 'node:stream';

/**
 * A stream of what `chunks` makes of `source`. It takes its source along when it is closed: `chunks`, a generator as a rule, cannot
 * where nobody has begun to read.
 */
export function derivedStream(
  source: { destroy: () => unknown },
  chunks: AsyncIterable<Uint8Array>,
): Readable {
  return Readable.from(chunks, { objectMode: false }).once('close', () => source.destroy());
}
