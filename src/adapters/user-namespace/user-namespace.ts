import { closeSync, openSync, writeFileSync } from 'node:fs';
import { inverse, mapText, type IdMappings } from '#domain/user-namespace/id-mappings.ts';
import { bindIdMapped } from '#adapters/linux/id-mapped-mount.ts';
import { withHeldProcess } from './held-process.ts';

/** The user namespace of a daemon's containers, held by a descriptor until `close`. */
export class UserNamespace {
  readonly mappings: IdMappings;
  readonly #fd: number;

  private constructor(mappings: IdMappings, fd: number) {
    this.mappings = mappings;
    this.#fd = fd;
  }

  /** @throws unavailable `user-namespace-failed` */
  static async open(mappings: IdMappings): Promise<UserNamespace> {
    return new UserNamespace(mappings, await openMapped(mappings));
  }

  /** By which other processes of root open it while this one lives. */
  get path(): string {
    return `/proc/${process.pid}/fd/${this.#fd}`;
  }

  /** Runs `use` with a process whose network namespace is new and belongs to this user namespace. */
  withNetworkNamespace<T>(use: (pid: number) => Promise<T>): Promise<T> {
    const args = ['--user=/proc/self/fd/3', '/usr/bin/unshare', '--net'];
    return withHeldProcess({ path: '/usr/bin/nsenter', args, descriptor: this.#fd }, use);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** Mounts a folder on another one so that the host's ids in it are seen as the containers'. @throws SystemCallError */
export async function bindAsContainersSee(
  source: string,
  target: string,
  mappings: IdMappings,
): Promise<void> {
  const fd = await openMapped(inverse(mappings));
  try {
    bindIdMapped(source, target, fd);
  } finally {
    closeSync(fd);
  }
}

function openMapped(mappings: IdMappings): Promise<number> {
  return withHeldProcess({ path: '/usr/bin/unshare', args: ['--user'] }, (pid) => {
    writeFileSync(`/proc/${pid}/uid_map`, mapText(mappings.uids));
    writeFileSync(`/proc/${pid}/gid_map`, mapText(mappings.gids));
    return openSync(`/proc/${pid}/ns/user`, 'r');
  });
}
