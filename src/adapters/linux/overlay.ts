import { release } from 'node:os';
import koffi from 'koffi';
import { check, close } from '#adapters/linux/libc.ts';
import { placeMount } from '#adapters/linux/mount-calls.ts';
import { isSince } from '#adapters/linux/kernel-version.ts';
import { mountOverlayByOptions } from '#adapters/linux/overlay-options.ts';

// Mounts by the file system context API (fsopen(2), fsconfig(2), fsmount(2), move_mount(2)): from Linux 6.7 on an option
// has no 4,095-byte limit there, so an image may have as many layers as the kernel stacks (500).

const libc = koffi.load('libc.so.6');

const FSOPEN_CLOEXEC = 1;
const FSMOUNT_CLOEXEC = 1;
const FSCONFIG_SET_FLAG = 0;
const FSCONFIG_SET_STRING = 1;
const FSCONFIG_CMD_CREATE = 6;

// The same numbers on x86-64 and arm64.
const NR = { fsopen: 430, fsconfig: 431, fsmount: 432 } as const;

const fsopen: (nr: number, name: string, flags: number) => number = libc.func(
  'long syscall(long nr, const char *name, unsigned int flags)',
);
type Fsconfig = (
  nr: number,
  fd: number,
  command: number,
  key: string | null,
  value: string | null,
  aux: number,
) => number;
const fsconfig: Fsconfig = libc.func(
  'long syscall(long nr, int fd, unsigned int command, const char *key, const char *value, int aux)',
);
const fsmount: (nr: number, fd: number, flags: number, attributes: number) => number = libc.func(
  'long syscall(long nr, int fd, unsigned int flags, unsigned int attributes)',
);

export interface OverlayMount {
  /** Absolute directories, the topmost first. */
  lower: string[];
  /** Both absent: read-only. */
  upper?: string;
  work?: string;
  /**
   * fsync(2) and unmounting wait for no disk. Such an upper directory cannot be mounted again
   * (Documentation/filesystems/overlayfs.rst, Volatile mount). Before Linux 5.10 they do wait.
   */
  volatile?: boolean;
  target: string;
}

/** Linux takes `lowerdir+` from 6.7 on; before, each try leaves a line in the kernel's log. */
const takesLayersOneByOne = isSince(release(), 6, 7);

/** @throws SystemCallError; invalid `layers-too-many` on kernels before 6.7 */
export function mountOverlay(overlay: OverlayMount): void {
  if (takesLayersOneByOne) mountByContext(overlay);
  else mountOverlayByOptions(overlay);
}

function mountByContext(overlay: OverlayMount): void {
  const context = check(fsopen(NR.fsopen, 'overlay', FSOPEN_CLOEXEC), 'fsopen', 'overlay');
  try {
    const set = (key: string, value: string): void => {
      check(
        fsconfig(NR.fsconfig, context, FSCONFIG_SET_STRING, key, value, 0),
        'fsconfig',
        `${key}='${value}'`,
      );
    };
    set('source', 'overlay');
    // A layer is a plain tree that can be moved, read and made into a tar without the others.
    for (const off of ['index', 'metacopy']) set(off, 'off');
    set('redirect_dir', 'nofollow');
    for (const layer of overlay.lower) set('lowerdir+', layer);
    if (overlay.upper !== undefined && overlay.work !== undefined) {
      set('upperdir', overlay.upper);
      set('workdir', overlay.work);
    }
    if (overlay.volatile === true)
      check(fsconfig(NR.fsconfig, context, FSCONFIG_SET_FLAG, 'volatile', null, 0), 'fsconfig', 'volatile');
    check(
      fsconfig(NR.fsconfig, context, FSCONFIG_CMD_CREATE, null, null, 0),
      'fsconfig',
      `create overlay for '${overlay.target}'`,
    );
    place(context, overlay.target);
  } finally {
    close(context);
  }
}

function place(context: number, target: string): void {
  const made = check(fsmount(NR.fsmount, context, FSMOUNT_CLOEXEC, 0), 'fsmount', 'overlay');
  try {
    placeMount(made, target);
  } finally {
    close(made);
  }
}
