import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestDaemon } from '../support/daemon.ts';
import { run } from '../support/docker.ts';
import { startRegistry } from '../support/registry.ts';
import type { Checks } from './checks.ts';
import type { DockerCommand } from './client-command.ts';

const composeFile = `services:
  made:
    image: newer/made
    build:
      context: .
      dockerfile_inline: |
        FROM busybox
        RUN --mount=type=secret,id=word cat /run/secrets/word >/word
        COPY --from=more file /more
      additional_contexts: { more: ./more }
      secrets: [word]
      tags: ["newer/extra"]
    command: sleep 1000
    init: true
    volumes: [data:/data]
    develop: { watch: [{ action: sync+restart, path: ./src, target: /src }] }
  upon:
    build:
      dockerfile_inline: "FROM made\\nCMD cat /word /more"
      additional_contexts: { made: "service:made" }
secrets: { word: { environment: WORD } }
volumes: { data: {} }
`;

/** What Compose learnt after 2.26: builds by bake, lists of volumes, images and archives of services, publishing. */
export async function checkNewerCompose(
  checks: Checks,
  docker: DockerCommand,
  daemon: TestDaemon,
): Promise<void> {
  const cwd = join(daemon.folder, 'newer');
  for (const name of ['more', 'src']) await mkdir(join(cwd, name), { recursive: true });
  await writeFile(join(cwd, 'more/file'), 'more');
  await writeFile(join(cwd, 'compose.yaml'), composeFile);
  const environment = { DOCKER_BUILDKIT: '1', WORD: 'hidden' };
  const compose = (...args: string[]): Promise<string> => docker.ok('compose', ...args, { cwd, environment });
  await checks.check('build by bake: contexts of services and folders, secrets, tags', async () => {
    await compose('build');
    // `run` builds what the service is built upon once more, and says so first.
    assert.match(await compose('run', '--rm', '-T', 'upon'), /^hiddenmore$/m);
    assert.equal(await docker.ok('run', '--rm', 'newer/extra', 'cat', '/more'), 'more');
  });
  await checks.check('commit, export, volumes', async () => {
    await compose('up', '-d', 'made');
    await compose('exec', '-T', 'made', 'touch', '/touched');
    await compose('commit', 'made', 'newer/committed');
    await docker.ok('run', '--rm', 'newer/committed', 'ls', '/touched');
    await compose('export', '-o', join(cwd, 'root.tar'), 'made');
    assert.match((await run('tar', ['-tf', join(cwd, 'root.tar')])).stdout, /^touched$/m);
    assert.match(await compose('volumes'), /local +newer_data/);
  });
  await checks.check('publish', async () => {
    await using registry = await startRegistry();
    await writeFile(join(cwd, 'plain.yaml'), 'services:\n  one:\n    image: busybox\n');
    const name = `${registry.host}/app:1`;
    await compose('-f', 'plain.yaml', 'publish', '--yes', '--insecure-registry', name);
    assert.match(
      await compose('--insecure-registry', registry.host, '-f', `oci://${name}`, 'config'),
      /image: busybox/,
    );
  });
  await checks.check('up --watch goes on after sync+restart', () => watchRestarts(docker, daemon, cwd));
  await compose('down', '-t', '0', '-v');
}

async function watchRestarts(docker: DockerCommand, daemon: TestDaemon, cwd: string): Promise<void> {
  const env = { ...process.env, ...daemon.environment, DOCKER_BUILDKIT: '1', WORD: 'hidden' };
  const up = spawn('docker', ['compose', 'up', '--watch', 'made'], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(up, 'close');
  const said = new Map<string, () => void>();
  const heard = (words: string): Promise<void> => new Promise((resolve) => said.set(words, resolve));
  for (const stream of [up.stdout, up.stderr])
    createInterface(stream).on('line', (line) => {
      for (const [words, resolve] of said) if (line.includes(words)) resolve();
    });
  const ended = closed.then(() => assert.fail('docker compose up --watch ended'));
  await Promise.race([heard('Watch enabled'), ended]);
  for (const text of ['first', 'second']) {
    await writeFile(join(cwd, 'src/file'), text);
    const arrived = `until grep -q ${text} /src/file; do usleep 50000; done`;
    const arriving = docker.ok('compose', 'exec', '-T', 'made', 'timeout', '30', 'sh', '-c', arrived, {
      cwd,
    });
    await Promise.race([Promise.all([heard('restarted'), arriving.catch(() => undefined)]), ended]);
  }
  up.kill('SIGINT');
  await closed.catch(() => undefined);
  await ended.catch(() => undefined);
}
