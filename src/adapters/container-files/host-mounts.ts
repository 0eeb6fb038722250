import { closeSync, constants, mkdirSync, openSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { close, mount, MS } from '#adapters/linux/libc.ts';
import type { MountEntry } from '#adapters/linux/mount-table.ts';
import { openInRoot } from '#adapters/linux/rooted-path.ts';
import { invalid, messageOf, systemCode } from '#base/errors.ts';

const O_PATH = 0o10000000;

/**
 * Binds what lies at `subpath` of a folder on `target`, a new file or folder of the same kind.
 * @throws invalid `mount-invalid` with Docker's words when there is nothing
 */
export function bindPart(folder: string, subpath: string, target: string): void {
  const root = openSync(folder, O_PATH | constants.O_DIRECTORY);
  try {
    const found = openPart(root, folder, subpath);
    try {
      const path = `/proc/self/fd/${found}`;
      mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
      if (statSync(path).isDirectory()) mkdirSync(target, { recursive: true });
      else writeFileSync(target, '');
      mount(path, target, null, MS.BIND | MS.REC, null);
    } finally {
      close(found);
    }
  } finally {
    closeSync(root);
  }
}

function openPart(root: number, folder: string, subpath: string): number {
  try {
    return openInRoot(root, Buffer.from(subpath).toString('latin1'), O_PATH);
  } catch (error) {
    const reason = systemCode(error) === 'ENOENT' ? 'no such file or directory' : messageOf(error);
    throw invalid('mount-invalid', `cannot access path ${join(folder, subpath)}: ${reason}`, {
      cause: error,
    });
  }
}

export interface HostMount {
  mountPoint: string;
  propagation: 'private' | 'slave' | 'shared';
}

/** The mount in which an absolute path lies. */
export function findMount(mounts: readonly MountEntry[], path: string): HostMount {
  let found: HostMount = { mountPoint: '/', propagation: 'private' };
  for (const { point: mountPoint, tags } of mounts) {
    if (!contains(mountPoint, path) || mountPoint.length < found.mountPoint.length) continue;
    const has = (start: string): boolean => tags.some((tag) => tag.startsWith(start));
    const propagation = has('shared:') ? 'shared' : has('master:') ? 'slave' : 'private';
    found = { mountPoint, propagation };
  }
  return found;
}

function contains(mountPoint: string, path: string): boolean {
  return mountPoint === '/' || path === mountPoint || path.startsWith(`${mountPoint}/`);
}
