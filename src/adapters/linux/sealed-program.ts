import { closeSync, readFileSync, statSync, writeSync } from 'node:fs';
import koffi from 'koffi';
import { check, errno } from '#adapters/linux/libc.ts';

const libc = koffi.load('libc.so.6');

const memfdCreate: (name: string, flags: number) => number = libc.func(
  'int memfd_create(const char*, unsigned int)',
);
const addSeals: (fd: number, command: number, seals: number) => number = libc.func(
  'int fcntl(int fd, int command, int seals)',
);

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
/** From Linux 6.3 on; may be forbidden by vm.memfd_noexec. */
const MFD_EXEC = 16;
const F_ADD_SEALS = 1033;
/** Against more seals, shrinking, growing and writing. */
const ALL_SEALS = 15;

/**
 * A program as a sealed copy in memory (memfd_create(2)). An OCI runtime that is started from one need not make such a
 * copy of itself, and start itself anew, to keep containers from overwriting it.
 */
export class SealedProgram {
  readonly #original: string;
  /** The latest is last; those before it may still be about to be run by somebody. */
  readonly #copies: { identity: string; fd: number }[] = [];

  /** @param original absolute path */
  constructor(original: string) {
    this.#original = original;
  }

  /** Where to run it from, for other processes too, as long as this one lives: the original itself where no copy can be made. */
  get path(): string {
    const identity = identityOf(this.#original);
    if (identity === undefined) return this.#original;
    const latest = this.#copies.at(-1);
    const fd = latest?.identity === identity ? latest.fd : this.#copy(identity);
    return fd === undefined ? this.#original : `/proc/${process.pid}/fd/${fd}`;
  }

  close(): void {
    for (const { fd } of this.#copies.splice(0)) closeSync(fd);
  }

  #copy(identity: string): number | undefined {
    const fd = sealedCopy(this.#original);
    if (fd !== undefined) this.#copies.push({ identity, fd });
    return fd;
  }
}

/** Undefined when there is no such file. It differs after an update. */
function identityOf(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats && `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeMs}`;
}

/** Undefined where the host forbids to run programs from memory. */
function sealedCopy(path: string): number | undefined {
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  let fd = memfdCreate('program', flags | MFD_EXEC);
  if (fd < 0 && koffi.errno() === errno.EINVAL) fd = memfdCreate('program', flags);
  if (fd < 0 && koffi.errno() === errno.EACCES) return undefined;
  check(fd, 'memfd_create', `'${path}'`);
  try {
    const content = readFileSync(path);
    for (let at = 0; at < content.length;) at += writeSync(fd, content, at);
    check(addSeals(fd, F_ADD_SEALS, ALL_SEALS), 'fcntl', `seals of '${path}'`);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
