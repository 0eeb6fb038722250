import type { FastifyInstance, FastifyReply } from 'fastify';
import { unavailable, unsupported } from '#base/errors.ts';
import { infoOf } from '#api/docker/info.ts';
import { apiVersions } from '#api/versions.ts';
import type { System, SystemReport } from '#engine/system/system.ts';

/** `_ping`, version, info, and the answers of an engine outside a swarm and without plugins. */
export function systemRoutes(app: FastifyInstance, engine: { system: System }): void {
  const ping = (reply: FastifyReply): FastifyReply =>
    reply
      .headers({
        'Cache-Control': 'no-cache, no-store, must-revalidate',
        Pragma: 'no-cache',
        'Builder-Version': '1',
        Swarm: 'inactive',
      })
      .type('text/plain; charset=utf-8')
      .send('OK');
  app.get('/_ping', (_request, reply) => ping(reply));
  app.options('/_ping', (_request, reply) => ping(reply));
  app.get('/version', async () => versionOf(await engine.system.report()));
  app.get('/info', async (request) => infoOf(await engine.system.report(), request.apiVersion));
  app.get('/plugins', () => []);
  outsideSwarm(app);
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

/** What the Engine API offers to managers of a swarm only. */
const swarmPaths = ['/swarm', '/nodes', '/services', '/tasks', '/secrets', '/configs'] as const;

function outsideSwarm(app: FastifyInstance): void {
  const hint = "Berth runs services of a compose file with 'berth up'";
  const refuse = (): never => {
    throw unavailable(
      'no-swarm',
      'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
      { hint },
    );
  };
  app.post('/swarm/leave', () => {
    throw unavailable('no-swarm', 'This node is not part of a swarm');
  });
  for (const url of ['/swarm/init', '/swarm/join'])
    app.post(url, () => {
      throw unsupported('swarm-unsupported', 'Swarm mode is not offered by Berth', { hint });
    });
  for (const path of swarmPaths)
    for (const url of [path, `${path}/*`])
      app.route({ method: ['GET', 'POST', 'DELETE'], url, handler: refuse });
}
