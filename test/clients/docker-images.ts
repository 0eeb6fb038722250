import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { busyboxTar } from '../support/busybox.ts';
import { credentials, startRegistry } from '../support/registry.ts';
import type { Checks } from './checks.ts';
import type { DockerCommand } from './client-command.ts';

/** Every command of `docker image`, `builder` and `manifest`, and what goes to a registry (one on loopback). */
export async function checkImages(checks: Checks, docker: DockerCommand, folder: string): Promise<void> {
  const context = join(folder, 'context');
  await mkdir(context);
  await writeFile(join(context, 'Dockerfile'), dockerfile);
  await checks.check('build', async () => {
    await docker.ok('build', '-t', 'built:1', '--build-arg', 'WORD=given', '--target', 'last', context);
    assert.equal(await docker.ok('run', '--rm', 'built:1'), 'given');
    assert.match(
      await docker.ok('image', 'build', '-t', 'built:1', '--build-arg', 'WORD=given', context),
      /Using cache/,
    );
    await docker.ok('builder', 'build', '-q', '-t', 'built:2', context);
  });
  await checkLocalImages(checks, docker, folder);
  await checkRegistry(checks, docker);
  await checks.check('image rm, image prune, builder prune', async () => {
    assert.match(await docker.ok('rmi', 'loaded:1'), /Untagged: loaded:1/);
    await docker.ok('image', 'rm', '--force', 'built:1', 'built:2', 'imported:1');
    assert.match(await docker.ok('image', 'prune', '--force'), /Total reclaimed space/);
    assert.match(await docker.ok('builder', 'prune', '--force'), /Total reclaimed space|Total:/);
  });
}

const dockerfile = `FROM busybox AS first
ARG WORD=own
RUN echo $WORD >/word
FROM busybox AS last
COPY --from=first /word /word
CMD ["cat", "/word"]
`;

async function checkLocalImages(checks: Checks, docker: DockerCommand, folder: string): Promise<void> {
  await checks.check('import', async () => {
    await docker.ok('import', '--change', 'CMD ["sh"]', '-', 'imported:1', { input: await busyboxTar() });
  });
  await checks.check('images, history, inspect', async () => {
    assert.match(await docker.ok('images', '--format', '{{.Repository}}:{{.Tag}}'), /^imported:1$/m);
    assert.match(await docker.ok('image', 'ls', '--all', '--digests'), /REPOSITORY/);
    assert.match(await docker.ok('history', '--no-trunc', 'built:1'), /CMD \["cat"/);
    assert.equal(await docker.ok('image', 'inspect', '-f', '{{.Config.Cmd}}', 'built:1'), '[cat /word]');
  });
  await checks.check('tag, save, load', async () => {
    await docker.ok('tag', 'built:1', 'loaded:1');
    await docker.ok('save', '-o', join(folder, 'saved.tar'), 'loaded:1');
    await docker.ok('rmi', 'loaded:1');
    assert.equal(await docker.ok('load', '-i', join(folder, 'saved.tar')), 'Loaded image: loaded:1');
  });
}

async function checkRegistry(checks: Checks, docker: DockerCommand): Promise<void> {
  await using registry = await startRegistry('basic');
  const name = `${registry.host}/team/app:1`;
  await checks.check('login', async () => {
    const login = ['login', '--username', credentials.username, '--password-stdin', registry.host];
    assert.match(await docker.ok(...login, { input: credentials.password }), /Login Succeeded/);
  });
  await checks.check('push, pull', async () => {
    await docker.ok('tag', 'built:1', name);
    assert.match(await docker.ok('push', name), /digest: sha256:[0-9a-f]{64}/);
    await docker.ok('rmi', name);
    assert.match(await docker.ok('pull', name), /Status: Downloaded newer image/);
    await docker.ok('image', 'push', '--quiet', name);
    assert.match(await docker.ok('image', 'pull', name), /Image is up to date/);
    assert.match(await docker.ok('pull', '--all-tags', name.replace(/:[^:]*$/, '')), /Image is up to date/);
    await docker.ok('rmi', name);
    assert.equal(await docker.ok('run', '--rm', '--pull', 'always', '--quiet', name), 'given');
  });
  await checks.check('manifest create, annotate, inspect, push, rm', async () => {
    const list = `${registry.host}/team/list:1`;
    assert.match(await docker.ok('manifest', 'inspect', '--insecure', name), /"schemaVersion": 2/);
    await docker.ok('manifest', 'create', '--insecure', list, name);
    await docker.ok('manifest', 'annotate', '--arch', 'amd64', list, name);
    await docker.ok('manifest', 'push', '--insecure', list);
    await docker.ok('manifest', 'rm', list);
    await docker.ok('pull', list);
    assert.equal(await docker.ok('run', '--rm', list), 'given');
  });
  await checks.check('search', async () => {
    assert.match(
      await docker.ok('search', `${registry.host}/team`),
      new RegExp(`^${registry.host}/team/`, 'm'),
    );
  });
  await checks.check('logout', async () => {
    await docker.ok('logout', registry.host);
    await docker.refused(/no basic auth credentials|unauthorized/, 'push', name);
  });
}
