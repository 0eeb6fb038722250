import { closeSync, constants, lstatSync, openSync, readSync, type Stats } from 'node:fs';
import { internal } from '#base/errors.ts';
import { raw, text } from '#adapters/files/byte-path.ts';
import { LinkedMembers, memberOf, typeOf } from '#adapters/files/member.ts';
import { getXattr, listXattrs } from '#adapters/linux/libc.ts';
import { paddingOf, type TarEntry } from '#domain/archive/tar-entry.ts';
import { encodeHeader, tarEnd, tarEntry } from '#domain/archive/tar-writer.ts';
import { toContainer } from '#domain/user-namespace/id-mappings.ts';
import type { TarRules } from '#adapters/overlay/tree-jobs.ts';
import { isOpaque, isWhiteout, walk } from '#adapters/overlay/upper-tree.ts';
import { opaqueMarker, whiteoutPrefix } from '#adapters/overlay/whiteout.ts';

const chunkSize = 256 * 1024;

/**
 * The tree of an upper directory as an OCI layer tar (layer.md): sorted, whiteouts as `.wh.` files, hard
 * links kept. The same tree gives the same bytes; times later than `epoch` (seconds) become `epoch`.
 */
export function* upperTar(upper: string, { epoch, mappings }: Partial<TarRules> = {}): Generator<Uint8Array> {
  const clamp = (seconds: number): number => Math.floor(Math.min(seconds, epoch ?? Infinity));
  const links = new LinkedMembers();
  if (isOpaque(upper)) yield encodeHeader(marker(opaqueMarker, lstatSync(raw(upper)), clamp));
  for (const { relative, path, stat } of walk(upper)) {
    if (isWhiteout(stat)) {
      yield encodeHeader(marker(whiteoutName(relative), stat, clamp));
      continue;
    }
    const entry = entryOf(relative, path, stat, links);
    if (entry === undefined) continue;
    entry.mtime = clamp(entry.mtime);
    if (mappings !== undefined) Object.assign(entry, toContainer(mappings, entry));
    yield encodeHeader(entry);
    if (entry.type === 'file') yield* content(path, stat.size);
    if (stat.isDirectory() && isOpaque(path))
      yield encodeHeader(marker(`${relative}/${opaqueMarker}`, stat, clamp));
  }
  yield tarEnd;
}

function marker(name: string, stat: Stats, clamp: (seconds: number) => number): TarEntry {
  return tarEntry(name, 'file', { mode: 0, mtime: clamp(stat.mtimeMs / 1000) });
}

function whiteoutName(relative: string): string {
  const slash = relative.lastIndexOf('/') + 1;
  return `${relative.slice(0, slash)}${whiteoutPrefix}${relative.slice(slash)}`;
}

function entryOf(relative: string, path: string, stat: Stats, links: LinkedMembers): TarEntry | undefined {
  const type = typeOf(stat);
  if (type === undefined) return undefined;
  const first = links.firstOf(stat, relative);
  if (first !== undefined) return { ...memberOf(relative, 'hard-link', stat, raw(path)), linkName: first };
  const entry = memberOf(type === 'directory' ? `${relative}/` : relative, type, stat, raw(path));
  return { ...entry, xattrs: xattrsOf(path) };
}

function xattrsOf(path: string): Map<string, Uint8Array> {
  const xattrs = new Map<string, Uint8Array>();
  for (const name of listXattrs(text(path))) {
    if (name.startsWith('trusted.overlay.')) continue;
    const value = getXattr(text(path), name);
    if (value !== undefined) xattrs.set(Buffer.from(name).toString('latin1'), value);
  }
  return xattrs;
}

/** Exactly `size` bytes, as the header promised, and their padding. */
function* content(path: string, size: number): Generator<Uint8Array> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const fd = openSync(raw(path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    for (let left = size; left > 0;) {
      const chunk = Buffer.allocUnsafeSlow(Math.min(left, chunkSize));
      const length = readSync(fd, chunk);
      if (length === 0)
        throw internal('layer-changing', `reading '${path}': it became shorter while its layer was made`);
      left -= length;
      yield chunk.subarray(0, length);
    }
  } finally {
    closeSync(fd);
  }
  if (paddingOf(size) > 0) yield new Uint8Array(paddingOf(size));
}
