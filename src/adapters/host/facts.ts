import { existsSync, readFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { allowedCpus, readTopology } from '#adapters/linux/topology.ts';
import { capabilitiesInMask } from '#domain/container/capabilities.ts';
import type { HostFacts } from '#domain/container/spec-input.ts';
import type { Cgroups } from '#ports/cgroups.ts';

const limitNames: Record<string, string> = {
  'Max cpu time': 'CPU',
  'Max file size': 'FSIZE',
  'Max data size': 'DATA',
  'Max stack size': 'STACK',
  'Max core file size': 'CORE',
  'Max resident set': 'RSS',
  'Max processes': 'NPROC',
  'Max open files': 'NOFILE',
  'Max locked memory': 'MEMLOCK',
  'Max address space': 'AS',
  'Max file locks': 'LOCKS',
  'Max pending signals': 'SIGPENDING',
  'Max msgqueue size': 'MSGQUEUE',
  'Max nice priority': 'NICE',
  'Max realtime priority': 'RTPRIO',
  'Max realtime timeout': 'RTTIME',
};

/** Reads what this host and this process can do. */
export function readHostFacts(cgroups: Pick<Cgroups, 'version'> & { controllers: string[] }): HostFacts {
  const status = readFileSync('/proc/self/status', 'utf8');
  const bounding = capabilitiesInMask(/^CapBnd:\s+(\S+)/m.exec(status)?.[1] ?? '0');
  const effective = capabilitiesInMask(/^CapEff:\s+(\S+)/m.exec(status)?.[1] ?? '0');
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return {
    cgroupVersion: cgroups.version,
    controllers: cgroups.controllers,
    swapAccounting: hasSwapAccounting(cgroups.version),
    hardLimits: effective.includes('CAP_SYS_RESOURCE')
      ? {}
      : parseHardLimits(readFileSync('/proc/self/limits', 'utf8')),
    capabilities: bounding,
    architecture: process.arch === 'arm64' ? 'arm64' : 'x64',
    kernel: { major, minor },
    blkioWeight: hasWeights(cgroups.version),
    apparmor: existsSync('/sys/kernel/security/apparmor'),
    cpus: {
      count: cpus().length,
      online: listIn('/sys/devices/system/cpu/online'),
      nodes: listIn('/sys/devices/system/node/online'),
    },
    topology: readTopology('/sys/devices/system', allowedCpus(status)),
  };
}

/** A kernel without memory nodes has one. */
function listIn(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : '0';
}

/**
 * Hard limits by name, of the text of /proc/PID/limits; without the unlimited ones.
 */
export function parseHardLimits(text: string): Record<string, number> {
  return Object.fromEntries(
    text.split('\n').flatMap((line) => {
      const [, name = '', hard = ''] = /^(Max .*?)\s{2,}\S+\s+(\S+)/.exec(line) ?? [];
      const short = limitNames[name];
      return short === undefined || hard === 'unlimited' ? [] : [[`RLIMIT_${short}`, Number(hard)]];
    }),
  );
}

/** Version 2 always counts swap when the kernel has it; version 1 shows a file. */
function hasSwapAccounting(version: 1 | 2): boolean {
  return version === 2
    ? existsSync('/proc/swaps')
    : existsSync('/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes');
}

function hasWeights(version: 1 | 2): boolean {
  if (version === 2) return true;
  // crun (1.8) writes this file only, not the one of BFQ.
  return existsSync('/sys/fs/cgroup/blkio/blkio.weight');
}
