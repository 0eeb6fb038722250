import { concatBytes } from '#base/bytes.ts';
import { encodePax } from '#domain/archive/pax.ts';
import { blockSize, byteString, paddingOf, type TarEntry, type TarType } from '#domain/archive/tar-entry.ts';

// Encodes members as ustar, with a PAX header before them for what ustar cannot hold. The same entry
// gives the same bytes always.

const flags: Record<TarType, string> = {
  file: '0',
  'hard-link': '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};

/** Two blocks of zeros end an archive. */
export const tarEnd = new Uint8Array(2 * blockSize);

/** A member with defaults for what is not given. */
export function tarEntry(name: string, type: TarType, more: Partial<TarEntry> = {}): TarEntry {
  return {
    name,
    type,
    linkName: '',
    mode: type === 'directory' ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    size: 0,
    mtime: 0,
    major: 0,
    minor: 0,
    xattrs: new Map(),
    ...more,
  };
}

/** The header of a member; `entry.size` bytes of content and their padding follow it. */
export function encodeHeader(entry: TarEntry): Uint8Array {
  const mtime = Math.floor(entry.mtime);
  const records: [string, string][] = [];
  const fit = (key: string, value: number, digits: number): number => {
    if (value >= 0 && value < 8 ** digits) return value;
    records.push([key, String(value)]);
    return 0;
  };
  const name = splitName(entry.name);
  if (name === undefined) records.push(['path', entry.name]);
  if (entry.linkName.length > 100 || !isAscii(entry.linkName)) records.push(['linkpath', entry.linkName]);
  const block = ustar(entry, name ?? { prefix: '', name: asciiOf(entry.name) }, {
    uid: fit('uid', entry.uid, 7),
    gid: fit('gid', entry.gid, 7),
    size: fit('size', entry.size, 11),
    mtime: fit('mtime', mtime, 11),
  });
  for (const [key, value] of [...entry.xattrs].sort(byName))
    records.push([`SCHILY.xattr.${key}`, byteString(value)]);
  return records.length === 0 ? block : concatBytes([paxMember(entry, records), block]);
}

function byName([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function paxMember(entry: TarEntry, records: [string, string][]): Uint8Array {
  const body = encodePax(records);
  const header = tarEntry('', 'file', { size: body.length });
  const last = asciiOf(entry.name).replace(/\/$/, '').split('/').pop() ?? '';
  const block = ustar(header, { prefix: '', name: `PaxHeaders.0/${last}`.slice(0, 100) }, header, 'x');
  return concatBytes([block, body, new Uint8Array(paddingOf(body.length))]);
}

interface Numbers {
  uid: number;
  gid: number;
  size: number;
  mtime: number;
}

function ustar(
  entry: TarEntry,
  name: { prefix: string; name: string },
  numbers: Numbers,
  flag: string = flags[entry.type],
): Uint8Array {
  const block = new Uint8Array(blockSize);
  putText(block, 0, name.name.slice(0, 100));
  putOctal(block, 100, entry.mode & 0o7777, 7);
  putOctal(block, 108, numbers.uid, 7);
  putOctal(block, 116, numbers.gid, 7);
  putOctal(block, 124, numbers.size, 11);
  putOctal(block, 136, numbers.mtime, 11);
  putText(block, 148, '        ');
  putText(block, 156, flag);
  putText(block, 157, asciiOf(entry.linkName).slice(0, 100));
  putText(block, 257, 'ustar\x0000');
  if (entry.type === 'character' || entry.type === 'block') {
    putOctal(block, 329, entry.major, 7);
    putOctal(block, 337, entry.minor, 7);
  }
  putText(block, 345, name.prefix);
  let sum = 0;
  for (const byte of block) sum += byte;
  putOctal(block, 148, sum, 6);
  return block;
}

// Byte by byte: a layer has many thousand headers, and texts in between would cost three times as much.

function putText(block: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) block[at + i] = text.charCodeAt(i);
}

/** So many digits, and a zero byte after them. */
function putOctal(block: Uint8Array, at: number, value: number, digits: number): void {
  let rest = value;
  for (let i = at + digits - 1; i >= at; i--) {
    block[i] = 0x30 + (rest % 8);
    rest = Math.floor(rest / 8);
  }
  block[at + digits] = 0;
}

/** Name and prefix as ustar holds them; undefined when it cannot. */
function splitName(name: string): { prefix: string; name: string } | undefined {
  if (!isAscii(name)) return undefined;
  if (name.length <= 100) return { prefix: '', name };
  const slash = name.indexOf('/', name.length - 101);
  if (slash <= 0 || slash > 155 || slash === name.length - 1) return undefined;
  return { prefix: name.slice(0, slash), name: name.slice(slash + 1) };
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) < 32 || text.charCodeAt(i) > 126) return false;
  return true;
}

function asciiOf(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '_');
}
