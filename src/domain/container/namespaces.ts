import type { NamespaceSpec } from '#domain/container/runtime-spec.ts';
import type { NamespaceSource, SpecInput } from '#domain/container/spec-input.ts';

/** Namespaces of a container. The cgroup namespace is private on v2 and the host's on v1 unless asked for. */
export function namespaces(input: SpecInput): NamespaceSpec[] {
  const { network, pid, ipc, uts, user = 'host' } = input.namespaces;
  return [
    { type: 'mount' },
    ...from('user', user),
    ...from('network', network),
    ...from('uts', uts),
    ...from('pid', pid),
    ...from('ipc', ipc),
    ...from('cgroup', cgroupNamespace(input)),
  ];
}

function from(type: NamespaceSpec['type'], source: NamespaceSource): NamespaceSpec[] {
  if (source === 'host') return [];
  return source === 'private' ? [{ type }] : [{ type, path: source.path }];
}

function cgroupNamespace(input: SpecInput): 'private' | 'host' {
  const { CgroupnsMode, Privileged } = input.container.hostConfig;
  if (CgroupnsMode === 'private' || CgroupnsMode === 'host') return CgroupnsMode;
  return input.host.cgroupVersion === 2 && Privileged !== true ? 'private' : 'host';
}
