import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { command } from '#cli/host/command.ts';
import { unavailable } from '#base/errors.ts';

const bridgeSettings = '/proc/sys/net/bridge';
const forwarding = '/proc/sys/net/ipv4/ip_forward';
const persistent = '/etc/sysctl.d/60-berth.conf';
const setting =
  '# Containers reach other networks through this machine (berth setup).\nnet.ipv4.ip_forward = 1\n';

// Each repair gives a sentence about what it changed; undefined when all was well.

export async function enableForwarding(): Promise<string | undefined> {
  if ((await textOf(forwarding)).trim() === '1') return undefined;
  await writeFile(forwarding, '1\n');
  return 'switched IPv4 forwarding on, so that containers reach other networks';
}

export async function persistForwarding(): Promise<string | undefined> {
  if ((await textOf(persistent)) === setting) return undefined;
  await mkdir('/etc/sysctl.d', { recursive: true });
  await writeFile(persistent, setting);
  return `wrote ${persistent}, so that IPv4 forwarding is on after a reboot`;
}

/**
 * Loads what lets bridges be filtered, now and after a reboot. It would have all bridges of the host be filtered from
 * then on, so that is switched off: ours ask for it themselves.
 */
export async function loadBridgeFilter(): Promise<{ done?: string; lacking?: string }> {
  if (await isBridgeFilterThere()) return {};
  const { code, stderr } = await command('modprobe', ['br_netfilter']);
  if (code !== 0)
    return {
      lacking: `br_netfilter cannot be loaded: replicas of services see no clients' addresses (${stderr.trim()})`,
    };
  const names = ['iptables', 'ip6tables', 'arptables'].map((each) => `bridge-nf-call-${each}`);
  for (const name of names) await writeFile(`${bridgeSettings}/${name}`, '0\n');
  await mkdir('/etc/sysctl.d', { recursive: true });
  await writeFile(
    '/etc/sysctl.d/61-berth-bridges.conf',
    names.map((name) => `net.bridge.${name} = 0\n`).join(''),
  );
  await mkdir('/etc/modules-load.d', { recursive: true });
  await writeFile('/etc/modules-load.d/berth.conf', 'br_netfilter\n');
  return { done: 'loaded br_netfilter, so that replicas of services see the addresses of their clients' };
}

async function isBridgeFilterThere(): Promise<boolean> {
  return access(bridgeSettings).then(
    () => true,
    () => false,
  );
}

/** What the repairs below would change, in the same order. */
export async function missingSettings(): Promise<string[]> {
  const isOn = (await textOf(forwarding)).trim() === '1';
  const stays = (await textOf(persistent)) === setting;
  const stray = await strayControllers();
  return [
    ...(isOn ? [] : ['IPv4 forwarding is off: containers reach no other network without it']),
    ...(stays ? [] : [`${persistent} is not there, so that IPv4 forwarding would be lost by a reboot`]),
    ...(stray.length === 0
      ? []
      : [`the cgroup controllers ${stray.join(', ')} are in the v2 tree, where crun does not accept them`]),
  ];
}

/** Controllers that a hybrid host left in its v2 tree, where crun does not accept them. */
export async function strayControllers(): Promise<string[]> {
  const left = await textOf('/sys/fs/cgroup/unified/cgroup.controllers');
  return left.split(/\s+/).filter((name) => name !== '');
}

/** The daemon does the same at each start, so a reboot needs no setting. */
export async function mountStrayControllers(): Promise<string | undefined> {
  const stray = await strayControllers();
  for (const name of stray) {
    const folder = `/sys/fs/cgroup/${name}`;
    await mkdir(folder, { recursive: true });
    const { code, stderr } = await command('mount', ['-t', 'cgroup', '-o', name, 'cgroup', folder]);
    if (code !== 0)
      throw unavailable(
        'setup-incomplete',
        `the cgroup controller '${name}' cannot be mounted as v1: ${stderr.trim()}`,
        {
          hint: 'boot with systemd.unified_cgroup_hierarchy=1 to use cgroup v2 alone',
        },
      );
  }
  if (stray.length === 0) return undefined;
  return `mounted the cgroup controllers ${stray.join(', ')} as v1: crun refuses a hybrid tree that has some in v2`;
}

export async function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
