import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errno, mount, MS, SystemCallError } from '#adapters/linux/libc.ts';
import type { FileContent } from '#ports/container-files.ts';

const page = 4096;

/**
 * A tmpfs with the contents as files, which cannot be written any more. Gives their paths.
 * @param path where it is mounted; only root comes in there, each file has its owner and mode
 */
export function mountContents(path: string, files: readonly FileContent[]): string[] {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const pages = files.reduce((sum, { content }) => sum + Math.ceil(content.length / page) + 1, 1);
  mountTmpfs(path, `mode=0700,size=${pages * page}`);
  const paths = files.map((file, index) => {
    const name = join(path, String(index));
    writeFileSync(name, file.content, { mode: 0o600 });
    chownSync(name, file.uid, file.gid);
    chmodSync(name, file.mode);
    return name;
  });
  mount(null, path, null, MS.REMOUNT | MS.RDONLY | MS.NOSUID | MS.NODEV);
  return paths;
}

/** Without swap, so that no secret reaches a disk; kernels before 6.4 do not know the option. */
function mountTmpfs(path: string, options: string): void {
  const flags = MS.NOSUID | MS.NODEV;
  try {
    mount('berth', path, 'tmpfs', flags, `${options},noswap`);
  } catch (error) {
    if (!(error instanceof SystemCallError) || error.errno !== errno.EINVAL) throw error;
    mount('berth', path, 'tmpfs', flags, options);
  }
}
