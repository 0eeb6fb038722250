import koffi from 'koffi';
import { check } from '#adapters/linux/libc.ts';

// Mounts by descriptor: open_tree(2), move_mount(2), mount_setattr(2) (Linux 5.12).

const libc = koffi.load('libc.so.6');

// The same numbers on x86-64 and arm64.
const NR = { open_tree: 428, move_mount: 429, mount_setattr: 442 } as const;
const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const OPEN_TREE_CLONE = 1;
const OPEN_TREE_CLOEXEC = 0o2000000;
const MOVE_MOUNT_F_EMPTY_PATH = 4;

type OpenTree = (nr: number, folder: number, path: string, flags: number) => number;
const openTree: OpenTree = libc.func(
  'long syscall(long nr, int folder, const char *path, unsigned int flags)',
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
type SetAttributes = (
  nr: number,
  mount: number,
  path: string,
  flags: number,
  attributes: BigUint64Array,
  size: number,
) => number;
const setAttributes: SetAttributes = libc.func(
  'long syscall(long nr, int mount, const char *path, unsigned int flags, const uint64_t *attributes, size_t size)',
);

/** A second mount of a folder, without what is mounted in it, and nowhere yet; the caller's to close. @throws SystemCallError */
export function cloneMount(path: string): number {
  const flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  return check(openTree(NR.open_tree, AT_FDCWD, path, flags), 'open_tree', `'${path}'`);
}

/** Changes a mount that is nowhere yet. @throws SystemCallError */
export function setMountAttributes(
  mount: number,
  { set, propagation = 0, userNamespace = 0 }: { set: number; propagation?: number; userNamespace?: number },
  about: string,
): void {
  // struct mount_attr: attr_set, attr_clr, propagation, userns_fd.
  const attributes = BigUint64Array.from([set, 0, propagation, userNamespace], BigInt);
  check(
    setAttributes(NR.mount_setattr, mount, '', AT_EMPTY_PATH, attributes, attributes.byteLength),
    'mount_setattr',
    about,
  );
}

/** Mounts what a descriptor holds on `target`. @throws SystemCallError */
export function placeMount(mount: number, target: string): void {
  check(
    moveMount(NR.move_mount, mount, '', AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH),
    'move_mount',
    `to '${target}'`,
  );
}
