import type { MountPoint } from '#domain/container/container.ts';
import type { MountSpec } from '#domain/container/runtime-spec.ts';
import type { SpecInput } from '#domain/container/spec-input.ts';
import { tmpfsOptions } from '#domain/container/tmpfs.ts';

/** Bytes of /dev/shm when HostConfig.ShmSize is absent or 0. */
const defaultShmSize = 64 * 1024 * 1024;
export const initInContainer = '/sbin/docker-init';

/** Propagation of a bind when the request names none. */
const defaultPropagation = 'rprivate';

const privateTo = ['nosuid', 'noexec', 'nodev'];

/**
 * All mounts in the order in which they are made: the kernel's file systems, then the container's own from
 * the shallowest to the deepest destination. A mount of the container replaces a default one.
 */
export function mounts(input: SpecInput): MountSpec[] {
  const own = [
    ...fileMounts(input),
    ...sharedMemory(input),
    ...containerMounts(input),
    ...deviceMounts(input),
    ...grantedMounts(input),
  ];
  const taken = new Set(own.map((mount) => mount.destination));
  const ownDev = taken.has('/dev');
  const defaults = defaultMounts(input).filter(
    ({ destination }) => !taken.has(destination) && !(ownDev && destination.startsWith('/dev/')),
  );
  return [...defaults, ...own.sort(byDepth), ...initMount(input)];
}

function byDepth(a: MountSpec, b: MountSpec): number {
  return depth(a.destination) - depth(b.destination);
}

function depth(path: string): number {
  return path.split('/').filter((part) => part !== '').length;
}

function defaultMounts(input: SpecInput): MountSpec[] {
  const { hostConfig } = input.container;
  const kernelAccess = hostConfig.Privileged === true ? 'rw' : 'ro';
  const shmSize = hostConfig.ShmSize ?? 0;
  const shm: MountSpec = {
    destination: '/dev/shm',
    type: 'tmpfs',
    source: 'shm',
    options: [...privateTo, 'mode=1777', `size=${shmSize > 0 ? shmSize : defaultShmSize}`],
  };
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: privateTo },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...privateTo, kernelAccess] },
    {
      destination: '/sys/fs/cgroup',
      type: 'cgroup',
      source: 'cgroup',
      options: [...privateTo, 'relatime', kernelAccess],
    },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: privateTo },
    ...(hostConfig.IpcMode === 'none' ? [] : [shm]),
  ];
}

function sharedMemory(input: SpecInput): MountSpec[] {
  const source = input.shmPath ?? (input.namespaces.ipc === 'host' ? '/dev/shm' : undefined);
  return source === undefined ? [] : [bind(source, '/dev/shm', ['rbind', defaultPropagation])];
}

function fileMounts(input: SpecInput): MountSpec[] {
  const { hostConfig, mounts: points } = input.container;
  const access = hostConfig.ReadonlyRootfs === true ? ['ro'] : [];
  const files: [string, string | undefined][] = [
    ['/etc/resolv.conf', input.files.resolvConf],
    ['/etc/hostname', input.files.hostname],
    ['/etc/hosts', input.files.hosts],
  ];
  return files.flatMap(([destination, source]) =>
    source === undefined || points.some((point) => point.destination === destination)
      ? []
      : [bind(source, destination, ['rbind', ...access, defaultPropagation])],
  );
}

function containerMounts(input: SpecInput): MountSpec[] {
  const { container } = input;
  const resolved = container.mounts.map((point) => mountOf(input, point));
  const known = new Set(container.mounts.map((point) => point.destination));
  const extra = Object.entries(container.hostConfig.Tmpfs ?? {})
    .filter(([destination]) => !known.has(destination))
    .map(([destination, options]) => tmpfs(destination, options, false));
  return [...resolved, ...extra];
}

/** What CDI devices bring along. */
function deviceMounts({ cdi }: SpecInput): MountSpec[] {
  return (cdi?.mounts ?? []).map(({ hostPath, containerPath, options }) =>
    bind(hostPath, containerPath, options),
  );
}

/** Files of secrets and configs; a config may be a program. */
function grantedMounts({ granted = [] }: SpecInput): MountSpec[] {
  return granted.map(({ source, destination }) =>
    bind(source, destination, ['bind', 'ro', 'nosuid', 'nodev', defaultPropagation]),
  );
}

function mountOf(input: SpecInput, point: MountPoint): MountSpec {
  if (point.type === 'tmpfs') return tmpfs(point.destination, point.options ?? '', !point.readWrite);
  const recursion = point.nonRecursive === true ? 'bind' : 'rbind';
  const source = input.sources?.[point.destination]?.path ?? point.source;
  return bind(source, point.destination, [recursion, ...access(input, point), propagation(point)]);
}

/**
 * Read-only reaches what is mounted below too (Linux 5.12), as with Docker since 25. crun refuses that for a
 * file, below which there is nothing.
 */
function access({ host, sources }: SpecInput, point: MountPoint): string[] {
  if (point.readWrite) return [];
  const isFile = sources?.[point.destination]?.isFile === true;
  const recursive = !isFile && point.nonRecursive !== true && point.readOnlyNonRecursive !== true;
  return [recursive && isAtLeast(host.kernel, 5, 12) ? 'rro' : 'ro'];
}

function isAtLeast(kernel: SpecInput['host']['kernel'], major: number, minor: number): boolean {
  return kernel.major > major || (kernel.major === major && kernel.minor >= minor);
}

// The runtime takes the `r` of a propagation for one of the bind itself.
function propagation({ propagation: asked, nonRecursive }: MountPoint): string {
  const name = asked === '' ? defaultPropagation : asked;
  return nonRecursive === true ? name.replace(/^r/, '') : name;
}

function bind(source: string, destination: string, options: string[]): MountSpec {
  return { destination, type: 'bind', source, options };
}

function tmpfs(destination: string, options: string, readOnly: boolean): MountSpec {
  return { destination, type: 'tmpfs', source: 'tmpfs', options: tmpfsOptions(options, readOnly) };
}

function initMount(input: SpecInput): MountSpec[] {
  return input.initPath !== undefined && usesInit(input)
    ? [bind(input.initPath, initInContainer, ['bind', 'ro'])]
    : [];
}

/** An init is added only where the container has a process tree of its own. */
export function usesInit(input: SpecInput): boolean {
  return input.container.hostConfig.Init === true && input.namespaces.pid === 'private';
}

/**
 * How the root is to propagate so that the mounts that ask for it do: `shared` binds need a shared root, `slave`
 * ones at least a slave. Undefined: private.
 */
export function rootPropagation(points: MountPoint[]): string | undefined {
  const asked = points.map((point) => point.propagation);
  if (asked.some((name) => name === 'shared' || name === 'rshared')) return 'shared';
  return asked.some((name) => name === 'slave' || name === 'rslave') ? 'rslave' : undefined;
}
