import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Checks } from './checks.ts';
import type { DockerCommand } from './client-command.ts';

/** Networks, volumes, the engine itself, and what is the client's own business. */
export async function checkSystem(checks: Checks, docker: DockerCommand, folder: string): Promise<void> {
  await checkNetworksAndVolumes(checks, docker);
  await checks.check('version, info', async () => {
    assert.match(await docker.ok('version', '--format', '{{.Server.APIVersion}}'), /^1\.\d+$/);
    assert.equal(
      await docker.ok('info', '--format', '{{.OSType}} {{.Swarm.LocalNodeState}}'),
      'linux inactive',
    );
    assert.match(await docker.ok('system', 'info'), /Storage Driver: /);
  });
  await checks.check('events', async () => {
    const line = await docker.ok(
      'events',
      '--since',
      '1h',
      '--until',
      '0s',
      '--filter',
      'network=seen',
      '--format',
      '{{.Action}}',
    );
    assert.match(line, /^create$/m);
    assert.match(await docker.ok('system', 'events', '--since', '0', '--until', '0s'), /network create/);
  });
  await checks.check('system df', async () => {
    assert.match(await docker.ok('system', 'df'), /^Images +\d/m);
    assert.match(await docker.ok('system', 'df', '--verbose'), /busybox/);
  });
  await checks.check('context create, use, show, inspect, ls, update, export, import, rm', () =>
    checkContexts(docker, folder),
  );
  await checks.check('plugin ls; plugin commands name a plugin that is not there', async () => {
    assert.match(await docker.ok('plugin', 'ls'), /^ID +NAME/);
    for (const words of [['disable'], ['enable'], ['inspect'], ['rm'], ['push'], ['set', 'A=1']]) {
      const [command = '', ...rest] = words;
      await docker.refused(/not found|No such plugin|no such plugin/i, 'plugin', command, 'nothing', ...rest);
    }
  });
  await checks.cannot('plugin install, create, upgrade', 'there are no engine plugins', async () => {
    const host = '127.0.0.1:1';
    const installed = await docker.run('plugin', 'install', '--grant-all-permissions', `${host}/plugin`);
    await docker.run('plugin', 'upgrade', 'nothing', `${host}/plugin`, '--grant-all-permissions');
    await docker.run('plugin', 'create', 'own', folder);
    assert.match(installed.stderr, /connection refused/);
  });
  // A plugin of its own since 29.
  if (await docker.knows('', 'trust')) await checkTrust(checks, docker, folder);
  await checks.check('commands of a swarm: the node is in none', async () => {
    await docker.refused(/not a swarm manager/, 'node', 'ls');
    await docker.refused(/not a swarm manager/, 'service', 'ls');
    await docker.refused(/not part of a swarm/, 'swarm', 'leave');
  });
  await checks.check('system prune', async () => {
    await docker.ok('run', 'busybox', 'true');
    assert.match(await docker.ok('system', 'prune', '--all', '--volumes', '--force'), /Deleted Containers:/);
    assert.equal(await docker.ok('images', '-q'), '');
  });
}

async function checkNetworksAndVolumes(checks: Checks, docker: DockerCommand): Promise<void> {
  await checks.check('network create, ls, inspect, connect, disconnect, rm, prune', async () => {
    await docker.ok('network', 'create', '--subnet', '10.231.7.0/24', '--label', 'a=b', 'seen');
    assert.equal(
      await docker.ok('network', 'ls', '--filter', 'label=a=b', '--format', '{{.Name}} {{.Driver}}'),
      'seen bridge',
    );
    await docker.ok('run', '-d', '--name', 'joins', 'busybox', 'sleep', '1000');
    await docker.ok('network', 'connect', '--alias', 'other', '--ip', '10.231.7.9', 'seen', 'joins');
    assert.match(await docker.ok('network', 'inspect', 'seen'), /"IPv4Address": "10\.231\.7\.9\/24"/);
    assert.match(
      await docker.ok('run', '--rm', '--network', 'seen', 'busybox', 'nslookup', 'other'),
      /10\.231\.7\.9/,
    );
    await docker.ok('network', 'disconnect', 'seen', 'joins');
    await docker.ok('rm', '-f', 'joins');
    await docker.ok('network', 'rm', 'seen');
    await docker.ok('network', 'create', 'unused');
    assert.match(await docker.ok('network', 'prune', '--force'), /unused/);
  });
  await checks.check('volume create, ls, inspect, rm, prune', async () => {
    await docker.ok('volume', 'create', '--label', 'a=b', 'kept');
    await docker.ok('run', '--rm', '-v', 'kept:/data', 'busybox', 'sh', '-c', 'echo x >/data/file');
    assert.equal(await docker.ok('run', '--rm', '-v', 'kept:/data:ro', 'busybox', 'cat', '/data/file'), 'x');
    assert.equal(await docker.ok('volume', 'ls', '--filter', 'label=a=b', '-q'), 'kept');
    assert.equal(await docker.ok('volume', 'inspect', '-f', '{{.Driver}}', 'kept'), 'local');
    await docker.ok('volume', 'rm', 'kept');
    await docker.ok('volume', 'create', 'unused');
    assert.match(await docker.ok('volume', 'prune', '--all', '--force'), /unused/);
  });
}

async function checkContexts(docker: DockerCommand, folder: string): Promise<void> {
  const host = (await docker.ok('context', 'inspect', '-f', '{{.Endpoints.docker.Host}}')).trim();
  const environment = { DOCKER_HOST: '' };
  await docker.ok('context', 'create', 'own', '--docker', `host=${host}`);
  await docker.ok('context', 'use', 'own', { environment });
  assert.equal(await docker.ok('context', 'show', { environment }), 'own');
  assert.match(await docker.ok('info', '--format', '{{.ID}}', { environment }), /./);
  await docker.ok('context', 'update', 'own', '--description', 'a private engine');
  assert.match(await docker.ok('context', 'ls'), /a private engine/);
  await docker.ok('context', 'export', 'own', join(folder, 'context.tar'));
  await docker.ok('context', 'import', 'again', join(folder, 'context.tar'));
  await docker.ok('context', 'use', 'default', { environment });
  await docker.ok('context', 'rm', 'own', 'again');
}

async function checkTrust(checks: Checks, docker: DockerCommand, folder: string): Promise<void> {
  const environment = { DOCKER_CONTENT_TRUST_SERVER: 'https://127.0.0.1:1' };
  await checks.check('trust key generate and load', async () => {
    const passphrase = { DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: 'long enough' };
    await docker.ok('trust', 'key', 'generate', 'tester', '--dir', folder, { environment: passphrase });
  });
  await checks.cannot(
    'trust sign, inspect, revoke, signer',
    'needs a Notary server, which the client asks itself',
    async () => {
      const image = '127.0.0.1:1/team/app:1';
      for (const words of [
        ['sign'],
        ['revoke', '--yes'],
        ['signer', 'add', '--key', join(folder, 'tester.pub'), 'tester'],
      ])
        await docker.run('trust', ...words, image, { environment });
      await docker.ok('trust', 'inspect', image, { environment });
    },
  );
}
