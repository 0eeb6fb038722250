import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { HostCgroups } from '#adapters/cgroups/host-cgroups.ts';
import { LinuxHost } from '#adapters/host/linux-host.ts';
import { makeDevice, mknod } from '#adapters/linux/libc.ts';
import { TaskBench } from '../support/tasks.ts';

// What a container finds inside, compared with what Docker gives.

function capabilities(status: string): Record<string, string> {
  const masks = [...status.matchAll(/^Cap(\w+):\s+(\w+)$/gm)];
  return Object.fromEntries(masks.map((match): [string, string] => [match[1] ?? '', match[2] ?? '']));
}
const none = '0000000000000000';
const fourteen = '00000000a80425fb';
const showStatus = ['cat', '/proc/self/status'];

test("root has Docker's fourteen capabilities, another user has them in the bounding set only", async () => {
  await using bench = await TaskBench.make();
  const root = await bench.complete(showStatus);
  assert.deepEqual(capabilities(root.stdout), {
    Inh: none,
    Prm: fourteen,
    Eff: fourteen,
    Bnd: fourteen,
    Amb: none,
  });
  const app = await bench.complete(showStatus, { config: { User: 'app' } });
  assert.deepEqual(capabilities(app.stdout), { Inh: none, Prm: none, Eff: none, Bnd: fourteen, Amb: none });
  const few = await bench.complete(showStatus, { hostConfig: { CapDrop: ['ALL'], CapAdd: ['net_admin'] } });
  assert.equal(capabilities(few.stdout).Eff, '0000000000001000');
});

test('the default filter keeps a container from new namespaces, also when it comes from the cache; unconfined allows', async () => {
  await using bench = await TaskBench.make();
  for (let i = 0; i < 2; i++) {
    const kept = await bench.complete(['sh', '-c', 'grep Seccomp: /proc/self/status; unshare -U true']);
    assert.match(kept.stdout, /Seccomp:\s+2/);
    assert.match(kept.stderr, /Operation not permitted/);
    assert.notEqual(kept.exitCode, 0);
  }
  const free = await bench.complete(['sh', '-c', 'grep Seccomp: /proc/self/status; unshare -U true'], {
    hostConfig: { SecurityOpt: ['seccomp=unconfined'] },
  });
  assert.match(free.stdout, /Seccomp:\s+0/);
  assert.equal(free.exitCode, 0, free.stderr);
  const own = JSON.stringify({
    defaultAction: 'SCMP_ACT_ALLOW',
    syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 }],
  });
  const custom = await bench.complete(['mkdir', '/tmp/x'], {
    hostConfig: { SecurityOpt: [`seccomp=${own}`] },
  });
  assert.match(custom.stderr, /Function not implemented/);
});

test('user, groups, home, host name, environment, folder and terminal variables are as asked', async () => {
  await using bench = await TaskBench.make();
  const { stdout } = await bench.complete(['sh', '-c', 'id; pwd; hostname; env'], {
    config: {
      User: 'app',
      WorkingDir: '/tmp',
      Hostname: 'web',
      Domainname: 'example.test',
      Env: ['A=1', 'PATH=/bin'],
    },
    hostConfig: { GroupAdd: ['3000'] },
  });
  assert.match(stdout, /uid=1000\(app\) gid=1000\(app\) groups=1000\(app\),2000\(extra\),3000/);
  const lines = stdout.split('\n');
  for (const line of ['/tmp', 'web', 'A=1', 'PATH=/bin', 'HOME=/home/app', 'HOSTNAME=web'])
    assert.ok(lines.includes(line), `${line} in ${stdout}`);
});

test('masked and read-only paths, a read-only root and its tmpfs, shared memory, limits', async () => {
  await using bench = await TaskBench.make();
  const script = `cat /proc/kcore | wc -c; cat /proc/timer_list | wc -c
    touch /x; touch /proc/sys/kernel/x; touch /scratch/ok && echo scratch; df /dev/shm | tail -1 | awk '{print $2}'
    grep "open files" /proc/self/limits; cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null; cat /proc/self/oom_score_adj; touch /sys/x`;
  const { stdout, stderr } = await bench.complete(['sh', '-c', script], {
    hostConfig: {
      ReadonlyRootfs: true,
      Tmpfs: { '/scratch': 'size=1m' },
      ShmSize: 1024 * 1024,
      Ulimits: [{ Name: 'nofile', Soft: 100, Hard: 200 }],
      PidsLimit: 77,
      OomScoreAdj: 500,
    },
  });
  const lines = stdout.split('\n');
  assert.deepEqual(lines.slice(0, 4), ['0', '0', 'scratch', '1024']);
  assert.match(lines[4] ?? '', /100\s+200/);
  assert.equal(lines[6], '500');
  assert.match(stderr, /touch: \/x: Read-only file system/);
  assert.match(stderr, /\/proc\/sys\/kernel\/x/);
  assert.match(stderr, /\/sys\/x/);
  assert.equal(lines[5], '77');
});

