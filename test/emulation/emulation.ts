import assert from 'node:assert/strict';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { debianPackage } from '../clients/install.ts';
import { startDaemon } from '../support/daemon.ts';
import { run } from '../support/docker.ts';

const folder = process.env['FOLDER'] ?? '';
const known = '/proc/sys/fs/binfmt_misc';
// What programs for 64-bit ARM begin with (linux, Documentation/admin-guide/binfmt-misc.rst; qemu, scripts/qemu-binfmt-conf.sh).
const magic = String.raw`\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00`;
const mask = String.raw`\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff`;

/** A file of a Debian package for an architecture. */
async function fileOf(name: string, architecture: string, path: string): Promise<string> {
  const place = join(folder, name);
  await mkdir(place);
  const archive = await debianPackage(name, { suite: 'bookworm', architecture }, place);
  const { code, stderr } = await run('dpkg-deb', ['--extract', archive, place]);
  assert.equal(code, 0, stderr);
  return join(place, path);
}

/** While `work` goes on, the kernel runs programs for arm64 by an emulator, which it opens first: containers need not have it. */
async function emulated(emulator: string, work: () => Promise<void>): Promise<void> {
  const name = `berth-test-${process.pid}`;
  await writeFile(join(known, 'register'), `:${name}:M::${magic}:${mask}:${emulator}:F`);
  try {
    await work();
  } finally {
    await writeFile(join(known, name), '-1');
  }
}

test('commands of another architecture run in builds and containers by an emulator of the kernel', async () => {
  const emulator = await fileOf('qemu-user-static', 'amd64', 'usr/bin/qemu-aarch64-static');
  const context = join(folder, 'context');
  await mkdir(context);
  await copyFile(await fileOf('busybox-static', 'arm64', 'bin/busybox'), join(context, 'busybox'));
  await writeFile(
    join(context, 'Dockerfile'),
    `FROM scratch
COPY --chmod=755 busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
RUN uname -m >/machine && read machine </machine && echo "I am $machine"
CMD ["cat", "/machine"]
`,
  );
  await using daemon = await startDaemon();
  const build = ['build', '--platform', 'linux/arm64', '-t', 'arm', context];
  const without = await daemon.berth(...build);
  assert.equal(without.code, 1);
  assert.match(
    without.stderr,
    /the image is for linux\/arm64 and this machine is linux\/amd64: RUN needs an emulator/,
  );
  await emulated(emulator, async () => {
    const { code, stderr } = await daemon.berth(...build);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /I am aarch64/);
    const container = ['run', '--rm', '--platform', 'linux/arm64', 'arm'];
    assert.equal(await daemon.ok(...container), 'aarch64');
    assert.equal(await daemon.ok(...container, 'uname', '-m'), 'aarch64');
  });
});
