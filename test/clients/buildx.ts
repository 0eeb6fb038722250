import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestDaemon } from '../support/daemon.ts';
import { run } from '../support/docker.ts';
import { startRegistry } from '../support/registry.ts';
import { checkImageTools } from './image-tools.ts';
import { checkBake } from './buildx-bake.ts';
import { checkBuildxOptions } from './buildx-options.ts';
import { checkNewerBuildx } from './buildx-newer.ts';
import { checkBuildxPlatforms } from './buildx-platforms.ts';
import { Checks } from './checks.ts';
import { DockerCommand } from './client-command.ts';
import { linkPlugin } from './install.ts';

const dockerfile = `FROM busybox AS first
ARG WORD=own
RUN echo $WORD >/word && echo said
FROM busybox AS last
COPY --from=first /word /word
COPY in /in
CMD ["cat", "/word", "/in/f"]
`;

/** `docker buildx` with the driver "docker": BuildKit's protocol over the engine's socket. */
export async function checkBuildx(daemon: TestDaemon): Promise<Checks> {
  await linkPlugin(daemon, 'docker-buildx');
  const docker = new DockerCommand(daemon);
  const version = await docker.ok('buildx', 'version');
  const checks = new Checks('buildx plugin', /v?\d+\.\d+\.\d+/.exec(version)?.[0] ?? version);
  const folder = join(daemon.folder, 'kit');
  await mkdir(join(folder, 'in'), { recursive: true });
  await writeFile(join(folder, 'Dockerfile'), dockerfile);
  await writeFile(join(folder, 'in/f'), 'file');
  const build = (...args: string[]): Promise<string> =>
    docker.ok('buildx', 'build', '--progress=plain', ...args, '.', { cwd: folder });
  await checkBuilds(checks, docker, folder, build);
  await checkOutputs(checks, docker, folder, build);
  await checkBuildxOptions(checks, docker, daemon.folder);
  await checkNewerBuildx(checks, docker, daemon.folder);
  await checkBake(checks, docker, daemon.folder);
  await checkBuildxPlatforms(checks, docker, daemon.folder);
  await checkKeeping(checks, docker, daemon, folder);
  await checkImageTools(checks, docker, daemon);
  return checks;
}

type Build = (...args: string[]) => Promise<string>;

