import assert from 'node:assert/strict';
import { join } from 'node:path';
import { mkdir } from 'node:fs/promises';
import type { TestDaemon } from '../support/daemon.ts';
import { Checks } from './checks.ts';
import { DockerCommand } from './client-command.ts';
import { checkContainers } from './docker-containers.ts';
import { checkImages } from './docker-images.ts';
import { checkSystem } from './docker-system.ts';

const groups = [
  '',
  'builder',
  'container',
  'context',
  'image',
  'manifest',
  'network',
  'plugin',
  'system',
  'trust',
  'volume',
];

/** Every command of the `docker` client on the PATH that is not about swarms. */
export async function checkDocker(daemon: TestDaemon): Promise<Checks> {
  const docker = new DockerCommand(daemon);
  const checks = new Checks('docker', await docker.ok('version', '--format', '{{.Client.Version}}'));
  const folder = join(daemon.folder, 'work');
  await mkdir(folder);
  await checkContainers(checks, docker, folder);
  await checkImages(checks, docker, folder);
  await checkSystem(checks, docker, folder);
  await checks.check("every command that the client's help names was run", async () => {
    const known: string[] = [];
    for (const group of groups) if (group === '' || (await docker.knows('', group))) known.push(group);
    assert.deepEqual(await docker.untried(known), []);
  });
  return checks;
}
