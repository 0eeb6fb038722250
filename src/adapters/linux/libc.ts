import koffi from 'koffi';
import { constants } from 'node:os';
import { getSystemErrorMessage, getSystemErrorName } from 'node:util';

// The C library through FFI: a call costs less than a microsecond and starts no process. Calls run on
// the calling thread; errno is read right after, before anything else can change it.

const libc = koffi.load('libc.so.6');

/** A failed system call, shaped like Node's own system errors. */
export class SystemCallError extends Error {
  override readonly name = 'SystemCallError';
  readonly syscall: string;
  readonly errno: number;
  /** ENOENT, EBUSY ... */
  readonly code: string;
  /** What the call was about, such as the path. */
  readonly about: string;

  constructor(syscall: string, errno: number, about: string) {
    const code = errnoName(errno);
    super(`${syscall} ${about}: ${code}`);
    this.syscall = syscall;
    this.about = about;
    this.errno = errno;
    this.code = code;
  }

  /** `no such file or directory`. */
  get words(): string {
    return getSystemErrorMessage(-this.errno);
  }
}

function errnoName(errno: number): string {
  try {
    return getSystemErrorName(-errno);
  } catch {
    return `errno ${errno}`;
  }
}

/** @throws SystemCallError when `result` is negative */
export function check(result: number, syscall: string, about: string): number {
  if (result < 0) throw new SystemCallError(syscall, koffi.errno(), about);
  return result;
}

export const errno = constants.errno;

type Mount = (
  source: string | null,
  target: string,
  type: string | null,
  flags: number,
  data: string | null,
) => number;
const cMount: Mount = libc.func(
  'int mount(const char*, const char*, const char*, unsigned long, const char*)',
);
type Umount = (target: string, flags: number) => number;
type UmountInPool = {
  async: (target: string, flags: number, done: (error: Error | null, result: number) => void) => void;
};
const cUmount: Umount & UmountInPool = libc.func('int umount2(const char*, int)');
const cMknod: (path: string, mode: number, device: number) => number = libc.func(
  'int mknod(const char*, unsigned int, uint64_t)',
);
type SetXattr = (path: string, name: string, value: Uint8Array, size: number, flags: number) => number;
const cSetXattr: SetXattr = libc.func('int lsetxattr(const char*, const char*, const uint8_t*, size_t, int)');
type GetXattr = (path: string, name: string, value: Uint8Array | null, size: number) => number;
const cGetXattr: GetXattr = libc.func('long lgetxattr(const char*, const char*, _Out_ uint8_t*, size_t)');
type SetXattrOf = (fd: number, name: string, value: Uint8Array, size: number, flags: number) => number;
const cSetXattrOf: SetXattrOf = libc.func('int fsetxattr(int, const char*, const uint8_t*, size_t, int)');
type GetXattrOf = (fd: number, name: string, value: Uint8Array | null, size: number) => number;
const cGetXattrOf: GetXattrOf = libc.func('long fgetxattr(int, const char*, _Out_ uint8_t*, size_t)');
const cListXattr: (path: string, list: Uint8Array | null, size: number) => number = libc.func(
  'long llistxattr(const char*, _Out_ uint8_t*, size_t)',
);
const cReadlinkAt: (folder: number, path: string, target: Uint8Array, size: number) => number = libc.func(
  'long readlinkat(int, const char*, _Out_ uint8_t*, size_t)',
);
const cUnshare: (flags: number) => number = libc.func('int unshare(int)');
const cSetns: (fd: number, type: number) => number = libc.func('int setns(int, int)');
const cClose: (fd: number) => number = libc.func('int close(int)');

export const MS = {
  RDONLY: 1,
  NOSUID: 2,
  NODEV: 4,
  NOEXEC: 8,
  REMOUNT: 32,
  BIND: 4096,
  REC: 16384,
  UNBINDABLE: 1 << 17,
  PRIVATE: 1 << 18,
  SLAVE: 1 << 19,
  SHARED: 1 << 20,
} as const;
export const MNT_DETACH = 2;
export const CLONE_NEWNET = 0x40000000;

export function mount(
  source: string | null,
  target: string,
  type: string | null,
  flags: number,
  data: string | null = null,
): void {
  check(cMount(source, target, type, flags, data), 'mount', `'${source ?? 'none'}' on '${target}'`);
}

export function unmount(target: string, flags = 0): void {
  check(cUmount(target, flags), 'umount', `'${target}'`);
}

