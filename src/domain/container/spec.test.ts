import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allCapabilities } from './capabilities.ts';
import type { HostConfig } from './config.ts';
import type { Container, MountPoint } from './container.ts';
import type { MountSpec, RuntimeSpec } from './runtime-spec.ts';
import { buildSpec } from './spec.ts';
import type { SpecInput } from './spec-input.ts';

function container(hostConfig: HostConfig, over: Partial<Container> = {}): Container {
  return {
    id: 'abc',
    name: 'web',
    created: '',
    imageId: '',
    imageName: '',
    platform: 'linux',
    config: { Hostname: 'abc' },
    hostConfig,
    path: 'server',
    args: ['-p', '80'],
    mounts: [],
    endpoints: [],
    ports: [],
    state: {
      status: 'created',
      pid: 0,
      exitCode: 0,
      error: '',
      oomKilled: false,
      startedAt: '',
      finishedAt: '',
      restartCount: 0,
      stoppedByUser: false,
    },
    ...over,
  };
}

function spec(
  hostConfig: HostConfig = {},
  over: Partial<Container> = {},
  input: Partial<SpecInput> = {},
): RuntimeSpec {
  return buildSpec({
    container: container(hostConfig, over),
    rootPath: '/root/fs',
    user: { uid: 5, gid: 6, additionalGids: [6], home: '/home/x' },
    namespaces: { network: { path: '/run/netns' }, pid: 'private', ipc: 'private', uts: 'private' },
    files: { resolvConf: '/run/resolv', hosts: '/run/hosts', hostname: '/run/hostname' },
    devices: [],
    blockDevices: {},
    cgroupParent: '/berth-1',
    host: {
      cgroupVersion: 1,
      controllers: ['memory', 'cpu', 'pids'],
      swapAccounting: true,
      hardLimits: {},
      capabilities: [...allCapabilities],
      architecture: 'x64',
      kernel: { major: 6, minor: 1 },
      blkioWeight: false,
      cpus: { count: 2, online: '0-1', nodes: '0' },
      topology: [{ id: 0, cpus: [0, 1], memory: 0 }],
      apparmor: false,
    },
    ...input,
  });
}

const point = (over: Partial<MountPoint>): MountPoint => ({
  type: 'bind',
  source: '/src',
  destination: '/dst',
  mode: '',
  readWrite: true,
  propagation: '',
  ...over,
});
const mountAt = (built: RuntimeSpec, destination: string): MountSpec | undefined =>
  built.mounts.find((mount) => mount.destination === destination);

test('the process is the command, as the resolved user, with Docker’s environment', () => {
  const { process } = spec(
    {},
    { config: { Hostname: 'abc', Tty: true, Env: ['A=1', 'TERM'], WorkingDir: '/w' } },
  );
  assert.deepEqual(process.args, ['server', '-p', '80']);
  assert.deepEqual(process.user, { uid: 5, gid: 6, additionalGids: [6] });
  assert.deepEqual(process.env, [
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'HOSTNAME=abc',
    'A=1',
    'HOME=/home/x',
  ]);
  assert.deepEqual([process.cwd, process.terminal, process.noNewPrivileges], ['/w', true, false]);
});

test('namespaces are new, joined or the host’s; the cgroup namespace follows the version', () => {
  const types = (built: RuntimeSpec): string[] => built.linux.namespaces.map(({ type }) => type);
  assert.deepEqual(types(spec()), ['mount', 'network', 'uts', 'pid', 'ipc']);
  const joined = spec(
    {},
    {},
    {
      namespaces: { network: 'host', pid: { path: '/proc/9/ns/pid' }, ipc: 'host', uts: 'host' },
    },
  );
  assert.deepEqual(joined.linux.namespaces, [{ type: 'mount' }, { type: 'pid', path: '/proc/9/ns/pid' }]);
  assert.equal(joined.hostname, undefined);
  assert.deepEqual(joined.linux.sysctl, {});
  assert.equal(mountAt(joined, '/dev/shm')?.source, '/dev/shm');
  assert.ok(types(spec({ CgroupnsMode: 'private' })).includes('cgroup'));
});

