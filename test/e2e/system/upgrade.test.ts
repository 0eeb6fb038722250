import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { leaksOf } from '../../support/leaks.ts';
import { stallingRegistry } from '../../support/stalling-registry.ts';

const checkout = new URL('../../../', import.meta.url).pathname;

/** A checkout of another version; gives its launcher. */
async function nextVersion(t: TestContext): Promise<string> {
  const folder = await mkdtemp('/var/tmp/b-next-');
  t.after(() => rm(folder, { recursive: true }));
  for (const name of ['berth', 'scripts', 'src', 'package-lock.json'])
    await cp(join(checkout, name), join(folder, name), { recursive: true });
  await symlink(join(checkout, 'node_modules'), join(folder, 'node_modules'));
  const manifest = await readFile(join(checkout, 'package.json'), 'utf8');
  await writeFile(
    join(folder, 'package.json'),
    manifest.replace(/"version": "[^"]+"/, '"version": "99.1.0"'),
  );
  return join(folder, 'berth');
}

const lines = 80;
const counting = (condition: string): string =>
  `i=0; while ${condition}; do echo line $i; i=$((i+1)); sleep 0.05; done; exit 9`;
/** The first goes on until it is told; the others end on their way. */
const counters = {
  one: counting('[ ! -e /stop ]'),
  two: counting(`[ $i -lt ${lines} ]`),
  three: counting(`[ $i -lt ${lines} ]`),
};

async function putToWork(daemon: TestDaemon): Promise<void> {
  await mkdir(join(daemon.folder, 'context'));
  await writeFile(
    join(daemon.folder, 'context', 'Dockerfile'),
    'FROM busybox\nRUN echo begun && sleep 1000\n',
  );
  await daemon.loadBusybox();
  for (const [name, count] of Object.entries(counters))
    await daemon.ok('run', '-d', '--name', name, '--network', 'none', 'busybox', 'sh', '-c', count);
  await daemon.ok(
    ...['run', '-d', '--name', 'checked', '--restart', 'always', '--health-cmd', 'test -e /ok'],
    ...['--health-interval', '100ms', '--health-retries', '1', 'busybox', 'sh', '-c', 'sleep 1000'],
  );
}

for (const how of ['kill9', 'stop'] as const)
  test(`a newer version takes over from one that ends by ${how}, in the middle of everything`, async (t) => {
    const launcher = await nextVersion(t);
    await using daemon = await startDaemon();
    await putToWork(daemon);
    const pid = await daemon.ok('inspect', '-f', '{{.State.Pid}}', 'checked');
    await using registry = await stallingRegistry();
    const clients = [
      begin(daemon, 'attach', 'one'),
      begin(daemon, 'exec', 'checked', 'sh', '-c', 'echo begun; sleep 1000'),
      begin(daemon, 'build', join(daemon.folder, 'context')),
      begin(daemon, 'pull', `${registry.host}/image:latest`),
    ];
    await Promise.all([...clients.map(({ spoke }) => spoke), registry.stalled]);
    await daemon[how]();
    const codes = await Promise.all(clients.map(({ ended }) => ended));
    assert.ok(
      codes.slice(1).every((code) => code !== 0),
      codes.join(),
    );
    registry.goOn();
    await daemon.start(launcher);

    assert.equal(await daemon.ok('version', '-f', '{{.Server.Version}}'), '99.1.0');
    assert.equal(await daemon.ok('inspect', '-f', '{{.State.Pid}}', 'checked'), pid);
    await daemon.ok('exec', 'one', 'touch', '/stop');
    for (const name of Object.keys(counters)) {
      assert.equal(await daemon.ok('wait', name), '9');
      const logged = (await daemon.ok('logs', name)).split('\n');
      assert.ok(name === 'one' || logged.length === lines, `${name}: ${logged.length} lines`);
      assert.deepEqual(
        logged,
        logged.map((_, line) => `line ${line}`),
      );
    }
    await daemon.ok('exec', 'checked', 'touch', '/ok');
    while ((await daemon.ok('inspect', '-f', '{{.State.Health.Status}}', 'checked')) !== 'healthy');
    await daemon.ok('pull', `${registry.host}/image:latest`);
    await writeFile(join(daemon.folder, 'context', 'Dockerfile'), 'FROM busybox\nRUN echo done\n');
    await daemon.ok('build', join(daemon.folder, 'context'), classic);
    for (const name of [...Object.keys(counters), 'checked']) await daemon.ok('rm', '-f', name);
    assert.deepEqual(await leaksOf(daemon.instance, daemon.root), []);
  });

test('a daemon ends at SIGTERM although nobody reads its log any more', async () => {
  await using daemon = await startDaemon();
  await daemon.stop();
  const child = spawn(join(checkout, 'berth'), ['daemon'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...daemon.environment, BERTH_LOG_LEVEL: 'debug' },
  });
  for await (const line of createInterface(child.stderr)) if (line.includes('"msg":"ready"')) break;
  child.stderr.destroy();
  const ended = once(child, 'exit');
  child.kill();
  assert.deepEqual(await ended, [0, null]);
});

const classic = { environment: { DOCKER_BUILDKIT: '0' } };

/** A client that goes on; `spoke` resolves when it printed a line, of a build the one of its step. */
function begin(daemon: TestDaemon, ...args: string[]): { spoke: Promise<void>; ended: Promise<number> } {
  const environment = { ...process.env, ...daemon.environment, ...classic.environment };
  const child = spawn('docker', args, { stdio: ['ignore', 'pipe', 'ignore'], env: environment });
  const ended = once(child, 'close').then(() => child.exitCode ?? 128);
  const spoke = new Promise<void>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      if (args[0] !== 'build' || line === 'begun') resolve();
    });
    void ended.then((code) => reject(new Error(`docker ${args.join(' ')} ended with ${code}`)));
  });
  return { spoke, ended };
}
