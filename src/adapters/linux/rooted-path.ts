import koffi from 'koffi';
import { check, SystemCallError } from '#adapters/linux/libc.ts';

// openat2(2) with RESOLVE_IN_ROOT: the kernel treats a folder as `/` while it follows a path, so that no
// symbolic link of an image leads out of the image, also while another process changes it.

const libc = koffi.load('libc.so.6');

/** The same number on x86-64 and arm64. */
const SYS_openat2 = 437;
const RESOLVE_NO_MAGICLINKS = 0x02;
const RESOLVE_IN_ROOT = 0x10;
const O_CLOEXEC = 0o2000000;

/** The kernel gives up with EAGAIN when something on the way is renamed meanwhile. */
const tries = 100;

type OpenAt2 = (nr: number, folder: number, path: Uint8Array, how: Uint8Array, size: number) => number;
const openAt2: OpenAt2 = libc.func(
  'long syscall(long nr, int folder, const uint8_t *path, const uint8_t *how, size_t size)',
);

/**
 * Opens `path`, a byte string, as a process with the root `folder` (a descriptor) would; '' is the root.
 * @throws SystemCallError ENOENT, ENOTDIR, ELOOP ...
 */
export function openInRoot(folder: number, path: string, flags: number): number {
  // struct open_how: flags, mode, resolve, 64 bits each.
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt(flags | O_CLOEXEC), 0);
  how.writeBigUInt64LE(BigInt(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS), 16);
  const terminated = Buffer.from(`${path === '' ? '.' : path}\0`, 'latin1');
  for (let left = tries; ; left--) {
    try {
      return check(openAt2(SYS_openat2, folder, terminated, how, how.length), 'openat2', `'${path}'`);
    } catch (error) {
      if (left > 0 && error instanceof SystemCallError && error.code === 'EAGAIN') continue;
      throw error;
    }
  }
}
