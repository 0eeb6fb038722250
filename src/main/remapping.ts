import { join } from 'node:path';
import { checkReachable } from '#adapters/user-namespace/reachable.ts';
import { readRemap } from '#adapters/user-namespace/remap-files.ts';
import { bindAsContainersSee, UserNamespace } from '#adapters/user-namespace/user-namespace.ts';
import type { Remapping } from '#adapters/overlay/remapped-folders.ts';
import type { Settings } from '#domain/settings/settings.ts';
import { toHost, type Owner } from '#domain/user-namespace/id-mappings.ts';

/** What the setting `userns-remap` brings along. */
export interface Remapped {
  namespace: UserNamespace;
  /** On the host, of what is root's in a container. */
  owner: Owner;
  /** Of all data: files with these ids on disk are of no use to a daemon with others, as with Docker. */
  root: string;
  snapshots: Remapping;
  /** @throws invalid `folder-unreachable` when containers cannot get to one of the folders */
  checkReachable(folders: string[]): Promise<void>;
}

/** Undefined when containers have the host's ids. @throws invalid `userns-remap-invalid`, `folder-unreachable` */
export async function openRemapping({ usernsRemap, root }: Settings): Promise<Remapped | undefined> {
  if (usernsRemap === '') return undefined;
  const mappings = await readRemap(usernsRemap);
  const owner = toHost(mappings, { uid: 0, gid: 0 });
  return {
    namespace: await UserNamespace.open(mappings),
    owner,
    root: join(root, `${owner.uid}.${owner.gid}`),
    snapshots: {
      mappings,
      bindAsContainersSee: (source, target) => bindAsContainersSee(source, target, mappings),
    },
    checkReachable: (folders) => checkReachable(folders, owner),
  };
}
