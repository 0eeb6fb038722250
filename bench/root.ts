import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { timed } from './measure.ts';

/** A root file system with busybox, as a folder and as a tar. */
export async function makeRoot(dir: string): Promise<{ root: string; tar: string }> {
  const root = join(dir, 'busybox');
  await mkdir(join(root, 'bin'), { recursive: true });
  for (const name of ['etc', 'tmp', 'proc', 'sys', 'dev']) await mkdir(join(root, name));
  await timed([
    'sh',
    '-c',
    `cp "$(command -v busybox)" '${root}/bin/busybox' && chroot '${root}' /bin/busybox --install -s /bin`,
  ]);
  const tar = join(dir, 'busybox.tar');
  await timed(['tar', '-C', root, '--numeric-owner', '-cf', tar, '.']);
  return { root, tar };
}
