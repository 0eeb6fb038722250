import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { extract, type Header } from 'tar-stream';

// What a root file system is, in lines that can be compared: everything but times.

/** Path to what it is: type, mode, owners, and by its type size and digest, target or device; attributes; the first name of a hard link. */
export type Tree = ReadonlyMap<string, string>;

/** @param tar a root file system: of `docker export`, or of GNU tar with `--xattrs` */
export async function readTree(tar: Readable): Promise<Tree> {
  const files = new Map<string, string>();
  const firstNames = new Map<string, string>();
  const entries = extract();
  const failed = new Promise<never>((_resolve, reject) => tar.once('error', reject));
  tar.pipe(entries);
  const read = async (): Promise<void> => {
    for await (const entry of entries) {
      const path = pathOf(entry.header.name);
      // What the root itself is, is the business of who runs it, where no layer says so.
      if (path === '/') {
        entry.resume();
        continue;
      }
      const content = entry.header.type === 'file' ? await digest(entry) : '';
      if (entry.header.type === 'link') firstNames.set(path, pathOf(entry.header.linkname));
      else files.set(path, described(entry.header, content));
      entry.resume();
    }
  };
  await Promise.race([read(), failed]);
  return withLinks(files, firstNames);
}

/** Lines of what `tree` has and `base` has not, or otherwise, by path; what is gone has a minus. */
export function difference(base: Tree, tree: Tree): string[] {
  const changed = [...tree].filter(([path, what]) => base.get(path) !== what);
  const gone = [...base.keys()].filter((path) => !tree.has(path));
  return [...changed, ...gone.map((path): [string, string] => [path, '-'])]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, what]) => `${path}  ${what}`);
}

function pathOf(name: string): string {
  return `/${name.replace(/^(\.?\/)+|^\.$/, '').replace(/\/+$/, '')}`;
}

async function digest(content: AsyncIterable<unknown>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of content) if (chunk instanceof Uint8Array) hash.update(chunk);
  return hash.digest('hex').slice(0, 16);
}

function described(header: Header, content: string): string {
  const { type, mode, uid, gid, size, linkname, devmajor, devminor } = header;
  const attributes = Object.entries(header.pax ?? {})
    .filter(([key]) => key.startsWith('SCHILY.xattr.'))
    .map(([key, value]) => ` ${key.slice(13)}=${Buffer.from(value).toString('hex')}`);
  const detail: Partial<Record<string, string>> = {
    file: ` ${size} ${content}`,
    symlink: ` -> ${linkname}`,
    'character-device': ` ${devmajor},${devminor}`,
    'block-device': ` ${devmajor},${devminor}`,
  };
  const permissions = type === 'symlink' ? '' : ` ${(mode & 0o7777).toString(8)}`;
  return `${type}${permissions} ${uid}:${gid}${detail[type] ?? ''}${attributes.sort().join('')}`;
}

/** A tar says a file at the first of its names that it comes to; which that is, is chance. */
function withLinks(files: Map<string, string>, firstNames: ReadonlyMap<string, string>): Tree {
  const groups = new Map<string, string[]>();
  for (const [path, first] of firstNames) groups.set(first, [...(groups.get(first) ?? [first]), path]);
  for (const [first, paths] of groups) {
    const [least = first] = paths.sort();
    for (const path of paths)
      files.set(path, `${files.get(first)?.replace(/ =.*$/, '') ?? 'nothing'} = ${least}`);
  }
  return files;
}

const keys = [
  ...['Env', 'Cmd', 'Entrypoint', 'WorkingDir', 'User', 'Labels', 'ExposedPorts', 'Volumes'],
  ...['OnBuild', 'Shell', 'StopSignal', 'Healthcheck'],
] as const;

/** What a config says: a line for each key that says something, with its own keys in order. @param json a config as Docker writes it */
export function describeConfig(json: string): string[] {
  const parse: (text: string) => Readonly<Partial<Record<string, unknown>>> = JSON.parse;
  const config = parse(json);
  return keys.flatMap((key) => {
    const line = JSON.stringify(sorted(config[key]));
    return [undefined, 'null', '""', '[]', '{}'].includes(line) ? [] : [`${key} ${line}`];
  });
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
