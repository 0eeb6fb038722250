import { createReadStream, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { unavailable } from '#base/errors.ts';
import { Breather } from '#adapters/files/breather.ts';
import { bytes, raw } from '#adapters/files/byte-path.ts';
import { LinkedMembers } from '#adapters/files/member.ts';
import type { Exchange } from '#base/grpc/client.ts';
import { goMode, kindOf } from './file-mode.ts';
import { Packet, packetTypes, type FileStat } from './messages.ts';

/**
 * The sending side of fsutil's protocol (tonistiigi/fsutil, send.go): lists the folder's files in the order of their
 * names, then sends the bytes of those that the client asks for.
 */
export async function sendFiles(exchange: Exchange, folder: string): Promise<void> {
  const paths = new Map<number, string>();
  const listing = list(exchange, folder, paths);
  // Awaited below; until then a failure must not count as unhandled.
  listing.catch(() => undefined);
  for await (const answer of exchange.answers) {
    const packet = Packet.decode(answer);
    if (packet.type === packetTypes.error)
      throw unavailable(
        'export-refused',
        `send the files of the build to the client: ${Buffer.from(packet.data).toString('utf8')}`,
      );
    if (packet.type === packetTypes.request) await sendFile(exchange, packet.id, paths.get(packet.id));
    if (packet.type === packetTypes.end) {
      await listing;
      await exchange.send(Packet.encode({ type: packetTypes.end }));
      exchange.end();
    }
  }
}

async function list(exchange: Exchange, folder: string, paths: Map<number, string>): Promise<void> {
  const breather = new Breather();
  const root = bytes(folder);
  let next = 0;
  for (const stat of walk(root, '', new LinkedMembers())) {
    await breather.breathe();
    const id = next++;
    if (kindOf(stat.mode) === 'file' && stat.linkname === '') paths.set(id, `${root}/${stat.path}`);
    await exchange.send(Packet.encode({ type: packetTypes.stat, stat }));
  }
  await exchange.send(Packet.encode({ type: packetTypes.stat }));
}

/** Paths are byte strings. */
function* walk(root: string, relative: string, links: LinkedMembers): Generator<FileStat> {
  const names = readdirSync(raw(`${root}/${relative}`), { encoding: 'latin1' }).sort();
  for (const name of names) {
    const path = relative === '' ? name : `${relative}/${name}`;
    const at = raw(`${root}/${path}`);
    const stats = lstatSync(at);
    const mode = goMode(stats);
    if (mode === undefined) continue;
    const link = stats.isSymbolicLink() ? readlinkSync(at, 'latin1') : links.firstOf(stats, path);
    yield {
      path,
      mode,
      uid: stats.uid,
      gid: stats.gid,
      size: stats.isFile() ? stats.size : 0,
      modTime: Math.round(stats.mtimeMs * 1e6),
      linkname: link ?? '',
      devmajor: 0,
      devminor: 0,
      xattrs: {},
    };
    if (stats.isDirectory()) yield* walk(root, path, links);
  }
}

async function sendFile(exchange: Exchange, id: number, path: string | undefined): Promise<void> {
  if (path === undefined)
    throw unavailable('export-refused', `the client asks for a file that was not sent (${id})`);
  const chunks: AsyncIterable<Buffer> = createReadStream(raw(path));
  for await (const data of chunks) await exchange.send(Packet.encode({ type: packetTypes.data, id, data }));
  await exchange.send(Packet.encode({ type: packetTypes.data, id }));
}