test('mounts of the container replace default ones and come from shallow to deep', () => {
  const built = spec(
    {},
    {
      mounts: [
        point({ destination: '/a/b/c' }),
        point({ destination: '/a', readWrite: false }),
        point({ destination: '/etc/hosts' }),
        point({ destination: '/dev' }),
      ],
    },
  );
  const own = built.mounts.map(({ destination }) => destination);
  assert.deepEqual(own, [
    '/proc',
    '/sys',
    '/sys/fs/cgroup',
    '/a',
    '/dev',
    '/etc/resolv.conf',
    '/etc/hostname',
    '/etc/hosts',
    '/a/b/c',
  ]);
  assert.deepEqual(mountAt(built, '/a')?.options, ['rbind', 'rro', 'rprivate']);
  assert.equal(mountAt(built, '/etc/hosts')?.source, '/src');
});

test('shared memory, tmpfs and propagation', () => {
  const built = spec(
    { ShmSize: 1024, Tmpfs: { '/t': 'size=1m,exec,mode=700' } },
    {
      mounts: [
        point({ propagation: 'rshared' }),
        point({ type: 'tmpfs', destination: '/u', source: '', readWrite: false }),
      ],
    },
  );
  assert.deepEqual(mountAt(built, '/dev/shm')?.options, [
    'nosuid',
    'noexec',
    'nodev',
    'mode=1777',
    'size=1024',
  ]);
  assert.deepEqual(mountAt(built, '/t')?.options, [
    'nosuid',
    'nodev',
    'rprivate',
    'size=1m',
    'exec',
    'mode=700',
  ]);
  assert.deepEqual(mountAt(built, '/u')?.options, ['noexec', 'nosuid', 'nodev', 'rprivate', 'ro']);
  assert.equal(built.linux.rootfsPropagation, 'shared');
  assert.equal(mountAt(spec({ IpcMode: 'none' }), '/dev/shm'), undefined);
  assert.equal(mountAt(spec({}, {}, { shmPath: '/run/shm' }), '/dev/shm')?.source, '/run/shm');
  const flat = spec({}, { mounts: [point({ nonRecursive: true })] });
  assert.deepEqual(mountAt(flat, '/dst')?.options, ['bind', 'private']);
  const part = { path: '/run/part-0' };
  const found = spec({}, { mounts: [point({ subpath: 'a' })] }, { sources: { '/dst': part } });
  assert.equal(mountAt(found, '/dst')?.source, '/run/part-0');
  const file = spec({}, { mounts: [point({ readWrite: false })] }, { sources: { '/dst': { isFile: true } } });
  assert.ok(mountAt(file, '/dst')?.options.includes('ro'), 'nothing lies below a file');
});

test('a read-only root has read-only files in /etc; init stands before the command', () => {
  const built = spec({ ReadonlyRootfs: true, Init: true }, {}, { initPath: '/usr/bin/tini' });
  assert.equal(built.root.readonly, true);
  assert.deepEqual(mountAt(built, '/etc/hosts')?.options, ['rbind', 'ro', 'rprivate']);
  assert.deepEqual(built.process.args.slice(0, 3), ['/sbin/docker-init', '--', 'server']);
  assert.deepEqual(mountAt(built, '/sbin/docker-init')?.source, '/usr/bin/tini');
});

