import type { Readable } from 'node:stream';
import type { ByteReader } from '#base/byte-reader.ts';
import { derivedStream } from '#base/derived-stream.ts';

/** A progress line for each so many bytes, so that a fast transfer does not drown its listener. */
const reportEvery = 512 * 1024;

/** The same stream; `onRead` hears now and then how many bytes have passed, and the total at the end. */
export function measured(source: Readable, onRead: (bytes: number) => void): Readable {
  return derivedStream(source, counted(source, onRead));
}

/** As `measured`. */
export function measuredReader(source: ByteReader, onRead: (bytes: number) => void): ByteReader {
  const tell = counter(onRead);
  return {
    read: async (into) => {
      const count = await source.read(into);
      tell(count);
      return count;
    },
    close: () => source.close(),
  };
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  onRead: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  const tell = counter(onRead);
  for await (const chunk of source) {
    tell(chunk.length);
    yield chunk;
  }
  tell(0);
}

/** Hears of each piece, and of one without bytes at the end. */
function counter(onRead: (bytes: number) => void): (count: number) => void {
  let bytes = 0;
  let reported = -reportEvery;
  return (count) => {
    bytes += count;
    const isDue = count === 0 ? reported !== bytes : bytes - reported >= reportEvery;
    if (isDue) onRead((reported = bytes));
  };
}