test('a privileged container has what the daemon has: capabilities, devices, a writable /sys', async () => {
  await using bench = await TaskBench.make();
  const host = new LinuxHost(new HostCgroups());
  const own = /CapBnd:\s+(\w+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  const { stdout, stderr } = await bench.complete(
    [
      'sh',
      '-c',
      'cat /proc/self/status; test -c /dev/kmsg && echo kmsg; mount | grep " /sys "; mkdir /tmp/m; mount -t tmpfs x /tmp/m && echo mounted',
    ],
    { hostConfig: { Privileged: true }, input: { host: host.facts, devices: await host.allDevices() } },
  );
  assert.equal(capabilities(stdout).Eff, own);
  assert.match(stdout, /Seccomp:\s+0/);
  assert.match(stdout, /^kmsg$/m);
  assert.match(stdout, /sysfs \(rw/);
  assert.match(stdout, /^mounted$/m, stderr);
});

test('a device is there with its permissions, others may not be opened', async () => {
  await using bench = await TaskBench.make();
  const host = new LinuxHost(new HostCgroups());
  const devices = await host.devices('/dev/zero', '/dev/nothing', 'r');
  const { stdout, stderr } = await bench.complete(
    ['sh', '-c', 'head -c 3 /dev/nothing | wc -c; mknod /tmp/kmsg c 1 11; cat /tmp/kmsg'],
    { input: { devices } },
  );
  assert.equal(stdout, '3\n');
  assert.match(stderr, /kmsg.*Operation not permitted/);
  await assert.rejects(host.devices('/dev/nosuch', '/dev/nosuch', 'rwm'), {
    code: 'device-missing',
    message:
      'error gathering device information while adding custom device "/dev/nosuch": no such file or directory',
  });
});

test('an init is put before the command', async () => {
  await using bench = await TaskBench.make();
  const initPath = join(bench.folder, 'init');
  writeFileSync(initPath, '#!/bin/sh\necho init "$@"\nshift\nexec "$@"\n');
  chmodSync(initPath, 0o755);
  mkdirSync(join(bench.folder, 'rootfs/sbin'));
  const { stdout, stderr } = await bench.complete(['echo', 'hello'], {
    hostConfig: { Init: true },
    input: { initPath },
  });
  assert.equal(stdout, 'init -- echo hello\nhello\n', stderr);
});

test('a link in an image does not lead out of it when its files are read or folders made', async () => {
  await using bench = await TaskBench.make();
  const host = new LinuxHost(new HostCgroups());
  const root = join(bench.folder, 'rootfs');
  symlinkSync('/etc/passwd', join(root, 'etc/link'));
  symlinkSync('../../../../..', join(root, 'up'));
  assert.match((await host.readInRoot(root, '/etc/link')) ?? '', /app:x:1000/);
  assert.equal(await host.readInRoot(root, '/etc/nosuch'), undefined);
  await host.makeFolderInRoot(root, '/up/berth-outside/deep', { uid: 1000, gid: 1000 });
  assert.equal(existsSync('/berth-outside/deep'), false);
  assert.equal(statSync(join(root, 'berth-outside/deep')).uid, 1000);
  await host.makeFolderInRoot(root, '/up/berth-outside/deep', { uid: 0, gid: 0 });
  assert.equal(statSync(join(root, 'berth-outside/deep')).uid, 1000);
});

test('a device or an enormous file under the name of a text of the image is refused, not read for ever', async () => {
  await using bench = await TaskBench.make();
  const host = new LinuxHost(new HostCgroups());
  const root = join(bench.folder, 'rootfs');
  mknod(join(root, 'etc/endless'), 0o020644, makeDevice(1, 5));
  await assert.rejects(host.readInRoot(root, '/etc/endless'), { code: 'file-not-regular' });
  writeFileSync(join(root, 'etc/enormous'), '');
  truncateSync(join(root, 'etc/enormous'), 2 ** 40);
  await assert.rejects(host.readInRoot(root, '/etc/enormous'), { code: 'file-too-large' });
});
