import koffi from 'koffi';
import { check, close, MS } from '#adapters/linux/libc.ts';

const libc = koffi.load('libc.so.6');

// The same numbers on x86-64 and arm64.
const NR = { open_tree: 428, mount_setattr: 442 } as const;
const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const OPEN_TREE_CLONE = 1;
const OPEN_TREE_CLOEXEC = 0o2000000;
const MOUNT_ATTR = { RDONLY: 1, NOSUID: 2, NODEV: 4, NOEXEC: 8 } as const;

const openTree: (nr: number, folder: number, path: string, flags: number) => number = libc.func(
  'long syscall(long nr, int folder, const char *path, unsigned int flags)',
);
type SetAttributes = (
  nr: number,
  mount: number,
  path: string,
  flags: number,
  attributes: Uint8Array,
  size: number,
) => number;
const setAttributes: SetAttributes = libc.func(
  'long syscall(long nr, int mount, const char *path, unsigned int flags, const uint8_t *attributes, size_t size)',
);

/**
 * Mounts the folder `path` once more, for reading and nowhere: who has the descriptor sees the tree without what is
 * mounted in it now or later, also when it is unmounted at `path`, and no `..` leads out of it. The mount goes with the last
 * copy of the descriptor (open_tree(2), mount_setattr(2), Linux 5.12).
 * @throws SystemCallError
 */
export function mountDetached(path: string): number {
  const flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  const mount = check(openTree(NR.open_tree, AT_FDCWD, path, flags), 'open_tree', `'${path}'`);
  try {
    // struct mount_attr: attr_set, attr_clr, propagation and userns_fd, 64 bits each.
    const attributes = Buffer.alloc(32);
    const { RDONLY, NOSUID, NODEV, NOEXEC } = MOUNT_ATTR;
    attributes.writeBigUInt64LE(BigInt(RDONLY | NOSUID | NODEV | NOEXEC), 0);
    attributes.writeBigUInt64LE(BigInt(MS.PRIVATE), 16);
    check(
      setAttributes(NR.mount_setattr, mount, '', AT_EMPTY_PATH, attributes, attributes.length),
      'mount_setattr',
      `of a copy of '${path}'`,
    );
    return mount;
  } catch (error) {
    close(mount);
    throw error;
  }
}
