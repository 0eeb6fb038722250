import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestDaemon } from '../support/daemon.ts';
import { run, type RunOptions } from '../support/docker.ts';
import { Checks } from './checks.ts';
import { oldDocker } from './install.ts';

/** The client of Debian 12: BuildKit without buildx, over `POST /build`. */
export async function checkOldDocker(daemon: TestDaemon): Promise<Checks> {
  const program = await oldDocker();
  const docker = async (...words: (string | RunOptions)[]) => {
    const options = words.find((word) => typeof word !== 'string') ?? {};
    const args = words.filter((word) => typeof word === 'string');
    const environment = { ...daemon.environment, DOCKER_BUILDKIT: '1', ...options.environment };
    return run(program, args, { ...options, environment });
  };
  const ok = async (...words: (string | RunOptions)[]): Promise<string> => {
    const { code, stdout, stderr } = await docker(...words);
    assert.equal(code, 0, stderr);
    return stdout + stderr;
  };
  const version = /\d+\.\d+\.\d+/.exec(await ok('--version'))?.[0] ?? '';
  const checks = new Checks('docker, without buildx', version);
  const folder = join(daemon.folder, 'old');
  await mkdir(folder);
  await writeFile(join(folder, 'f'), 'file');
  await writeFile(
    join(folder, 'Dockerfile'),
    'FROM busybox AS one\nARG A=none\nCOPY f /f\nRUN echo $A >/a && echo said\nFROM one\nRUN --mount=type=secret,id=s cat /run/secrets/s >/s\n',
  );
  await checks.check('build with arguments, --secret, --target, --iidfile, progress plain', async () => {
    const [id, secret] = [join(folder, '../old-id'), join(folder, 'f')];
    const words = [
      '--build-arg',
      'A=given',
      '--secret',
      `id=s,src=${secret}`,
      '--iidfile',
      id,
      '-t',
      'old:1',
    ];
    const told = await ok('build', '--progress=plain', ...words, folder);
    assert.match(told, /#\d+ \[one 3\/3\] RUN echo \$A[^]*said\n[^]*DONE/);
    assert.equal(await daemon.ok('run', '--rm', 'old:1', 'cat', '/a', '/f', '/s'), 'given\nfilefile');
    assert.equal(await readFile(id, 'utf8'), await daemon.ok('inspect', '-f', '{{.Id}}', 'old:1'));
    await ok('build', '--target', 'one', '-t', 'old:one', folder);
    assert.equal(await daemon.ok('run', '--rm', 'old:one', 'cat', '/a'), 'none');
  });
  await checks.check('a Dockerfile, and a context, from standard input', async () => {
    await ok('build', '-t', 'old:piped', '-', { input: Buffer.from('FROM busybox\nCMD echo piped\n') });
    assert.equal(await daemon.ok('run', '--rm', 'old:piped'), 'piped');
    const tar = join(folder, '../old.tar');
    assert.equal((await run('tar', ['-cf', tar, '-C', folder, '.'])).code, 0);
    await ok('build', '--target', 'one', '-t', 'old:tar', '-', { input: await readFile(tar) });
    assert.equal(await daemon.ok('run', '--rm', 'old:tar', 'cat', '/f'), 'file');
  });
  await checks.check('-q; a failing step; --output of files', async () => {
    assert.match(await ok('build', '-q', '--target', 'one', folder), /^sha256:[0-9a-f]{64}\n?$/);
    const { code, stderr } = await docker('build', '-', { input: Buffer.from('FROM busybox\nRUN exit 3\n') });
    assert.equal(code, 1);
    assert.match(stderr, /did not complete successfully: exit code: 3/);
    await ok('build', '--target', 'one', '-o', join(folder, 'out'), folder);
    assert.equal(await readFile(join(folder, 'out/f'), 'utf8'), 'file');
  });
  return checks;
}
