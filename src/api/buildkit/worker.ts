import type { System } from '#engine/system/system.ts';
import type { ValueOf } from '#base/grpc/message.ts';
import type { WorkerRecord } from '#api/buildkit/messages.ts';

const architectures: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64' };

/** The one worker that this engine is. */
export async function workerOf(system: System): Promise<ValueOf<typeof WorkerRecord>> {
  const { id, machine, release } = await system.report();
  const architecture = architectures[machine.machine] ?? machine.machine;
  return {
    id: id.slice(0, 25),
    labels: {
      'org.mobyproject.buildkit.worker.executor': 'berth',
      'org.mobyproject.buildkit.worker.hostname': machine.hostname,
      // Says that images are an index with platforms, and that archives of them can be exported.
      'org.mobyproject.buildkit.worker.snapshotter': 'overlayfs',
    },
    platforms: [{ architecture, os: 'linux', variant: '' }],
    gcPolicies: [],
    version: versionOf(release),
  };
}

export function versionOf({ version, commit }: { version: string; commit: string }) {
  return { package: 'berth', version: `v${version}`, revision: commit };
}
