import { createHash } from 'node:crypto';
import type { CopyRules, FileFacts, Filter } from '#ports/file-trees.ts';
import { Breather } from '#adapters/files/breather.ts';
import { bytes, text } from '#adapters/files/byte-path.ts';
import { nodeType } from '#adapters/files/member.ts';
import type { PackedEntry } from '#ports/packed-files.ts';
import { impliedFolder } from './archive-index.ts';
import { attributesOf, headOf, judgeOf, type Judge } from './tree-facts.ts';

interface Node {
  entry: PackedEntry;
  /** By name; absent in what is no folder: most of a tree are files. */
  children?: Map<string, Node>;
}

/** A node of the walk, as `walk` gives those on the disk. */
export interface Found {
  relative: string;
  entry: PackedEntry;
}

const kindBits = { file: 0o100000, directory: 0o040000, symlink: 0o120000 } as const;

/** How many bytes of text are hashed at once: each call costs as much as some hundred of them. */
const hashedAtOnce = 64 * 1024;

/** The files of an archive that lie in it still. What it says of them is what would be said of them unpacked. */
export class ArchivedTree {
  /** Absolute path of the archive, which is not compressed. */
  readonly archive: string;
  readonly #root: Node;

  private constructor(archive: string, root: Node) {
    this.archive = archive;
    this.#root = root;
  }

  /** @param entries a folder before what it holds; @param mode of the root, where no entry tells it */
  static async make(archive: string, entries: readonly PackedEntry[], mode: number): Promise<ArchivedTree> {
    const breather = new Breather();
    const top = new Map<string, Node>();
    const root: Node = { entry: { ...impliedFolder(''), mode }, children: top };
    const folders = new Map([['', top]]);
    for (const entry of entries) {
      if (breather.isDue) await breather.breathe();
      if (entry.path === '') {
        root.entry = entry;
        continue;
      }
      const slash = entry.path.lastIndexOf('/');
      const children = entry.kind === 'directory' ? new Map<string, Node>() : undefined;
      const node: Node = children === undefined ? { entry } : { entry, children };
      folders.get(entry.path.slice(0, Math.max(slash, 0)))?.set(entry.path.slice(slash + 1), node);
      if (children !== undefined) folders.set(entry.path, children);
    }
    return new ArchivedTree(archive, root);
  }

  /** Whether a path can be told here: none of its parts is a link or leads back. */
  tells(path: string): boolean {
    if (path.split('/').includes('..')) return false;
    const found = this.#find(path);
    return found === undefined || found.entry.kind !== 'symlink';
  }

  stat(path: string): FileFacts | undefined {
    const entry = this.#find(path)?.entry;
    return entry && { kind: entry.kind === 'device' ? 'other' : entry.kind, size: entry.size };
  }

  file(path: string): PackedEntry | undefined {
    const entry = this.#find(path)?.entry;
    return entry?.kind === 'file' ? entry : undefined;
  }

  async list(filter: Filter): Promise<string[]> {
    const breather = new Breather();
    const paths: string[] = [];
    for (const { relative } of this.taken('', filter)) {
      if (breather.isDue) await breather.breathe();
      if (relative !== '') paths.push(text(relative));
    }
    return paths;
  }

  /** What the filter takes of a file or tree, in the order of a walk. Nothing where nothing is. */
  *taken(path: string, filter: Filter): Generator<Found> {
    const start = this.#find(path);
    if (start !== undefined) yield* visit(start, '', judgeOf(text(start.entry.path), filter));
  }

  async digest(
    path: string,
    { signal, ...options }: Omit<CopyRules, 'owner' | 'mode'> & { owners: boolean },
  ): Promise<string> {
    const breather = new Breather(signal);
    const hash = createHash('sha256');
    let told = '';
    for (const found of this.taken(path, options)) {
      if (breather.isDue) await breather.breathe();
      told += tellOf(found, options.owners);
      if (told.length < hashedAtOnce) continue;
      hash.update(told);
      told = '';
    }
    return hash.update(told).digest('hex');
  }

  /** Undefined where nothing is; a link where a link stands in the way. */
  #find(path: string): Node | undefined {
    let at: Node | undefined = this.#root;
    for (const part of bytes(path).split('/')) {
      if (part === '' || part === '.') continue;
      if (at.entry.kind === 'symlink') return at;
      at = at.children?.get(part);
      if (at === undefined) return undefined;
    }
    return at;
  }
}

/** What a digest covers of one node. */
function tellOf({ relative, entry }: Found, owners: boolean): string {
  const { linkName: link, uid, gid, node, xattrs, content } = entry;
  const size = node === undefined ? entry.size : node.number;
  const head = headOf({
    relative,
    mode: modeBits(entry),
    size,
    link,
    ...(owners && { owner: { uid, gid } }),
  });
  return `${head}${content}${attributesOf(xattrs)}`;
}

/** With the bits of the kind. */
function modeBits({ kind, mode, node }: PackedEntry): number {
  // A link has no permissions of its own.
  if (kind === 'symlink') return kindBits.symlink | 0o777;
  return (kind === 'device' ? nodeType(node?.type ?? 'fifo') : kindBits[kind]) | mode;
}

function* visit({ entry, children }: Node, relative: string, judge: Judge): Generator<Found> {
  const { taken, entered } = judge(relative);
  if (taken) yield { relative, entry };
  if (!entered || children === undefined) return;
  const below = relative === '' ? '' : `${relative}/`;
  for (const name of [...children.keys()].sort()) {
    const child = children.get(name);
    if (child === undefined) continue;
    const path = `${below}${name}`;
    if (child.children !== undefined) yield* visit(child, path, judge);
    else if (judge(path).taken) yield { relative: path, entry: child.entry };
  }
}
