import { closeSync, constants, openSync } from 'node:fs';
import { release } from 'node:os';
import { invalid } from '#base/errors.ts';
import { isSince } from '#adapters/linux/kernel-version.ts';
import { mount } from '#adapters/linux/libc.ts';
import type { OverlayMount } from '#adapters/linux/overlay.ts';

/** From Linux 5.10 on. */
const takesVolatile = isSince(release(), 5, 10);
/** mount(2) takes one page of options, the last byte of which ends them. */
const longest = 4095;

/**
 * Mounts by the options of mount(2), for kernels before 6.7, which know no `lowerdir+`. Layers are named by descriptors,
 * so that some 200 fit whatever their paths are, and no character of a path needs escaping.
 * @throws SystemCallError; invalid `layers-too-many`
 */
export function mountOverlayByOptions(overlay: OverlayMount): void {
  const open: number[] = [];
  const named = (path: string): string => {
    const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
    open.push(fd);
    return `/proc/self/fd/${fd}`;
  };
  try {
    const options = ['index=off', 'metacopy=off', 'redirect_dir=nofollow'];
    options.push(`lowerdir=${overlay.lower.map(named).join(':')}`);
    if (overlay.upper !== undefined && overlay.work !== undefined)
      options.push(`upperdir=${named(overlay.upper)}`, `workdir=${named(overlay.work)}`);
    if (overlay.volatile === true && takesVolatile) options.push('volatile');
    const data = options.join(',');
    if (data.length > longest)
      throw invalid(
        'layers-too-many',
        `the ${overlay.lower.length} layers of '${overlay.target}' are more than this kernel stacks`,
        { hint: 'use Linux 6.7 or newer, or an image of fewer layers' },
      );
    mount('overlay', overlay.target, 'overlay', 0, data);
  } finally {
    for (const fd of open) closeSync(fd);
  }
}
