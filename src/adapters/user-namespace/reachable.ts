import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { invalid } from '#base/errors.ts';
import type { Owner } from '#domain/user-namespace/id-mappings.ts';

/** Whether what is root in a container gets to the folders, which exist. @throws invalid `folder-unreachable` */
export async function checkReachable(folders: string[], owner: Owner): Promise<void> {
  for (const folder of folders)
    for (let at = folder; at !== '/'; at = dirname(at)) {
      const { mode, uid, gid } = await stat(at);
      const search = uid === owner.uid ? 0o100 : gid === owner.gid ? 0o010 : 0o001;
      if ((mode & search) !== 0) continue;
      throw invalid(
        'folder-unreachable',
        `'${folder}' cannot be reached by the remapped root (${owner.uid}:${owner.gid}): '${at}' has the mode ${(mode & 0o7777).toString(8)}`,
        { hint: `chmod o+x '${at}', or move 'root' and 'run' to where everyone may pass` },
      );
    }
}
