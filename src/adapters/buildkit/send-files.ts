import { createReadStream, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { unavailable } from '#base/errors.ts';
import { Breather } from '#adapters/files/breather.ts';
import { bytes, raw } from '#adapters/files/byte-path.ts';
import { LinkedMembers } from '#adapters/files/member.ts';
import type { Exchange } from '#base/grpc/client.ts';
import type { NamedFolder } from '#ports/root-files.ts';
import { goMode, kindOf } from './file-mode.ts';
import { Packet, packetTypes, type FileStat } from './messages.ts';

/**
 * The sending side of fsutil's protocol (tonistiigi/fsutil, send.go): lists the files of the folders, which come in the order
 * of their names, then sends the bytes of those that the client asks for.
 */
export async function sendFiles(exchange: Exchange, folders: readonly NamedFolder[]): Promise<void> {
  const paths = new Map<number, string>();
  const listing = list(exchange, folders, paths);
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

async function list(
  exchange: Exchange,
  folders: readonly NamedFolder[],
  paths: Map<number, string>,
): Promise<void> {
  const breather = new Breather();
  let next = 0;
  for (const folder of folders)
    for (const { at, stat } of filesOf(folder)) {
      await breather.breathe();
      const id = next++;
      if (kindOf(stat.mode) === 'file' && stat.linkname === '') paths.set(id, at);
      await exchange.send(Packet.encode({ type: packetTypes.stat, stat }));
    }
  await exchange.send(Packet.encode({ type: packetTypes.stat }));
}

interface Listed {
  stat: FileStat;
  /** Where it is on this host. */
  at: string;
}

function* filesOf({ prefix, folder }: NamedFolder): Generator<Listed> {
  const [root, name] = [bytes(folder), bytes(prefix)];
  if (name !== '') yield* listed(root, name, new LinkedMembers());
  yield* walk(root, name, new LinkedMembers());
}

/** What a folder holds. Paths are byte strings. */
function* walk(folder: string, path: string, links: LinkedMembers): Generator<Listed> {
  const names = readdirSync(raw(folder), { encoding: 'latin1' }).sort();
  for (const name of names) {
    const [found] = listed(`${folder}/${name}`, path === '' ? name : `${path}/${name}`, links);
    if (found === undefined) continue;
    yield found;
    if (kindOf(found.stat.mode) === 'directory') yield* walk(found.at, found.stat.path, links);
  }
}

/** Nothing for what is not sent. */
function listed(at: string, path: string, links: LinkedMembers): Listed[] {
  const stats = lstatSync(raw(at));
  const mode = goMode(stats);
  if (mode === undefined) return [];
  const link = stats.isSymbolicLink() ? readlinkSync(raw(at), 'latin1') : links.firstOf(stats, path);
  const stat = {
    ...{ path, mode, uid: stats.uid, gid: stats.gid },
    size: stats.isFile() ? stats.size : 0,
    modTime: Math.round(stats.mtimeMs * 1e6),
    linkname: link ?? '',
    ...{ devmajor: 0, devminor: 0, xattrs: {} },
  };
  return [{ stat, at }];
}

async function sendFile(exchange: Exchange, id: number, path: string | undefined): Promise<void> {
  if (path === undefined)
    throw unavailable('export-refused', `the client asks for a file that was not sent (${id})`);
  const chunks: AsyncIterable<Buffer> = createReadStream(raw(path));
  for await (const data of chunks) await exchange.send(Packet.encode({ type: packetTypes.data, id, data }));
  await exchange.send(Packet.encode({ type: packetTypes.data, id }));
}
