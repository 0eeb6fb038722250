import { invalid } from '#base/errors.ts';
import type { IdMapping } from '#domain/container/runtime-spec.ts';

export interface IdMappings {
  uids: IdMapping[];
  gids: IdMapping[];
}

export interface Owner {
  uid: number;
  gid: number;
}

/** What the kernel shows in place of an id that has no mapping (user_namespaces(7)). */
const overflowId = 65534;

/** The host's ids of an owner as a container knows it. @throws invalid `id-unmapped` with Docker's words */
export function toHost(mappings: IdMappings, owner: Owner): Owner {
  return { uid: hostId(mappings.uids, owner.uid), gid: hostId(mappings.gids, owner.gid) };
}

/** The container's ids of an owner on the host; what no container can have becomes 65534. */
export function toContainer(mappings: IdMappings, owner: Owner): Owner {
  return { uid: containerId(mappings.uids, owner.uid), gid: containerId(mappings.gids, owner.gid) };
}

/** The mappings the other way round: an idmapped mount with them shows the host's ids as the container's. */
export function inverse({ uids, gids }: IdMappings): IdMappings {
  const turned = ({ containerID, hostID, size }: IdMapping): IdMapping => ({
    containerID: hostID,
    hostID: containerID,
    size,
  });
  return { uids: uids.map(turned), gids: gids.map(turned) };
}

/** As /proc/PID/uid_map takes it. */
export function mapText(mappings: IdMapping[]): string {
  return mappings.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join('');
}

/** The other way round: the text of a process's uid_map or gid_map. */
export function parseMap(text: string): IdMapping[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [containerID = 0, hostID = 0, size = 0] = line.trim().split(/ +/).map(Number);
      return { containerID, hostID, size };
    });
}

function hostId(mappings: IdMapping[], id: number): number {
  const found = mappings.find(({ containerID, size }) => id >= containerID && id < containerID + size);
  if (found !== undefined) return found.hostID + id - found.containerID;
  throw invalid('id-unmapped', `container ID ${id} cannot be mapped to a host ID`, {
    hint: 'give the user of userns-remap a longer range in /etc/subuid and /etc/subgid',
  });
}

function containerId(mappings: IdMapping[], id: number): number {
  const found = mappings.find(({ hostID, size }) => id >= hostID && id < hostID + size);
  return found === undefined ? overflowId : found.containerID + id - found.hostID;
}
