import { chownSync, readFileSync, statSync } from 'node:fs';
import type { ProcessSpec } from '#domain/container/runtime-spec.ts';
import { parseMap, toHost, type Owner } from '#domain/user-namespace/id-mappings.ts';

// A process may open its own streams anew, as /dev/stdout, only when its pipes are its user's. In a user namespace the
// OCI runtime cannot give them to it, because there they belong to nobody.

/** Who a user of a task is on the host. @param pid of the task's main process */
export function userOnHost(pid: number, { uid, gid }: ProcessSpec['user']): Owner {
  const map = (name: string): string => readFileSync(`/proc/${pid}/${name}`, 'utf8');
  const mappings = { uids: parseMap(map('uid_map')), gids: parseMap(map('gid_map')) };
  return toHost(mappings, { uid, gid });
}

/** Gives the pipes among a process's streams to its user. */
export function giveStreams(pid: number, user: ProcessSpec['user']): void {
  const { uid, gid } = userOnHost(pid, user);
  for (const descriptor of [0, 1, 2]) {
    const path = `/proc/${pid}/fd/${descriptor}`;
    if (statSync(path, { throwIfNoEntry: false })?.isFIFO() === true) chownSync(path, uid, gid);
  }
}
