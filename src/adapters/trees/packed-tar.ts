import { open } from 'node:fs/promises';
import { splitDevice } from '#adapters/linux/libc.ts';
import { corrupt } from '#domain/archive/tar-header.ts';
import { paddingOf, type TarEntry } from '#domain/archive/tar-entry.ts';
import { encodeHeader, tarEnd, tarEntry } from '#domain/archive/tar-writer.ts';
import type { PackedEntry, PackedFiles } from '#ports/packed-files.ts';

const chunkSize = 256 * 1024;

/** Packed files as a tar archive. @throws invalid `layer-corrupt` when the pack is shorter than its entries say */
export async function* packedTar({
  pack,
  entries,
}: Pick<PackedFiles, 'pack' | 'entries'>): AsyncGenerator<Uint8Array> {
  const file = await open(pack);
  try {
    for (const entry of entries) {
      const member = memberOf(entry);
      yield encodeHeader(member);
      if (member.type !== 'file') continue;
      for (let done = 0; done < entry.size;) {
        const length = Math.min(chunkSize, entry.size - done);
        const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, entry.offset + done);
        if (bytesRead === 0) throw corrupt('it became shorter while it was read');
        done += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
      if (paddingOf(entry.size) > 0) yield new Uint8Array(paddingOf(entry.size));
    }
    yield tarEnd;
  } finally {
    await file.close();
  }
}

function memberOf({
  path,
  kind,
  mode,
  uid,
  gid,
  mtime,
  size,
  linkName,
  sameAs,
  node,
  xattrs,
}: PackedEntry): TarEntry {
  const facts = { mode, uid, gid, mtime };
  if (sameAs !== undefined) return { ...tarEntry(path, 'hard-link', facts), linkName: sameAs };
  if (node !== undefined) return { ...tarEntry(path, node.type, facts), ...splitDevice(node.number) };
  if (kind === 'directory') return tarEntry(`${path}/`, kind, facts);
  if (kind === 'symlink') return { ...tarEntry(path, kind, facts), linkName };
  return { ...tarEntry(path, 'file', facts), size, ...(xattrs && { xattrs: new Map(xattrs) }) };
}
