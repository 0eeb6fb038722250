/** Bytes one after the other, read into memory of whoever reads them: on the way nothing is allocated. */
export interface ByteReader {
  /** Waits until there are some. Gives how many: 0 at the end. */
  read(into: Uint8Array): Promise<number>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Streams too have a method `read`. */
export function isReader(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array> | ByteReader,
): source is ByteReader {
  return !(Symbol.asyncIterator in source) && !(Symbol.iterator in source);
}

/** Reads pieces, each of which holds until the next one is asked for. Closing it ends `pieces`. */
export function readerOf(pieces: AsyncGenerator<Uint8Array>): ByteReader {
  let left: Uint8Array = new Uint8Array();
  return {
    async read(into) {
      while (left.length === 0) {
        const next = await pieces.next();
        if (next.done === true) return 0;
        left = next.value;
      }
      const part = left.subarray(0, into.length);
      into.set(part);
      left = left.subarray(part.length);
      return part.length;
    },
    async close() {
      await pieces.return(undefined);
    },
  };
}

/** The same for whoever wants pieces. @param size of a piece at the most */
export async function* piecesOf(reader: ByteReader, size: number): AsyncGenerator<Uint8Array> {
  for (;;) {
    const piece = new Uint8Array(size);
    const count = await reader.read(piece);
    if (count === 0) return;
    yield piece.subarray(0, count);
  }
}
