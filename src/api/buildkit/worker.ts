import type { DiskRules } from '#domain/disk/rules.ts';
import type { BuildkitParts } from '#api/buildkit/parts.ts';
import type { ValueOf } from '#base/grpc/message.ts';
import type { WorkerRecord } from '#api/buildkit/messages.ts';

const architectures: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64' };

/** The one worker that this engine is. */
export async function workerOf({
  system,
  diskCollector,
  networks,
}: Pick<BuildkitParts, 'system' | 'diskCollector' | 'networks'>): Promise<ValueOf<typeof WorkerRecord>> {
  const { id, machine, release } = await system.report();
  const gateway = networks.list().find(({ name }) => name === 'bridge')?.pools[0]?.gateway;
  const architecture = architectures[machine.machine] ?? machine.machine;
  return {
    id: id.slice(0, 25),
    labels: {
      'org.mobyproject.buildkit.worker.executor': 'berth',
      'org.mobyproject.buildkit.worker.hostname': machine.hostname,
      // Says that images are an index with platforms, and that archives of them can be exported.
      'org.mobyproject.buildkit.worker.snapshotter': 'overlayfs',
      // What clients put for `--add-host NAME:host-gateway`.
      ...(gateway !== undefined && { 'org.mobyproject.buildkit.worker.moby.host-gateway-ip': gateway }),
    },
    platforms: [{ architecture, os: 'linux', variant: '' }],
    gcPolicies: diskCollector.isAutomatic ? policiesOf(await diskCollector.rules()) : [],
    version: versionOf(release),
  };
}

/** What removes entries of the build cache without being asked; durations are nanoseconds. */
function policiesOf({ buildCache, buildCacheAge, buildCacheReserved, keepFree }: DiskRules) {
  const rule = {
    all: true,
    keepDuration: 0,
    reservedSpace: 0,
    filters: [],
    maxUsedSpace: 0,
    minFreeSpace: 0,
  };
  return [
    { ...rule, keepDuration: buildCacheAge * 1e6 },
    { ...rule, maxUsedSpace: buildCache },
    { ...rule, minFreeSpace: keepFree, reservedSpace: buildCacheReserved },
  ];
}

export function versionOf({ version, commit }: { version: string; commit: string }) {
  return { package: 'berth', version: `v${version}`, revision: commit };
}
