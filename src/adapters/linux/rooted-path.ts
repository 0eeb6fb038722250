import koffi from 'koffi';
import { check } from '#adapters/linux/libc.ts';

// openat2(2) with RESOLVE_IN_ROOT: the kernel treats a folder as `/` while it follows a path, so that no
// symbolic link of an image leads out of the image, also while another process changes it.

const libc = koffi.load('libc.so.6');

/** The same number on x86-64 and arm64. */
const SYS_openat2 = 437;
const RESOLVE_NO_MAGICLINKS = 0x02;
const RESOLVE_IN_ROOT = 0x10;
const O_CLOEXEC = 0o2000000;

type OpenAt2 = (nr: number, folder: number, path: string, how: Uint8Array, size: number) => number;
const openAt2: OpenAt2 = libc.func(
  'long syscall(long nr, int folder, const char *path, const uint8_t *how, size_t size)',
);

/**
 * Opens `path` as a process with the root `folder` (a descriptor) would.
 * @throws SystemCallError
 */
export function openInRoot(folder: number, path: string, flags: number, mode = 0): number {
  // struct open_how: flags, mode, resolve, 64 bits each.
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt(flags | O_CLOEXEC), 0);
  how.writeBigUInt64LE(BigInt(mode), 8);
  how.writeBigUInt64LE(BigInt(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS), 16);
  return check(openAt2(SYS_openat2, folder, path, how, how.length), 'openat2', `'${path}'`);
}
