import { readdir, readFile } from 'node:fs/promises';
import { availableParallelism, hostname, machine, release, totalmem } from 'node:os';
import { allowedCpus, readTopology } from '#adapters/linux/topology.ts';
import type { Machine, MachineFacts } from '#ports/machine.ts';

/** What /proc, /sys and /etc/os-release tell. */
export class LinuxMachine implements Machine {
  readonly #cgroupVersion: 1 | 2;

  constructor(cgroupVersion: 1 | 2) {
    this.#cgroupVersion = cgroupVersion;
  }

  async facts(): Promise<MachineFacts> {
    const [release_, forwarding, seccomp, apparmor, status, descriptors] = await Promise.all([
      textOf('/etc/os-release'),
      textOf('/proc/sys/net/ipv4/ip_forward'),
      textOf('/proc/sys/kernel/seccomp/actions_avail'),
      textOf('/sys/module/apparmor/parameters/enabled'),
      textOf('/proc/self/status'),
      readdir('/proc/self/fd'),
    ]);
    return {
      hostname: hostname(),
      kernelVersion: release(),
      operatingSystem: osField(release_, 'PRETTY_NAME') ?? 'Linux',
      osVersion: osField(release_, 'VERSION_ID') ?? '',
      machine: machine(),
      processors: availableParallelism(),
      memory: totalmem(),
      topology: readTopology('/sys/devices/system', allowedCpus(status)),
      cgroupVersion: this.#cgroupVersion,
      ipv4Forwarding: forwarding.trim() === '1',
      seccomp: seccomp !== '',
      apparmor: apparmor.startsWith('Y'),
      descriptors: descriptors.length,
    };
  }
}

async function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

function osField(text: string, name: string): string | undefined {
  return new RegExp(`^${name}="?([^"\\n]*)"?$`, 'm').exec(text)?.[1];
}
