import type { Received } from '#ports/build-sessions.ts';
import type { Exchange } from '#base/grpc/client.ts';
import type { KeptUse } from './kept-packs.ts';
import { Packet, packetTypes } from './messages.ts';
import { PackWriter } from './pack.ts';
import { ReceivedFiles, refused } from './received-files.ts';

/** How many files are on their way at a time: the sender has four in work and queues the others. */
const mostAsked = 512;

/** How often progress is told, in bytes. */
const progressStep = 256 * 1024;

/**
 * The receiving side of fsutil's protocol (tonistiigi/fsutil, receive.go): the client lists all files, we ask for those
 * whose bytes we lack, it sends them interleaved. Some thousand packets come at once: nothing is waited for between them.
 */
export async function receiveFiles(
  exchange: Exchange,
  kept: KeptUse,
  onProgress: (received: Received) => void,
): Promise<ReceivedFiles> {
  const writer = new PackWriter(kept.pack);
  const files = new ReceivedFiles(writer, kept);
  const receiving = new Receiving(files);
  let told = 0;
  try {
    for await (const batch of exchange.batches) {
      for (const bytes of batch) {
        files.bytes += bytes.length;
        receiving.hear(bytes);
      }
      const answers = receiving.answers();
      if (answers.length > 0) await exchange.send(...answers);
      if (receiving.isOver) exchange.end();
      await writer.room();
      if (files.bytes - told < progressStep) continue;
      told = files.bytes;
      onProgress({ files: files.files, bytes: told });
    }
  } finally {
    await writer.finish();
  }
  if (!receiving.isOver) throw refused('only a part of them');
  files.finish();
  kept.keep(files.whole);
  return files;
}

/** Where the conversation stands. */
class Receiving {
  readonly #files: ReceivedFiles;
  #next = 0;
  #wanted: number[] = [];
  #asked = 0;
  #isListed = false;
  /** All has come, and the client was told. */
  isOver = false;

  constructor(files: ReceivedFiles) {
    this.#files = files;
  }

  /** @throws invalid `context-invalid`; what the client failed with */
  hear(bytes: Uint8Array): void {
    const { type, stat, id, data } = Packet.decode(bytes);
    switch (type) {
      case packetTypes.error:
        throw refused(`an error: ${Buffer.from(data).toString('utf8')}`);
      case packetTypes.data:
        if (this.#files.data(id, data)) this.#asked--;
        return;
      case packetTypes.stat:
        if (stat === undefined) this.#isListed = true;
        else if (this.#files.add(this.#next++, stat)) this.#wanted.push(this.#next - 1);
    }
  }

  /** What is to be said now. */
  answers(): Uint8Array[] {
    const now = this.#wanted.splice(0, mostAsked - this.#asked);
    this.#asked += now.length;
    for (const id of now) this.#files.ask(id);
    const answers = now.map((id) => Packet.encode({ type: packetTypes.request, id }));
    if (this.isOver || !this.#isListed || this.#files.isComing) return answers;
    this.isOver = true;
    return [Packet.encode({ type: packetTypes.end })];
  }
}
