import { closeSync, readlinkSync, unlinkSync } from 'node:fs';
import { descriptorPath, folderFlags, openIfThere, withRoot } from '#adapters/files/open-in-root.ts';
import type { RuntimeSpec } from '#domain/container/runtime-spec.ts';

/**
 * Takes away the link `/dev/core` that crun makes (libcrun/linux.c, create_missing_devs), and runc does not: programs that list
 * devices see those of Docker. Only in a `/dev` of the task's own, before its main process runs. @param pid of that process
 */
export async function removeCoreLink(pid: number, { mounts }: Pick<RuntimeSpec, 'mounts'>): Promise<void> {
  if (!mounts.some(({ destination, type }) => destination === '/dev' && type === 'tmpfs')) return;
  try {
    await withRoot(`/proc/${pid}/root`, unlinkCore);
  } catch {
    // A link more is no reason not to run.
  }
}

function unlinkCore(root: number): void {
  const folder = openIfThere(root, 'dev', folderFlags);
  if (folder === undefined) return;
  try {
    const link = descriptorPath(folder, 'core');
    if (readlinkSync(link) === '/proc/kcore') unlinkSync(link);
  } finally {
    closeSync(folder);
  }
}
