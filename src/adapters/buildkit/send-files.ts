import { createReadStream, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { unavailable } from '#base/errors.ts';
import { Breather } from '#adapters/files/breather.ts';
import { LinkedMembers } from '#adapters/files/member.ts';
import type { Exchange } from '#base/grpc/client.ts';
import { goMode, kindOf } from './file-mode.ts';
import { Packet, packetTypes } from './messages.ts';
import type { FileStat } from './received-tree.ts';

/**
 * The sending side of fsutil's protocol (tonistiigi/fsutil, send.go): lists the folder's files in the order of their
 * names, then sends the bytes of those that the client asks for.
 */
export async function sendFiles(exchange: Exchange, folder: string): Promise<void> {
  const paths = new Map<number, string>();
  const listing = list(exchange, folder, paths);
  // Awaited below; until then a failure must not count as unhandled.
  listing.catch(() => undefined);
  for await (const bytes of exchange.answers) {
    const packet = Packet.decode(bytes);
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
  let next = 0;
  for (const stat of walk(folder, '', new LinkedMembers())) {
    await breather.breathe();
    const id = next++;
    if (kindOf(stat.mode) === 'file' && stat.linkname === '') paths.set(id, join(folder, stat.path));
    await exchange.send(Packet.encode({ type: packetTypes.stat, stat }));
  }
  await exchange.send(Packet.encode({ type: packetTypes.stat }));
}

function* walk(root: string, relative: string, links: LinkedMembers): Generator<FileStat> {
  const names = readdirSync(join(root, relative)).sort((a, b) => Buffer.from(a).compare(Buffer.from(b)));
  for (const name of names) {
    const path = relative === '' ? name : `${relative}/${name}`;
    const stats = lstatSync(join(root, path));
    const mode = goMode(stats);
    if (mode === undefined) continue;
    yield {
      path,
      mode,
      uid: stats.uid,
      gid: stats.gid,
      size: stats.isFile() ? stats.size : 0,
      modTime: Math.round(stats.mtimeMs * 1e6),
      linkname: stats.isSymbolicLink() ? readlinkSync(join(root, path)) : (links.firstOf(stats, path) ?? ''),
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
  const chunks: AsyncIterable<Buffer> = createReadStream(path);
  for await (const data of chunks) await exchange.send(Packet.encode({ type: packetTypes.data, id, data }));
  await exchange.send(Packet.encode({ type: packetTypes.data, id }));
}
