import { close } from '#adapters/linux/libc.ts';
import { cloneMount, placeMount, setMountAttributes } from '#adapters/linux/mount-calls.ts';

const MOUNT_ATTR_IDMAP = 0x00100000;

/**
 * Mounts a folder on another one with the mapping of a user namespace (idmapped mounts): an id on disk is taken for one inside
 * of the namespace and shown as the one outside; what is made gets the id on disk.
 * @throws SystemCallError: EINVAL when the file system cannot do that
 */
export function bindIdMapped(source: string, target: string, userNamespace: number): void {
  const tree = cloneMount(source);
  try {
    setMountAttributes(tree, { set: MOUNT_ATTR_IDMAP, userNamespace }, `id mapping of '${source}'`);
    placeMount(tree, target);
  } finally {
    close(tree);
  }
}
