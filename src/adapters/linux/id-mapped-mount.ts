import koffi from 'koffi';
import { check, close } from '#adapters/linux/libc.ts';

// Idmapped mounts (mount_setattr(2), Linux 5.12): the same files with other owners.

const libc = koffi.load('libc.so.6');

const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const OPEN_TREE_CLONE = 1;
const OPEN_TREE_CLOEXEC = 0o2000000;
const MOVE_MOUNT_F_EMPTY_PATH = 4;
const MOUNT_ATTR_IDMAP = 0x00100000n;

// The same numbers on x86-64 and arm64.
const NR = { open_tree: 428, move_mount: 429, mount_setattr: 442 } as const;

const openTree: (nr: number, at: number, path: string, flags: number) => number = libc.func(
  'long syscall(long nr, int at, const char *path, unsigned int flags)',
);
type MoveMount = (
  nr: number,
  from: number,
  fromPath: string,
  to: number,
  toPath: string,
  flags: number,
) => number;
const moveMount: MoveMount = libc.func(
  'long syscall(long nr, int from, const char *fromPath, int to, const char *toPath, unsigned int flags)',
);
type MountSetattr = (
  nr: number,
  fd: number,
  path: string,
  flags: number,
  attributes: BigUint64Array,
  size: number,
) => number;
const mountSetattr: MountSetattr = libc.func(
  'long syscall(long nr, int fd, const char *path, unsigned int flags, const uint64_t *attributes, size_t size)',
);

/**
 * Mounts a folder on another one with the mapping of a user namespace: an id on disk is taken for one inside of the
 * namespace and shown as the one outside; what is made gets the id on disk.
 * @throws SystemCallError: EINVAL when the file system cannot do that
 */
export function bindIdMapped(source: string, target: string, userNamespace: number): void {
  const tree = check(
    openTree(NR.open_tree, AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC),
    'open_tree',
    `'${source}'`,
  );
  try {
    // struct mount_attr: attr_set, attr_clr, propagation, userns_fd
    const attributes = BigUint64Array.of(MOUNT_ATTR_IDMAP, 0n, 0n, BigInt(userNamespace));
    check(
      mountSetattr(NR.mount_setattr, tree, '', AT_EMPTY_PATH, attributes, attributes.byteLength),
      'mount_setattr',
      `id mapping of '${source}'`,
    );
    check(
      moveMount(NR.move_mount, tree, '', AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH),
      'move_mount',
      `to '${target}'`,
    );
  } finally {
    close(tree);
  }
}
