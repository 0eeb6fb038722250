import type { Received } from '#ports/build-sessions.ts';
import type { Exchange } from '#base/grpc/client.ts';
import { Packet, packetTypes } from './messages.ts';
import { refused, type FileStat, type ReceivedTree } from './received-tree.ts';

/** How many files are on their way at a time: the sender has four in work and queues the others. */
const mostAsked = 64;

/** How often progress is told, in bytes. */
const progressStep = 256 * 1024;

/**
 * The receiving side of fsutil's protocol (tonistiigi/fsutil, receive.go): the client lists all files, we ask for those
 * whose bytes we lack, it sends them interleaved.
 */
export async function receiveFiles(
  exchange: Exchange,
  tree: ReceivedTree,
  onProgress: (received: Received) => void,
): Promise<void> {
  const asking = new Asking(exchange, tree);
  let told = 0;
  let next = 0;
  let listed = false;
  let ending = false;
  for await (const bytes of exchange.answers) {
    const packet = Packet.decode(bytes);
    if (packet.type === packetTypes.error)
      throw refused(`an error: ${Buffer.from(packet.data).toString('utf8')}`);
    if (packet.type === packetTypes.end) return;
    if (packet.type === packetTypes.data && tree.data(packet.id, packet.data)) await asking.done();
    if (packet.type === packetTypes.stat && packet.stat === undefined) listed = true;
    if (packet.type === packetTypes.stat && packet.stat !== undefined) {
      const id = next++;
      if (tree.add(packet.stat)) await asking.want(id, packet.stat);
    }
    if (tree.bytes - told >= progressStep) {
      told = tree.bytes;
      onProgress({ files: tree.files, bytes: told });
    }
    if (listed && asking.isIdle && !ending) {
      ending = true;
      tree.link();
      tree.finish();
      await exchange.send(Packet.encode({ type: packetTypes.end }));
      exchange.end();
    }
  }
  if (!ending) throw refused('only a part of them');
}

class Asking {
  readonly #exchange: Exchange;
  readonly #tree: ReceivedTree;
  readonly #waiting: [number, FileStat][] = [];
  #asked = 0;

  constructor(exchange: Exchange, tree: ReceivedTree) {
    this.#exchange = exchange;
    this.#tree = tree;
  }

  get isIdle(): boolean {
    return this.#asked === 0 && this.#waiting.length === 0;
  }

  async want(id: number, stat: FileStat): Promise<void> {
    this.#waiting.push([id, stat]);
    await this.#ask();
  }

  async done(): Promise<void> {
    this.#asked--;
    await this.#ask();
  }

  async #ask(): Promise<void> {
    while (this.#asked < mostAsked) {
      const wanted = this.#waiting.shift();
      if (wanted === undefined) return;
      const [id, stat] = wanted;
      this.#asked++;
      this.#tree.open(id, stat);
      await this.#exchange.send(Packet.encode({ type: packetTypes.request, id }));
    }
  }
}
