import assert from 'node:assert/strict';
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { instanceOf } from '#domain/instance.ts';
import { startDaemon } from '../../support/daemon.ts';
import { run, type RunOptions, type RunResult } from '../../support/docker.ts';
import { removeInstance } from '../../support/leaks.ts';

const program = new URL('../../../src/main/berth.ts', import.meta.url).pathname;

/** A daemon that is expected to refuse to start. */
function start(environment: Record<string, string>): Promise<RunResult> {
  return berth(['daemon'], environment);
}

function berth(
  args: string[],
  environment: Record<string, string>,
  options: RunOptions = {},
): Promise<RunResult> {
  return run(process.execPath, [program, ...args], {
    ...options,
    environment: { BERTH_CONFIG: '/dev/null', BERTH_HOST: '', ...environment },
  });
}

async function scratch(t: TestContext): Promise<{ path: string; root: string; runs: string; file: string }> {
  const path = await mkdtemp('/var/tmp/b-');
  const [root, runs, file] = [join(path, 'root'), join(path, 'run'), join(path, 'file')];
  await writeFile(file, '');
  t.after(async () => {
    await removeInstance(instanceOf(root, runs));
    await rm(path, { recursive: true });
  });
  return { path, root, runs, file };
}

function refused({ code, stderr }: RunResult, message: RegExp): void {
  assert.equal(code, 1, stderr);
  assert.match(stderr, message);
  assert.match(stderr, /\n {2}hint: /);
  assert.doesNotMatch(stderr, /unexpected error|please report| {4}at /);
}

test('folders that cannot be used are refused by name, with what to do', async (t) => {
  const { root, runs, file, path } = await scratch(t);
  refused(
    await start({ BERTH_ROOT: file, BERTH_RUN: runs }),
    /^berth: the root folder '.*\/file' cannot be used: /,
  );
  refused(
    await start({ BERTH_ROOT: root, BERTH_RUN: file }),
    /^berth: cannot listen on the socket '.*\/file\/berth.sock': /,
  );
  for (const name of ['BERTH_ROOT', 'BERTH_RUN']) {
    const { code, stderr } = await start({ BERTH_ROOT: root, BERTH_RUN: runs, [name]: `${path}/a:b` });
    assert.equal(code, 1);
    assert.equal(stderr, `berth: environment ${name}: "${path}/a:b" is not a path without ':'\n`);
  }
  const long = join(path, 'x'.repeat(100));
  refused(await start({ BERTH_ROOT: root, BERTH_RUN: long }), /its path has \d+ bytes, 99 are possible\n/);
  await writeFile(join(path, 'compose.yaml'), 'services: { one: { image: busybox } }');
  const up = await berth(['up', path], { BERTH_ROOT: file, BERTH_RUN: runs });
  refused(up, /^berth: the daemon's log '.*\/file\/daemon.log' cannot be written: /);
});

test('a state that is no database is refused and stays as it is', async (t) => {
  const { root, runs } = await scratch(t);
  const text = 'no database, but long enough to hold the header of one; '.repeat(20);
  await mkdir(root);
  await writeFile(join(root, 'state.db'), text);
  const { code, stderr } = await start({ BERTH_ROOT: root, BERTH_RUN: runs });
  refused(
    { code, stderr, stdout: '' },
    /^berth: the state '.*\/root\/state.db' cannot be read: file is not a database\n/,
  );
  assert.equal(await readFile(join(root, 'state.db'), 'utf8'), text);
  // What earlier daemons logged is not this one's reason.
  await writeFile(
    join(root, 'daemon.log'),
    '{"level":50,"err":{"stack":"Error\\n    at old"},"msg":"old"}\nold words\n',
  );
  await writeFile(join(root, 'compose.yaml'), 'services: { one: { image: busybox } }');
  const up = await berth(['up', root], { BERTH_ROOT: root, BERTH_RUN: runs });
  refused(
    up,
    /did not become ready on unix:.*:\nberth: the state '.*state.db' cannot be read: file is not a database\n/,
  );
  assert.doesNotMatch(up.stderr, /old words|at old/);
});

test('a TCP address that is taken is refused by name', async (t) => {
  const { root, runs } = await scratch(t);
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  t.after(() => other.close());
  const address = other.address();
  assert.ok(typeof address === 'object' && address !== null);
  refused(
    await start({ BERTH_ROOT: root, BERTH_RUN: runs, BERTH_HOST: `tcp://127.0.0.1:${address.port}` }),
    /^berth: cannot listen on 127\.0\.0\.1, port \d+: /,
  );
});

test('the pid file says which process the daemon is, as long as it runs', async () => {
  await using daemon = await startDaemon();
  const path = join(daemon.run, 'daemon.pid');
  assert.equal(await readFile(path, 'utf8'), `${daemon.pid}\n`);
  await daemon.kill9();
  await daemon.start();
  assert.equal(await readFile(path, 'utf8'), `${daemon.pid}\n`);
  await daemon.stop();
  await assert.rejects(access(path), { code: 'ENOENT' });
});

test('a user without privileges is told what needs root, and why the socket does not answer', async () => {
  await using daemon = await startDaemon();
  const asNobody = (...args: string[]): Promise<RunResult> =>
    run('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, program, ...args], {
      environment: { ...daemon.environment, BERTH_CONFIG: '/dev/null', HOME: '/' },
    });
  refused(await asNobody('daemon'), /^berth: the daemon needs root: /);
  await writeFile(join(daemon.folder, 'compose.yaml'), 'services: { one: { image: busybox } }');
  for (const command of [['ps'], ['up', daemon.folder]])
    refused(
      await asNobody(...command),
      /^berth: this user may not use the daemon's socket unix:\/\/.*\n.*hint: .*use sudo/,
    );
  const version = await asNobody('version');
  assert.equal(version.code, 0, version.stderr);
});
