import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Stats } from 'node:fs';
import { invalid, systemCode } from '#base/errors.ts';
import { splitDevice } from '#adapters/linux/libc.ts';
import type { ResolvedDevice } from '#domain/container/spec-input.ts';

/** Of /dev, what every container has of its own, or what is no device of the host. */
const skippedFolders = new Set(['pts', 'shm', 'fd', 'mqueue', '.lxc', '.lxd-mounts', '.udev']);
const skippedFiles = new Set(['console', 'tty', 'ptmx']);

/**
 * The device at `path`, or all devices below it.
 * @throws invalid `device-missing` with Docker's words
 */
export async function devicesAt(
  path: string,
  pathInContainer: string,
  permissions: string,
): Promise<ResolvedDevice[]> {
  const real = await realpath(path).catch((error: unknown) => {
    throw missing(path, systemCode(error) === 'ENOENT' ? 'no such file or directory' : String(error));
  });
  const found = await stat(real);
  if (found.isDirectory()) {
    const below = await devicesBelow(real);
    if (below.length > 0)
      return below.map(({ file, stats }) =>
        resolved(join(pathInContainer, relative(real, file)), stats, permissions),
      );
  }
  if (!isDevice(found)) throw missing(path, 'not a device node');
  return [resolved(pathInContainer, found, permissions)];
}

/** All devices of the host, for privileged containers. */
export async function allDevices(): Promise<ResolvedDevice[]> {
  const below = await devicesBelow('/dev');
  return below.map(({ file, stats }) => resolved(file, stats, 'rwm'));
}

async function devicesBelow(folder: string): Promise<{ file: string; stats: Stats }[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const found = await Promise.all(
    entries.map(async (entry) => {
      const file = join(folder, entry.name);
      if (entry.isDirectory()) return skippedFolders.has(entry.name) ? [] : devicesBelow(file);
      if (!entry.isCharacterDevice() && !entry.isBlockDevice()) return [];
      if (skippedFiles.has(entry.name)) return [];
      return [{ file, stats: await lstat(file) }];
    }),
  );
  return found.flat();
}

function isDevice(stats: Stats): boolean {
  return stats.isCharacterDevice() || stats.isBlockDevice();
}

function resolved(pathInContainer: string, stats: Stats, permissions: string): ResolvedDevice {
  return {
    pathInContainer,
    type: stats.isBlockDevice() ? 'b' : 'c',
    ...splitDevice(stats.rdev),
    permissions,
    mode: stats.mode & 0o777,
    uid: stats.uid,
    gid: stats.gid,
  };
}

function missing(path: string, reason: string): Error {
  return invalid(
    'device-missing',
    `error gathering device information while adding custom device "${path}": ${reason}`,
  );
}