async function checkBuilds(
  checks: Checks,
  docker: DockerCommand,
  folder: string,
  build: Build,
): Promise<void> {
  await checks.check('build with arguments and --target; --iidfile, --metadata-file', async () => {
    const [id, metadata] = [join(folder, '../iid'), join(folder, '../metadata')];
    await build('-t', 'kit:1', '--build-arg', 'WORD=given', '--iidfile', id, '--metadata-file', metadata);
    assert.equal(await docker.ok('run', '--rm', 'kit:1'), 'given\nfile');
    // Since 0.38 the digest of the index, where the engine keeps indexes.
    const written = await docker.ok('inspect', '-f', '{{.Id}}', await readFile(id, 'utf8'));
    assert.equal(written, await docker.ok('inspect', '-f', '{{.Id}}', 'kit:1'));
    assert.match(await readFile(metadata, 'utf8'), /"containerimage.digest": "sha256:/);
    await build('-t', 'kit:first', '--target', 'first');
    assert.equal(await docker.ok('run', '--rm', 'kit:first', 'cat', '/word'), 'own');
  });
  await checks.check('--no-cache, progress plain', async () => {
    const words = ['buildx', 'build', '--no-cache', '.', '--progress'];
    const { stderr } = await docker.run(...words, 'plain', { cwd: folder });
    assert.match(stderr, /\[first 2\/2\] RUN echo \$WORD[^]*said\n[^]*DONE/);
  });
  await checks.check('--secret', async () => {
    const [secret, file] = [join(folder, '../secret'), join(folder, '../Secret')];
    await writeFile(secret, 'hidden');
    await writeFile(file, 'FROM busybox\nRUN --mount=type=secret,id=s wc -c </run/secrets/s >/n\n');
    await build('-f', file, '--secret', `id=s,src=${secret}`, '-t', 'kit:secret');
    assert.equal(await docker.ok('run', '--rm', 'kit:secret', 'cat', '/n'), '6');
  });
  await checks.check('a Dockerfile, and a context, from standard input', async () => {
    const input = Buffer.from('FROM busybox\nCMD echo piped\n');
    await docker.ok('buildx', 'build', '-t', 'kit:piped', '-', { input });
    assert.equal(await docker.ok('run', '--rm', 'kit:piped'), 'piped');
    const tar = join(folder, '../context.tar');
    assert.equal((await run('tar', ['-cf', tar, '-C', folder, '.'])).code, 0);
    await docker.ok('buildx', 'build', '-t', 'kit:tar', '-', { input: await readFile(tar) });
    assert.equal(await docker.ok('run', '--rm', 'kit:tar'), 'own\nfile');
  });
  await checks.check('a failing step, and a mistake in the Dockerfile', async () => {
    const wrong = join(folder, '../Wrong');
    await writeFile(wrong, 'FROM busybox\nRUN exit 3\n');
    const words = ['buildx', 'build', '-f', wrong, folder];
    await docker.refused(/did not complete successfully: exit code: 3/, ...words);
    await writeFile(wrong, 'FROM busybox\nRNU x\n');
    await docker.refused(/unknown instruction: RNU/, ...words);
  });
}

async function checkOutputs(
  checks: Checks,
  docker: DockerCommand,
  folder: string,
  build: Build,
): Promise<void> {
  const out = (name: string): string => join(folder, '..', name);
  await checks.check('--output type=local, tar, docker, oci; --load', async () => {
    await build('--output', `type=local,dest=${out('local')}`);
    assert.equal(await readFile(out('local/word'), 'utf8'), 'own\n');
    await build('--output', `type=tar,dest=${out('files.tar')}`);
    assert.match((await run('tar', ['-tf', out('files.tar')])).stdout, /^in\/f$/m);
    for (const type of ['docker', 'oci']) {
      const file = out(`${type}.tar`);
      await build('--output', `type=${type},dest=${file}`, '-t', `kit:${type}`);
      await docker.ok('rmi', `kit:${type}`);
      assert.match(await docker.ok('load', '-i', file), /Loaded image/);
    }
    await build('--load', '-t', 'kit:loaded');
    assert.equal(await docker.ok('run', '--rm', 'kit:loaded'), 'own\nfile');
  });
  await checks.check('--push', async () => {
    await using registry = await startRegistry();
    const name = `${registry.host}/kit:1`;
    await build('--push', '-t', name);
    await docker.ok('rmi', name);
    await docker.ok('pull', name);
    assert.equal(await docker.ok('run', '--rm', name), 'own\nfile');
  });
}

async function checkKeeping(
  checks: Checks,
  docker: DockerCommand,
  daemon: TestDaemon,
  folder: string,
): Promise<void> {
  await checks.check('ls, inspect, du, prune', async () => {
    assert.match(await docker.ok('buildx', 'ls'), /^default\*? +docker/m);
    assert.match(await docker.ok('buildx', 'inspect'), /Status: +running/);
    assert.match(await docker.ok('buildx', 'du'), /Total:/);
    assert.match(await docker.ok('buildx', 'prune', '--force'), /Total:/);
  });
  await checks.check('Ctrl-C ends the step', async () => {
    const file = join(folder, '../Long');
    await writeFile(file, 'FROM busybox\nRUN echo up; sleep 1000\n');
    const child = spawn('docker', ['buildx', 'build', '--progress=plain', '-f', file, folder], {
      env: { ...process.env, ...daemon.environment },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const closed = once(child, 'close');
    let seen = '';
    const chunks: AsyncIterable<Buffer> = child.stderr;
    for await (const chunk of chunks) {
      const isUp = / up\n/.test(seen);
      seen += chunk.toString();
      // Once: the third signal makes the client leave at once.
      if (!isUp && / up\n/.test(seen)) child.kill('SIGINT');
    }
    await closed;
    assert.match(seen, /[Cc]anceled/);
  });
}
