import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const applets =
  'sh true false cat sleep echo dd id env head tail wc md5sum grep stty tty kill ps ls mount touch seq yes hostname mkdir rm test printf trap nc sysctl df awk tr unshare mknod dmesg'.split(
    ' ',
  );

/** A small root file system in `folder`, made from the host's static busybox. */
export function makeRootfs(folder: string): void {
  for (const name of ['bin', 'proc', 'dev', 'sys', 'etc', 'tmp', 'root', 'home/app'])
    mkdirSync(join(folder, name), { recursive: true });
  copyFileSync('/bin/busybox', join(folder, 'bin/busybox'));
  for (const name of applets) symlinkSync('busybox', join(folder, 'bin', name));
  writeFileSync(
    join(folder, 'etc/passwd'),
    'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n',
  );
  writeFileSync(join(folder, 'etc/group'), 'root:x:0:\napp:x:1000:\nextra:x:2000:app\n');
  chmodSync(join(folder, 'tmp'), 0o1777);
}
