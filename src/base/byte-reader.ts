/** Bytes one after the other, read into memory of whoever reads them: on the way nothing is allocated. */
export interface ByteReader {
  /** Waits until there are some. Gives how many: 0 at the end. */
  read(into: Uint8Array): Promise<number>;
  /** Idempotent. */
  close(): Promise<void>;
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
