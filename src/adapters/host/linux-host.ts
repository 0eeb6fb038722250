import { closeSync, constants, fchownSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { close } from '#adapters/linux/libc.ts';
import { openInRoot } from '#adapters/linux/rooted-path.ts';
import { systemCode } from '#base/errors.ts';
import type { HostFacts, ResolvedDevice } from '#domain/container/spec-input.ts';
import type { Cgroups } from '#ports/cgroups.ts';
import type { Host } from '#ports/host.ts';
import { allDevices, devicesAt } from './devices.ts';
import { readHostFacts } from './facts.ts';

const O_PATH = 0o10000000;

/** The port Host. Facts are read once, here. */
export class LinuxHost implements Host {
  readonly facts: HostFacts;

  constructor(cgroups: Pick<Cgroups, 'version'> & { controllers: string[] }) {
    this.facts = readHostFacts(cgroups);
  }

  devices(path: string, pathInContainer: string, permissions: string): Promise<ResolvedDevice[]> {
    return devicesAt(path, pathInContainer, permissions);
  }

  allDevices(): Promise<ResolvedDevice[]> {
    return allDevices();
  }

  readInRoot(root: string, path: string): Promise<string | undefined> {
    return Promise.resolve(
      withRoot(root, (folder) => {
        const file = openIfThere(folder, path, constants.O_RDONLY | constants.O_NONBLOCK);
        if (file === undefined) return undefined;
        try {
          return readFileSync(file, 'utf8');
        } finally {
          close(file);
        }
      }),
    );
  }

  makeFolderInRoot(root: string, path: string, owner: { uid: number; gid: number }): Promise<void> {
    withRoot(root, (folder) => {
      const parts = path.split('/').filter((part) => part !== '' && part !== '.');
      for (let length = 1; length <= parts.length; length++)
        ensureFolder(folder, parts.slice(0, length), owner);
    });
    return Promise.resolve();
  }
}

function withRoot<T>(root: string, use: (folder: number) => T): T {
  const folder = openSync(root, O_PATH | constants.O_DIRECTORY);
  try {
    return use(folder);
  } finally {
    closeSync(folder);
  }
}

function openIfThere(folder: number, path: string, flags: number): number | undefined {
  try {
    return openInRoot(folder, path, flags);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The parent is there already. */
function ensureFolder(folder: number, parts: string[], owner: { uid: number; gid: number }): void {
  const present = openIfThere(folder, parts.join('/'), O_PATH | constants.O_DIRECTORY);
  if (present !== undefined) {
    close(present);
    return;
  }
  const parent = openInRoot(folder, parts.slice(0, -1).join('/') || '.', O_PATH | constants.O_DIRECTORY);
  try {
    const made = `/proc/self/fd/${parent}/${parts.at(-1) ?? ''}`;
    mkdirSync(made, { mode: 0o755 });
    const opened = openSync(made, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    fchownSync(opened, owner.uid, owner.gid);
    closeSync(opened);
  } finally {
    close(parent);
  }
}
