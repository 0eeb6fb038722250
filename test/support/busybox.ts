import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { pack } from 'tar-stream';

const program = '/bin/busybox';
const folders = ['bin', 'etc', 'tmp', 'root', 'home', 'proc', 'sys', 'dev', 'var', 'usr/bin'];
const passwd = 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n';
const group = 'root:x:0:\nnobody:x:65534:\n';

/** A root file system of Debian's busybox-static with its applets, as a tar. */
export async function busyboxTar(): Promise<Buffer> {
  const { stdout } = await promisify(execFile)(program, ['--list']);
  const tar = pack();
  for (const name of folders)
    tar.entry({ name: `${name}/`, type: 'directory', mode: name === 'tmp' ? 0o1777 : 0o755 });
  tar.entry({ name: 'etc/passwd', mode: 0o644 }, passwd);
  tar.entry({ name: 'etc/group', mode: 0o644 }, group);
  tar.entry({ name: 'bin/busybox', mode: 0o755 }, await readFile(program));
  for (const applet of stdout.split('\n').filter((line) => line !== '' && line !== 'busybox'))
    tar.entry({ name: `bin/${applet}`, type: 'symlink', linkname: 'busybox' });
  tar.finalize();
  return buffer(tar);
}
