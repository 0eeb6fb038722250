import { mountContents } from './contents.ts';
import { chownSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { chown, realpath } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { mount, MS, unmountIfMounted } from '#adapters/linux/libc.ts';
import { mountTable } from '#adapters/linux/mount-table.ts';
import { bindPart, findMount } from './host-mounts.ts';
import { toHost, type IdMappings, type Owner } from '#domain/user-namespace/id-mappings.ts';
import type { ContainerFiles, EtcPaths, FileContent } from '#ports/container-files.ts';
import { namesIfThere, namesIfThereSync, textIfThereSync } from '#adapters/files/if-there.ts';
import { makeFolders } from '#adapters/files/make-folders.ts';
import { explainDiskFull } from '#base/disk-full.ts';
import { BerthError, internal, reasonOf } from '#base/errors.ts';

/** Begins the names of mounts of parts. */
const part = 'part-';
const contents = 'contents';

/** One folder for each container below a folder of the instance's run folder. */
export class DiskContainerFiles implements ContainerFiles {
  readonly #folder: string;
  readonly #mappings: IdMappings | undefined;
  /** Of what is root's in containers; undefined: the daemon. */
  readonly #owner: Owner | undefined;

  /** @param folder absolute; made when it is first needed; @param mappings of containers' ids; absent: they have the host's */
  constructor(folder: string, mappings?: IdMappings) {
    this.#folder = folder;
    this.#mappings = mappings;
    this.#owner = mappings && toHost(mappings, { uid: 0, gid: 0 });
  }

  paths(id: string): EtcPaths {
    const of = (name: string): string => join(this.#folder, id, name);
    return { hosts: of('hosts'), hostname: of('hostname'), resolvConf: of('resolv.conf') };
  }

  // Synchronous on purpose: three small files on tmpfs cost less than one trip to the thread pool.
  write(id: string, texts: EtcPaths): Promise<void> {
    const paths = this.paths(id);
    mkdirSync(join(this.#folder, id), { recursive: true, mode: 0o755 });
    writeFileSync(paths.hosts, texts.hosts, { mode: 0o644 });
    writeFileSync(paths.hostname, texts.hostname, { mode: 0o644 });
    writeFileSync(paths.resolvConf, texts.resolvConf, { mode: 0o644 });
    if (this.#owner !== undefined)
      for (const path of [paths.hosts, paths.hostname, paths.resolvConf])
        chownSync(path, this.#owner.uid, this.#owner.gid);
    return Promise.resolve();
  }

  shmPath(id: string): string {
    return join(this.#folder, id, 'shm');
  }

  mountShm(id: string, bytes: number): Promise<string> {
    const path = this.shmPath(id);
    unmountIfMounted(path);
    mkdirSync(path, { recursive: true });
    mount(
      'shm',
      path,
      'tmpfs',
      MS.NOSUID | MS.NODEV | MS.NOEXEC,
      `mode=1777,size=${bytes}${this.#ownerOptions()}`,
    );
    return Promise.resolve(path);
  }

  mountPart(id: string, number: number, folder: string, subpath: string): Promise<string> {
    const path = join(this.#folder, id, `${part}${number}`);
    unmountIfMounted(path);
    bindPart(folder, subpath, path);
    return Promise.resolve(path);
  }

  mountContents(id: string, files: readonly FileContent[]): Promise<string[]> {
    const path = join(this.#folder, id, contents);
    unmountIfMounted(path);
    const mappings = this.#mappings;
    const owned =
      mappings === undefined ? files : files.map((file) => ({ ...file, ...toHost(mappings, file) }));
    return Promise.resolve(mountContents(path, owned));
  }

  async mountOf(path: string): Promise<{ mountPoint: string; propagation: 'private' | 'slave' | 'shared' }> {
    const [mounts, real] = await Promise.all([mountTable(), realpath(path)]);
    return findMount(mounts, real);
  }

  unmountAll(id: string): Promise<void> {
    for (const name of namesIfThereSync(join(this.#folder, id)))
      if (name === 'shm' || name === contents || name.startsWith(part))
        unmountIfMounted(join(this.#folder, id, name));
    return Promise.resolve();
  }

  async remove(id: string): Promise<void> {
    await this.unmountAll(id);
    rmSync(join(this.#folder, id), { recursive: true, force: true });
  }

  list(): Promise<string[]> {
    return namesIfThere(this.#folder);
  }

  kind(path: string): Promise<'folder' | 'other' | undefined> {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return Promise.resolve(undefined);
    return Promise.resolve(stats.isDirectory() ? 'folder' : 'other');
  }

  async makeFolder(path: string): Promise<void> {
    const first = await makeFolders(path).catch((thrown: unknown) => {
      const error = explainDiskFull(thrown);
      if (error instanceof BerthError) throw error;
      const words = `error while creating mount source path '${path}': mkdir ${path}: ${reasonOf(error)}`;
      throw internal('mount-source-failed', words, { cause: error });
    });
    if (first === undefined || this.#owner === undefined) return;
    const { uid, gid } = this.#owner;
    for (let at = path; at.length >= first.length; at = dirname(at)) await chown(at, uid, gid);
  }

  #ownerOptions(): string {
    return this.#owner === undefined ? '' : `,uid=${this.#owner.uid},gid=${this.#owner.gid}`;
  }

  ofHost(): Promise<EtcPaths> {
    return new Promise((resolve) =>
      resolve({
        hosts: textIfThereSync('/etc/hosts'),
        resolvConf: textIfThereSync('/etc/resolv.conf'),
        hostname: hostname(),
      }),
    );
  }
}
