import type { FastifyInstance, FastifyReply } from 'fastify';
import { infoOf } from '#api/docker/info.ts';
import { apiVersions } from '#api/versions.ts';
import type { System, SystemReport } from '#engine/system/system.ts';

/** `_ping`, version and info. */
export function systemRoutes(app: FastifyInstance, engine: { system: System }): void {
  const ping = (reply: FastifyReply): FastifyReply =>
    reply
      .headers({
        'Cache-Control': 'no-cache, no-store, must-revalidate',
        Pragma: 'no-cache',
        'Builder-Version': '2',
        Swarm: 'inactive',
      })
      .type('text/plain; charset=utf-8')
      .send('OK');
  app.get('/_ping', (_request, reply) => ping(reply));
  app.options('/_ping', (_request, reply) => ping(reply));
  app.get('/version', async () => versionOf(await engine.system.report()));
  app.get('/info', async (request) => infoOf(await engine.system.report(), request.apiVersion));
}

const goArchitecture: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64' };

function versionOf({ release, machine, runtime }: SystemReport): object {
  const arch = goArchitecture[machine.machine] ?? machine.machine;
  const details = {
    ApiVersion: apiVersions.maximum,
    Arch: arch,
    BuildTime: release.built,
    Experimental: 'false',
    GitCommit: release.commit,
    GoVersion: '',
    KernelVersion: machine.kernelVersion,
    MinAPIVersion: apiVersions.minimum,
    Os: 'linux',
  };
  return {
    Platform: { Name: 'Berth' },
    Components: [
      { Name: 'Engine', Version: release.version, Details: details },
      { Name: runtime.name, Version: runtime.version, Details: { GitCommit: runtime.commit } },
      { Name: 'conmon', Version: runtime.monitor, Details: { GitCommit: '' } },
    ],
    Version: release.version,
    ...details,
    Experimental: false,
  };
}
