import { effectiveCapabilities } from '#domain/container/capabilities.ts';
import type { CdiHook } from '#domain/container/cdi.ts';
import type { HostConfig } from '#domain/container/config.ts';
import { deviceNodes, deviceRules } from '#domain/container/devices.ts';
import { mounts, rootPropagation } from '#domain/container/mounts.ts';
import { namespaces } from '#domain/container/namespaces.ts';
import { mainProcess } from '#domain/container/process.ts';
import { resourceLimits } from '#domain/container/resources.ts';
import type { RuntimeSpec, SeccompSpec } from '#domain/container/runtime-spec.ts';
import { defaultProfile } from '#domain/container/seccomp/default-profile.ts';
import { parseProfile, settleProfile } from '#domain/container/seccomp/profile.ts';
import { parseSecurityOptions } from '#domain/container/security.ts';
import type { SpecInput } from '#domain/container/spec-input.ts';

/** As Docker's: what would tell of the host, or reach it. */
export const maskedPaths: readonly string[] = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
];

export const readonlyPaths: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
];

/**
 * The OCI runtime specification of a container, with Docker's defaults. Pure: whatever must be looked up is in
 * the input.
 * @throws invalid with Docker's words for a wrong capability, device rule, security option or seccomp profile
 */
export function buildSpec(input: SpecInput): RuntimeSpec {
  const { container, host } = input;
  const { config, hostConfig } = container;
  const privateUts = input.namespaces.uts === 'private';
  const propagation = rootPropagation(container.mounts);
  const seccomp = seccompFilter(input);
  return {
    ociVersion: '1.0.2',
    process: mainProcess(input),
    root: { path: input.rootPath, readonly: hostConfig.ReadonlyRootfs === true },
    ...(privateUts && config.Hostname ? { hostname: config.Hostname } : {}),
    mounts: mounts(input),
    ...(input.cdi?.hooks.length ? { hooks: hooksOf(input.cdi.hooks) } : {}),
    ...(hostConfig.Annotations ? { annotations: hostConfig.Annotations } : {}),
    linux: {
      namespaces: namespaces(input),
      ...idMappings(input),
      devices: deviceNodes(input.devices),
      cgroupsPath: cgroupPath(input),
      resources: {
        ...resourceLimits(hostConfig, host, input.blockDevices),
        devices: deviceRules({
          privileged: hostConfig.Privileged === true,
          devices: input.devices,
          rules: hostConfig.DeviceCgroupRules ?? [],
        }),
      },
      ...(propagation === undefined ? {} : { rootfsPropagation: propagation }),
      ...(seccomp === undefined ? {} : { seccomp }),
      sysctl: sysctls(input),
      ...hiddenPaths(hostConfig),
    },
  };
}

/** The namespace has them already; runc wants to be told. */
function idMappings({
  namespaces: { user },
}: SpecInput): Pick<RuntimeSpec['linux'], 'uidMappings' | 'gidMappings'> {
  return user === undefined ? {} : { uidMappings: user.mappings.uids, gidMappings: user.mappings.gids };
}

function hooksOf(hooks: CdiHook[]): NonNullable<RuntimeSpec['hooks']> {
  const byName: NonNullable<RuntimeSpec['hooks']> = {};
  for (const { hookName, ...hook } of hooks) byName[hookName] = [...(byName[hookName] ?? []), hook];
  return byName;
}

/** Where the container's control group is, as the port Cgroups takes it. */
export function cgroupPath(input: Pick<SpecInput, 'container' | 'cgroupParent'>): string {
  const parent = input.container.hostConfig.CgroupParent || input.cgroupParent;
  return `/${parent.replaceAll(/^\/+|\/+$/g, '')}/${input.container.id}`;
}

function hiddenPaths(config: HostConfig): Pick<RuntimeSpec['linux'], 'maskedPaths' | 'readonlyPaths'> {
  const visible = config.Privileged === true;
  return {
    maskedPaths: config.MaskedPaths ?? (visible ? [] : [...maskedPaths]),
    readonlyPaths: config.ReadonlyPaths ?? (visible ? [] : [...readonlyPaths]),
  };
}

function seccompFilter({ container, host }: SpecInput): SeccompSpec | undefined {
  const { hostConfig } = container;
  const asked = parseSecurityOptions(hostConfig.SecurityOpt ?? []).seccomp;
  const unconfined = asked === 'unconfined' || (hostConfig.Privileged === true && asked === undefined);
  if (unconfined) return undefined;
  const profile = asked === undefined || asked === 'builtin' ? defaultProfile : parseProfile(asked);
  return settleProfile(profile, {
    capabilities: effectiveCapabilities(hostConfig, host.capabilities),
    host,
  });
}

/**
 * In a network namespace of its own the container may open low ports and ping sockets without a capability, as
 * with Docker. `network` with a path is the namespace that was made for it, unless it joins another's.
 */
function sysctls({ container, namespaces: from }: SpecInput): Record<string, string> {
  const { config, hostConfig } = container;
  const mode = hostConfig.NetworkMode ?? '';
  const ownNetwork = from.network !== 'host' && mode !== 'host' && !mode.startsWith('container:');
  return {
    ...(ownNetwork
      ? {
          // Groups that a user namespace does not map cannot be named in it; Docker leaves it out too.
          ...(from.user === undefined ? { 'net.ipv4.ping_group_range': '0 2147483647' } : {}),
          'net.ipv4.ip_unprivileged_port_start': '0',
        }
      : {}),
    ...(from.uts === 'private' && config.Domainname ? { 'kernel.domainname': config.Domainname } : {}),
    ...hostConfig.Sysctls,
  };
}