/** Unmounts; a path that is no mount point or does not exist is fine. */
export function unmountIfMounted(target: string, flags: number = MNT_DETACH): void {
  const result = cUmount(target, flags);
  if (result >= 0) return;
  const reason = koffi.errno();
  if (reason !== errno.EINVAL && reason !== errno.ENOENT)
    throw new SystemCallError('umount', reason, `'${target}'`);
}

/** As `unmountIfMounted`, in a thread of the pool. */
export async function unmountInPool(target: string): Promise<void> {
  const result = await new Promise<number>((resolve, reject) => {
    cUmount.async(target, MNT_DETACH, (error, value) => {
      if (error instanceof Error) reject(error);
      else resolve(value);
    });
  });
  // The reason stayed in the other thread: fail once more.
  if (result < 0) unmountIfMounted(target);
}

/** `device` as `makeDevice` composes it; `mode` holds the type bits (S_IFCHR ...). */
export function mknod(path: string, mode: number, device: number): void {
  check(cMknod(path, mode, device), 'mknod', `'${path}'`);
}

/** The kernel's dev_t of a major and a minor number (glibc's makedev). */
export function makeDevice(major: number, minor: number): number {
  const low = (minor & 0xff) | ((major & 0xfff) << 8);
  return low + (minor & ~0xff) * 2 ** 12 + Math.floor(major / 0x1000) * 2 ** 44;
}

/** The reverse of `makeDevice`, for `rdev` of a stat. */
export function splitDevice(device: number): { major: number; minor: number } {
  const high = Math.floor(device / 2 ** 32);
  const low = device % 2 ** 32;
  return {
    major: ((low >>> 8) & 0xfff) + ((high >>> 0) & 0xfffff000),
    minor: (low & 0xff) | ((low >>> 12) & 0xfff00),
  };
}

/** Does not follow a symbolic link. */
export function setXattr(path: string, name: string, value: Uint8Array): void {
  check(cSetXattr(path, name, value, value.length, 0), 'lsetxattr', `'${name}' of '${path}'`);
}

/** Of an open file: lsetxattr(2) on /proc/self/fd would mean the link there. */
export function setXattrOf(fd: number, name: string, value: Uint8Array): void {
  check(cSetXattrOf(fd, name, value, value.length, 0), 'fsetxattr', `'${name}' of descriptor ${fd}`);
}

/** Undefined when the attribute is not set, or the file system has none. Does not follow a symbolic link. */
export function getXattr(path: string, name: string): Buffer | undefined {
  return readXattr('lgetxattr', `'${name}' of '${path}'`, (value, size) =>
    cGetXattr(path, name, value, size),
  );
}

/** As `getXattr`, of an open file. */
export function getXattrOf(fd: number, name: string): Buffer | undefined {
  const about = `'${name}' of descriptor ${fd}`;
  return readXattr('fgetxattr', about, (value, size) => cGetXattrOf(fd, name, value, size));
}

function readXattr(
  syscall: string,
  about: string,
  call: (value: Uint8Array | null, size: number) => number,
): Buffer | undefined {
  const size = call(null, 0);
  if (size < 0) {
    const reason = koffi.errno();
    if (reason === errno.ENODATA || reason === errno.ENOTSUP) return undefined;
    throw new SystemCallError(syscall, reason, about);
  }
  const value = Buffer.alloc(size);
  check(call(value, size), syscall, about);
  return value;
}

/** Names of all extended attributes. Does not follow a symbolic link. */
export function listXattrs(path: string): string[] {
  const size = cListXattr(path, null, 0);
  if (size <= 0) return [];
  const list = Buffer.alloc(size);
  const length = check(cListXattr(path, list, size), 'llistxattr', `'${path}'`);
  return list
    .toString('utf8', 0, length)
    .split('\0')
    .filter((name) => name !== '');
}

/** Target of a symbolic link that was opened with O_PATH and O_NOFOLLOW. */
export function readlinkOf(fd: number): string {
  const target = Buffer.alloc(4096);
  const length = check(cReadlinkAt(fd, '', target, target.length), 'readlinkat', `descriptor ${fd}`);
  return target.toString('utf8', 0, length);
}

/** Moves the calling thread. Never await before the thread is back where it was. */
export function unshare(flags: number): void {
  check(cUnshare(flags), 'unshare', `0x${flags.toString(16)}`);
}

export function setns(fd: number, type: number): void {
  check(cSetns(fd, type), 'setns', `descriptor ${fd}`);
}

export function close(fd: number): void {
  check(cClose(fd), 'close', `descriptor ${fd}`);
}
