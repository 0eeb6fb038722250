import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  futimesSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { writeFully } from '#adapters/files/member.ts';
import { invalid } from '#base/errors.ts';
import type { ValueOf } from '#base/grpc/message.ts';
import { kindOf, permissionsOf } from './file-mode.ts';
import type { KeptFiles } from './kept-files.ts';
import type { Stat } from './messages.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;

export type FileStat = ValueOf<typeof Stat>;

interface OpenFile {
  fd: number;
  position: number;
  stat: FileStat;
}

/**
 * Makes the files that a client sends in an empty folder. Parents come before what is in them, so a path is inside
 * the folder exactly when its parent was made here: nothing is written through a symbolic link.
 */
export class ReceivedTree {
  readonly #root: string;
  readonly #kept: KeptFiles | undefined;
  readonly #folders = new Map<string, FileStat | undefined>([['', undefined]]);
  readonly #files = new Map<string, FileStat>();
  readonly #others = new Set<string>();
  readonly #open = new Map<number, OpenFile>();
  bytes = 0;

  constructor(root: string, kept: KeptFiles | undefined) {
    this.#root = root;
    this.#kept = kept;
  }

  get files(): number {
    return this.#files.size;
  }

  /** Whether the file's bytes are wanted. @throws invalid `context-invalid` */
  add(stat: FileStat): boolean {
    const path = this.#check(stat.path);
    const kind = kindOf(stat.mode);
    if (kind === 'directory') {
      mkdirSync(join(this.#root, path), 0o700);
      this.#folders.set(path, stat);
      return false;
    }
    if (kind === 'symlink') {
      this.#others.add(path);
      symlinkSync(stat.linkname, join(this.#root, path));
      setTime(join(this.#root, path), stat);
      return false;
    }
    // Devices, pipes and sockets of the client's machine mean nothing in a build.
    if (kind === 'other') return false;
    if (stat.linkname !== '') {
      this.#hardLink(path, stat);
      return false;
    }
    this.#files.set(path, stat);
    return this.#kept?.restore(stat, join(this.#root, path)) !== true;
  }

  open(id: number, stat: FileStat): void {
    const flags = O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY;
    this.#open.set(id, { fd: openSync(join(this.#root, stat.path), flags, 0o600), position: 0, stat });
  }

  /** An empty chunk ends the file. Gives whether it did. @throws invalid `context-invalid` */
  data(id: number, chunk: Uint8Array): boolean {
    const file = this.#open.get(id);
    if (file === undefined) throw refused(`bytes of a file that was not asked for (${id})`);
    if (chunk.length > 0) {
      writeFully(file.fd, chunk, file.position);
      file.position += chunk.length;
      this.bytes += chunk.length;
      return false;
    }
    fchmodSync(file.fd, permissionsOf(file.stat.mode));
    futimesSync(file.fd, file.stat.modTime / 1e9, file.stat.modTime / 1e9);
    this.#open.delete(id);
    closeSync(file.fd);
    return true;
  }

  /** All is there: folders get their modes and times, and the files are kept for the next time. */
  finish(): void {
    for (const [path, stat] of [...this.#folders].reverse()) {
      if (stat === undefined) continue;
      chmodSync(join(this.#root, path), permissionsOf(stat.mode));
      setTime(join(this.#root, path), stat);
    }
    this.#kept?.keep(this.#root, this.#files);
  }

  /** Idempotent; lets go of files that did not end. */
  close(): void {
    for (const { fd } of this.#open.values()) closeSync(fd);
    this.#open.clear();
  }

  #check(path: string): string {
    const parts = path.split('/');
    const wrong = path.includes('\0') || parts.some((each) => each === '' || each === '.' || each === '..');
    if (wrong) throw refused(`the path '${path}', which is not one inside the folder`);
    const parent = parts.slice(0, -1).join('/');
    if (!this.#folders.has(parent))
      throw refused(`the path '${path}', whose folder '${parent}' is none that was sent`);
    if (this.#folders.has(path) || this.#files.has(path) || this.#others.has(path))
      throw refused(`the path '${path}' twice`);
    return path;
  }

  #hardLink(path: string, stat: FileStat): void {
    if (!this.#files.has(stat.linkname))
      throw refused(`'${path}' as a hard link to '${stat.linkname}', which is no file that was sent`);
    this.#others.add(path);
    this.#links.push([stat.linkname, path]);
  }

  readonly #links: [string, string][] = [];

  /** After the last file has its bytes. */
  link(): void {
    for (const [target, path] of this.#links) linkSync(join(this.#root, target), join(this.#root, path));
  }
}

function setTime(path: string, { modTime }: FileStat): void {
  lutimesSync(path, modTime / 1e9, modTime / 1e9);
}

export function refused(what: string): Error {
  return invalid('context-invalid', `receive files from the client: it sent ${what}`);
}
