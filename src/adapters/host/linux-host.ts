import {
  closeSync,
  constants,
  fstatSync,
  lchownSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { bytes } from '#adapters/files/byte-path.ts';
import {
  descriptorPath,
  folderFlags,
  openFolder,
  openIfThere,
  withRoot,
} from '#adapters/files/open-in-root.ts';
import { invalid, systemCode } from '#base/errors.ts';
import type { CdiFile } from '#domain/container/cdi.ts';
import type { HostFacts, ResolvedDevice, UserNamespaceSource } from '#domain/container/spec-input.ts';
import { toHost } from '#domain/user-namespace/id-mappings.ts';
import type { Cgroups } from '#ports/cgroups.ts';
import type { Host } from '#ports/host.ts';
import { cdiFolders, readCdiFiles } from './cdi-files.ts';
import { allDevices, devicesAt } from './devices.ts';
import { readHostFacts } from './facts.ts';

const largestText = 4 * 1024 * 1024;

/** The port Host. Facts are read once, here. */
export class LinuxHost implements Host {
  readonly facts: HostFacts;
  readonly userNamespace?: UserNamespaceSource;

  /** @param userNamespace of containers, when it is not the host's */
  constructor(
    cgroups: Pick<Cgroups, 'version'> & { controllers: string[] },
    userNamespace?: UserNamespaceSource,
  ) {
    this.facts = readHostFacts(cgroups);
    if (userNamespace !== undefined) this.userNamespace = userNamespace;
  }

  devices(path: string, pathInContainer: string, permissions: string): Promise<ResolvedDevice[]> {
    return devicesAt(path, pathInContainer, permissions);
  }

  cdiFiles(): Promise<CdiFile[]> {
    return readCdiFiles(cdiFolders);
  }

  allDevices(): Promise<ResolvedDevice[]> {
    return allDevices();
  }

  readInRoot(root: string, path: string): Promise<string | undefined> {
    return withRoot(root, (folder) => {
      const file = openIfThere(folder, bytes(path), constants.O_RDONLY | constants.O_NONBLOCK);
      if (file === undefined) return undefined;
      try {
        return textOf(file, path);
      } finally {
        closeSync(file);
      }
    });
  }

  makeFolderInRoot(root: string, path: string, owner: { uid: number; gid: number }): Promise<void> {
    const onDisk = this.userNamespace === undefined ? owner : toHost(this.userNamespace.mappings, owner);
    return withRoot(root, (folder) => closeSync(openFolder(folder, bytes(path), onDisk)));
  }

  markRoot(root: string): Promise<void> {
    return withRoot(root, (folder) => {
      const mark = descriptorPath(folder, '.dockerenv');
      this.#makeOnce(mark, () => writeFileSync(mark, '', { flag: 'wx', mode: 0o755 }));
      const etc = openIfThere(folder, 'etc', folderFlags);
      if (etc === undefined) return;
      try {
        const mounts = descriptorPath(etc, 'mtab');
        this.#makeOnce(mounts, () => symlinkSync('/proc/mounts', mounts));
      } finally {
        closeSync(etc);
      }
    });
  }

  /** Of the container's root. */
  #makeOnce(path: Buffer, make: () => void): void {
    try {
      make();
    } catch (error) {
      if (systemCode(error) === 'EEXIST') return;
      throw error;
    }
    if (this.userNamespace === undefined) return;
    const { uid, gid } = toHost(this.userNamespace.mappings, { uid: 0, gid: 0 });
    lchownSync(path, uid, gid);
  }
}

/** An image may have anything under the name, such as a device without an end. */
function textOf(file: number, path: string): string {
  const stats = fstatSync(file);
  if (!stats.isFile())
    throw invalid('file-not-regular', `reading '${path}' of the image: it is no regular file`);
  if (stats.size > largestText)
    throw invalid(
      'file-too-large',
      `reading '${path}' of the image: it has ${stats.size} bytes; at most ${largestText} are read`,
    );
  return readFileSync(file, 'utf8');
}
