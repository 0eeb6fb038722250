import { invalid } from '#base/errors.ts';
import type { HostConfig } from '#domain/container/config.ts';
import type { CapabilitySets } from '#domain/container/runtime-spec.ts';

/** In the kernel's order (linux/capability.h): the index is the bit. */
export const allCapabilities: readonly string[] =
  `CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
  NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
  SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
  MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE`
    .split(/\s+/)
    .map((name) => `CAP_${name}`);

/** What a container has unless it asks for more or less; the same fourteen as Docker's. */
export const defaultCapabilities: readonly string[] =
  `CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL
  AUDIT_WRITE`
    .split(/\s+/)
    .map((name) => `CAP_${name}`);

const everything = 'ALL';

/** The names of the bits in a mask such as CapBnd of /proc/self/status (hexadecimal). */
export function capabilitiesInMask(mask: string): string[] {
  const bits = BigInt(`0x${mask}`);
  return allCapabilities.filter((_, bit) => ((bits >> BigInt(bit)) & 1n) === 1n);
}

/**
 * The capabilities of a container, of those that the host can give (`available`).
 * @throws invalid `capability-unknown`, `capability-unavailable` with Docker's words
 */
export function effectiveCapabilities(
  config: Pick<HostConfig, 'CapAdd' | 'CapDrop' | 'Privileged'>,
  available: readonly string[],
): string[] {
  const add = normalize('CapAdd', config.CapAdd ?? [], available);
  const drop = normalize('CapDrop', config.CapDrop ?? [], available);
  if (config.Privileged === true) return [...available];
  if (add.includes(everything)) return available.filter((name) => !drop.includes(name));
  if (drop.includes(everything)) return add;
  const kept = defaultCapabilities.filter((name) => available.includes(name) && !drop.includes(name));
  return [...new Set([...kept, ...add])];
}

function normalize(field: string, names: string[], available: readonly string[]): string[] {
  return names.map((given) => {
    const upper = given.toUpperCase();
    if (upper === everything) return upper;
    const name = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
    if (!allCapabilities.includes(name))
      throw invalid('capability-unknown', `invalid ${field}: unknown capability: "${name}"`);
    if (field === 'CapAdd' && !available.includes(name))
      throw invalid(
        'capability-unavailable',
        `invalid ${field}: capability not supported by your kernel or not available in the current environment: "${name}"`,
      );
    return name;
  });
}

/**
 * Inheritable and ambient stay empty, as on current Docker: a process that is not root gets no capability by
 * exec, it only keeps them in its bounding set.
 */
export function capabilitySets(names: string[]): CapabilitySets {
  return { bounding: names, effective: names, permitted: names };
}
