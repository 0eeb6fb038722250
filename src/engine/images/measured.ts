import { Readable } from 'node:stream';

/** A progress line for each so many bytes, so that a fast transfer does not drown its listener. */
const reportEvery = 512 * 1024;

/** The same stream; `onRead` hears now and then how many bytes have passed, and the total at the end. */
export function measured(source: Readable, onRead: (bytes: number) => void): Readable {
  return Readable.from(counted(source, onRead), { objectMode: false });
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  onRead: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  let reported = -reportEvery;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes - reported >= reportEvery) onRead((reported = bytes));
    yield chunk;
  }
  if (reported !== bytes) onRead(bytes);
}
