import { close, MS } from '#adapters/linux/libc.ts';
import { cloneMount, setMountAttributes } from '#adapters/linux/mount-calls.ts';

const MOUNT_ATTR = { RDONLY: 1, NOSUID: 2, NODEV: 4, NOEXEC: 8 } as const;

/**
 * Mounts the folder `path` once more, for reading and nowhere: who has the descriptor sees the tree without what is
 * mounted in it now or later, also when it is unmounted at `path`, and no `..` leads out of it. The mount goes with the last
 * copy of the descriptor.
 * @throws SystemCallError
 */
export function mountDetached(path: string): number {
  const mount = cloneMount(path);
  try {
    const { RDONLY, NOSUID, NODEV, NOEXEC } = MOUNT_ATTR;
    const attributes = { set: RDONLY | NOSUID | NODEV | NOEXEC, propagation: MS.PRIVATE };
    setMountAttributes(mount, attributes, `of a copy of '${path}'`);
    return mount;
  } catch (error) {
    close(mount);
    throw error;
  }
}
