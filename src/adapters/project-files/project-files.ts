import { createHash, type Hash } from 'node:crypto';
import { lstat, opendir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { invalid, messageOf, notFound, systemCode } from '#base/errors.ts';
import type { ProjectFiles } from '#ports/project-files.ts';

const largestText = 4 * 1024 * 1024;

export class LocalProjectFiles implements ProjectFiles {
  async readText(path: string): Promise<string | undefined> {
    try {
      const { size } = await stat(path);
      if (size > largestText) throw new Error(`it has ${size} bytes, allowed are ${largestText}`);
      return await readFile(path, 'utf8');
    } catch (error) {
      const code = systemCode(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
      throw invalid('project-file-unreadable', `cannot read '${path}': ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  async fingerprint(folder: string): Promise<string> {
    const hash = createHash('sha256');
    try {
      await addFolder(hash, folder, '');
    } catch (error) {
      throw notFound('project-folder-missing', `cannot read the folder '${folder}': ${messageOf(error)}`, {
        cause: error,
      });
    }
    return hash.digest('hex');
  }
}

async function addFolder(hash: Hash, root: string, relative: string): Promise<void> {
  const names: string[] = [];
  for await (const entry of await opendir(join(root, relative))) names.push(entry.name);
  for (const name of names.sort()) {
    const path = join(relative, name);
    const info = await lstat(join(root, path), { bigint: true });
    const content = info.isDirectory() ? '' : `${info.size} ${info.mtimeNs} ${info.ino}`;
    hash.update(`${path}\0${info.mode} ${info.uid} ${info.gid} ${content}\n`);
    if (info.isDirectory()) await addFolder(hash, root, path);
  }
}
