import { access, mkdtemp, mkdir, rm } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import { fail, pass, warn, type Examine } from '#cli/host/checks.ts';
import { command } from '#cli/host/command.ts';
import { strayControllers, textOf } from '#cli/host/kernel-settings.ts';

const setupFix = 'sudo berth setup';
const asRoot = 'run it again as root: sudo berth doctor';
const isRoot = (): boolean => process.getuid?.() === 0;

/** 5.12 has mount_setattr(2), the latest of what is used. */
export const kernel: Examine = async () => {
  const version = release();
  const [major = 0, minor = 0] = version.split('.').map(Number);
  await Promise.resolve();
  if (major > 6 || (major === 6 && minor >= 1)) return pass(`Linux ${version}`);
  if (major > 5 || (major === 5 && minor >= 12))
    return warn(`Linux ${version}: works, 6.1 and newer are tested`, 'upgrade the kernel');
  return fail(`Linux ${version}: 5.12 or newer is required`, 'upgrade the kernel');
};

/** v1, hybrid and v2 all work; what crun needs must be there. */
export const cgroups: Examine = async () => {
  const mounts = await textOf('/proc/self/mounts');
  const isV2 = /^\S+ \/sys\/fs\/cgroup cgroup2 /m.test(mounts);
  const v1 = [...mounts.matchAll(/^\S+ \/sys\/fs\/cgroup\/\S+ cgroup (\S+)/gm)].flatMap(
    (match) => match[1]?.split(',') ?? [],
  );
  const controllers = isV2 ? (await textOf('/sys/fs/cgroup/cgroup.controllers')).trim().split(' ') : v1;
  const absent = ['cpu', 'memory', 'pids'].filter((name) => !controllers.includes(name));
  const kind = isV2 ? 'cgroup v2' : /^\S+ \S+ cgroup2 /m.test(mounts) ? 'hybrid cgroup tree' : 'cgroup v1';
  if (absent.length > 0)
    return fail(
      `${kind} without the controllers ${absent.join(', ')}`,
      'enable them on the kernel command line: cgroup_enable=memory',
    );
  const stray = await strayControllers();
  if (stray.length > 0)
    return fail(`${kind} with ${stray.join(', ')} left in the v2 tree, which crun refuses`, setupFix);
  return pass(`${kind} with cpu, memory and pids`);
};

/** A real mount, because a module that loads may still refuse the file system below. */
export const overlay =
  (folder: string): Examine =>
  async () => {
    if (!isRoot()) return warn('an overlay mount needs root to be tried', asRoot);
    const scratch = await mkdtemp(join(folder, 'berth-doctor-'));
    const [lower, upper, work, target] = ['lower', 'upper', 'work', 'target'].map((name) =>
      join(scratch, name),
    );
    try {
      for (const path of [lower, upper, work, target]) await mkdir(String(path));
      const options = `lowerdir=${String(lower)},upperdir=${String(upper)},workdir=${String(work)}`;
      const mounted = await command('mount', ['-t', 'overlay', '-o', options, 'overlay', String(target)]);
      if (mounted.code !== 0)
        return fail(
          `an overlay cannot be mounted in ${folder}: ${mounted.stderr.trim()}`,
          'modprobe overlay, or put the data on ext4 or xfs (setting root)',
        );
      await command('umount', [String(target)]);
      return pass(`overlayfs mounts in ${folder}`);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  };

export const nftables: Examine = async () => {
  const { code } = await command('nft', ['--version']);
  if (code === 127) return fail('nft is not installed', setupFix);
  if (!isRoot()) return warn('making a table needs root to be tried', asRoot);
  const table = `berth_doctor_${process.pid}`;
  const made = await command('nft', ['-f', '-'], `add table inet ${table}\ndelete table inet ${table}\n`);
  if (made.code !== 0)
    return fail(
      `nftables refuses a table: ${made.stderr.trim()}`,
      'modprobe nf_tables, or a kernel with CONFIG_NF_TABLES',
    );
  const libraries = await command('ldconfig', ['-p']);
  if (!libraries.stdout.includes('libnftables.so.1'))
    return fail('the library libnftables.so.1 is missing', setupFix);
  return pass('a table can be made and deleted; libnftables is there');
};

/** Without it services work, but their replicas see the gateway where the client's address should be. */
export const bridgeFilter: Examine = async () => {
  const isThere = await access('/proc/sys/net/bridge').then(
    () => true,
    () => false,
  );
  return isThere
    ? pass('bridges can be filtered: replicas of services see the addresses of their clients')
    : warn('br_netfilter is not loaded: replicas see the gateway instead of their clients', setupFix);
};

/** Another firewall's chain that drops what is forwarded, unless it says otherwise, drops the traffic of containers too. */
export const firewall: Examine = async () => {
  if (!isRoot()) return warn('the rules of firewalls need root to be seen', asRoot);
  const [listed, legacy] = await Promise.all([
    command('nft', ['-j', 'list', 'chains']),
    command('iptables-legacy', ['-S', 'FORWARD']),
  ]);
  const droppers = [
    ...(listed.code === 0 ? droppingChains(listed.stdout) : []),
    ...(legacy.code === 0 && legacy.stdout.startsWith('-P FORWARD DROP')
      ? ['iptables (legacy) FORWARD']
      : []),
  ];
  if (droppers.length === 0) return pass('no firewall drops forwarded traffic by its policy');
  return warn(
    `forwarded traffic is dropped by the policy of ${droppers.join(', ')}: containers may reach nothing outside, nor be reached`,
    "allow it there: 'iptables -P FORWARD ACCEPT' or 'ufw default allow routed', or accept the interfaces 'br-*' in that chain",
  );
};

/** Chains of the forward hook with the policy drop, in `nft -j list chains`, but for Berth's own tables. */
export function droppingChains(json: string): string[] {
  const parse: (text: string) => { nftables?: { chain?: Chain }[] } = JSON.parse;
  return (parse(json).nftables ?? []).flatMap(({ chain }) =>
    chain?.hook === 'forward' && chain.policy === 'drop' && !/^berth/.test(chain.table ?? '')
      ? [`${chain.family ?? ''} ${chain.table ?? ''} ${chain.name ?? ''}`]
      : [],
  );
}

interface Chain {
  family?: string;
  table?: string;
  name?: string;
  hook?: string;
  policy?: string;
}

export const namespaces: Examine = async () => {
  if (!isRoot()) return warn('a network namespace needs root to be tried', asRoot);
  const { code, stderr } = await command('unshare', [
    '--net',
    '--pid',
    '--mount',
    '--ipc',
    '--uts',
    '--fork',
    'true',
  ]);
  if (code === 0) return pass('network, pid, mount, ipc and uts namespaces can be made');
  return fail(
    `namespaces cannot be made: ${stderr.trim()}`,
    'a kernel with CONFIG_NAMESPACES; inside a container, run it privileged',
  );
};

export const seccomp: Examine = async () => {
  const actions = (await textOf('/proc/sys/kernel/seccomp/actions_avail')).trim();
  if (actions.includes('errno')) return pass('seccomp filters are available');
  return fail('the kernel has no seccomp filters', 'a kernel with CONFIG_SECCOMP_FILTER');
};

export const forwarding: Examine = async () => {
  if ((await textOf('/proc/sys/net/ipv4/ip_forward')).trim() === '1') return pass('IPv4 forwarding is on');
  return fail('IPv4 forwarding is off: containers reach nothing outside', setupFix);
};