test('privileged takes filter, masks and device rules away', () => {
  const plain = spec();
  assert.ok(plain.linux.seccomp && plain.linux.maskedPaths?.includes('/proc/kcore'));
  const { linux, process, mounts } = spec({ Privileged: true });
  assert.equal(linux.seccomp, undefined);
  assert.deepEqual([linux.maskedPaths, linux.readonlyPaths], [[], []]);
  assert.deepEqual(linux.resources.devices, [{ allow: true, access: 'rwm' }]);
  assert.equal(process.capabilities?.effective.length, allCapabilities.length);
  assert.ok(mounts.find(({ destination }) => destination === '/sys')?.options.includes('rw'));
  assert.deepEqual(spec({ MaskedPaths: [], ReadonlyPaths: ['/x'] }).linux.readonlyPaths, ['/x']);
});

test('devices bring a node and a rule; rules are parsed', () => {
  const device = {
    pathInContainer: '/dev/y',
    type: 'c',
    major: 1,
    minor: 2,
    permissions: 'r',
    mode: 0o660,
    uid: 0,
    gid: 9,
  } as const;
  const { linux } = spec({ DeviceCgroupRules: ['b 8:* rw'] }, {}, { devices: [device] });
  assert.deepEqual(linux.resources.devices?.slice(-2), [
    { allow: true, type: 'c', major: 1, minor: 2, access: 'r' },
    { allow: true, type: 'b', access: 'rw', major: 8 },
  ]);
  assert.deepEqual(linux.devices, [
    { type: 'c', path: '/dev/y', major: 1, minor: 2, fileMode: 0o660, uid: 0, gid: 9 },
  ]);
  assert.throws(() => spec({ DeviceCgroupRules: ['x'] }), {
    message: "invalid device cgroup rule format: 'x'",
  });
});

test('sysctls, annotations, cgroup parent, security options', () => {
  const built = spec({
    Sysctls: { 'net.core.somaxconn': '5', 'net.ipv4.ip_unprivileged_port_start': '80' },
    Annotations: { a: 'b' },
    CgroupParent: 'my/parent/',
    SecurityOpt: ['no-new-privileges', 'label=disable', 'seccomp=unconfined'],
  });
  assert.deepEqual(built.linux.sysctl, {
    'net.ipv4.ping_group_range': '0 2147483647',
    'net.ipv4.ip_unprivileged_port_start': '80',
    'net.core.somaxconn': '5',
  });
  assert.deepEqual(built.annotations, { a: 'b' });
  assert.equal(built.linux.cgroupsPath, '/my/parent/abc');
  assert.equal(spec().linux.cgroupsPath, '/berth-1/abc');
  assert.equal(built.process.noNewPrivileges, true);
  assert.equal(built.linux.seccomp, undefined);
  assert.throws(() => spec({ SecurityOpt: ['nonsense'] }), {
    message: 'invalid --security-opt 1: "nonsense"',
  });
  assert.throws(() => spec({ SecurityOpt: ['what=ever'] }), {
    message: 'invalid --security-opt 2: "what=ever"',
  });
});

test('with remapped ids the container joins the user namespace that owns its network', () => {
  const mappings = {
    uids: [{ containerID: 0, hostID: 100000, size: 65536 }],
    gids: [{ containerID: 0, hostID: 200000, size: 65536 }],
  };
  const { linux } = spec(
    {},
    {},
    {
      namespaces: {
        ...{ network: { path: '/run/netns' }, pid: 'private', ipc: 'private', uts: 'private' },
        user: { path: '/proc/7/fd/9', mappings },
      },
    },
  );
  assert.deepEqual(
    linux.namespaces.find(({ type }) => type === 'user'),
    { type: 'user', path: '/proc/7/fd/9' },
  );
  assert.deepEqual([linux.uidMappings, linux.gidMappings], [mappings.uids, mappings.gids]);
  // Its groups cannot all be named in the namespace.
  assert.deepEqual(linux.sysctl, { 'net.ipv4.ip_unprivileged_port_start': '0' });
  const unmapped = spec().linux;
  assert.equal(unmapped.uidMappings, undefined);
  assert.ok(!unmapped.namespaces.some(({ type }) => type === 'user'));
});
