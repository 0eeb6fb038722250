import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  utimes,
  watch,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { startDaemon } from '../../support/daemon.ts';
import { run } from '../../support/docker.ts';

const checkout = new URL('../../../', import.meta.url).pathname;

/** A checkout to edit, with this one's libraries. */
async function copy(
  t: TestContext,
): Promise<{ folder: string; libraries: string; bundles: string; release: string }> {
  const folder = await mkdtemp('/var/tmp/b-bundle-');
  t.after(() => rm(folder, { recursive: true }));
  const libraries = join(folder, 'node_modules');
  await mkdir(libraries);
  for (const name of ['berth', 'src', 'scripts', 'package.json', 'package-lock.json'])
    await cp(join(checkout, name), join(folder, name), { recursive: true });
  for (const name of await readdir(join(checkout, 'node_modules')))
    await symlink(join(checkout, 'node_modules', name), join(libraries, name));
  return { folder, libraries, bundles: join(folder, '.berth'), release: join(folder, 'src/main/release.ts') };
}

async function version(folder: string): Promise<{ stdout: string; stderr: string }> {
  const environment = { BERTH_DEV: '' };
  const { code, stdout, stderr } = await run(join(folder, 'berth'), ['--version'], { environment });
  assert.equal(code, 0, stderr);
  return { stdout: stdout.trim(), stderr };
}

async function edit(file: string, from: string, to: string): Promise<void> {
  const text = await readFile(file, 'utf8');
  assert.ok(text.includes(from), `${file} has no ${from}`);
  await writeFile(file, text.replace(from, to));
}

test('joined sources are what runs, and an edited source runs at once', async (t) => {
  const { folder, bundles, release } = await copy(t);
  const { stdout: before } = await version(folder);
  const [bundle = ''] = await readdir(bundles);
  await edit(join(bundles, bundle, 'berth.js'), '', "console.log('joined');");
  assert.equal((await version(folder)).stdout, `joined\n${before}`);

  for (const [from, to, shown] of [
    ['manifest.version', "'edited'", 'edited'],
    // Of the same size.
    ["'edited'", "'EDITED'", 'EDITED'],
    ["'EDITED'", 'manifest.version', before],
  ] as const) {
    await edit(release, from, to);
    assert.equal((await version(folder)).stdout, shown);
  }
});

test('what cannot be joined runs from its sources, and that is said once', async (t) => {
  const { folder, libraries } = await copy(t);
  await rm(join(libraries, 'esbuild'));
  const [first, second] = [await version(folder), await version(folder)];
  assert.match(first.stderr, /could not be joined into one file; it runs from its sources/);
  assert.equal(second.stderr, '');
  assert.equal(second.stdout, first.stdout);
});

test('what npm removes, and what the launcher forgets, is not what a running daemon loads later', async (t) => {
  const { folder, libraries, bundles, release } = await copy(t);
  await using daemon = await startDaemon();
  await daemon.stop();
  await daemon.start(join(folder, 'berth'));
  const [running = ''] = await readdir(bundles);
  await rm(libraries, { recursive: true });
  // The threads that write layers begin now.
  await daemon.loadBusybox();
  await daemon.ok('run', '--rm', 'busybox', 'true');

  await symlink(join(checkout, 'node_modules'), libraries);
  await mkdir(join(bundles, 'old'));
  for (const name of ['old', running]) await utimes(join(bundles, name), 0, 0);
  await edit(release, 'manifest.version', "'edited'");
  await version(folder);
  const left = await readdir(bundles);
  assert.equal(left.length, 2);
  assert.ok(left.includes(running), left.join());
});

test('launchers that start at once join the program once, also after one that was stopped meanwhile', async (t) => {
  const { folder, bundles } = await copy(t);
  await mkdir(bundles);
  const watching = new AbortController();
  t.after(() => watching.abort());
  const begun = watch(bundles, { signal: watching.signal })[Symbol.asyncIterator]().next();
  const stopped = spawn(join(folder, 'berth'), ['--version'], {
    detached: true,
    stdio: 'ignore',
    env: { ...process.env, BERTH_DEV: '' },
  });
  const ended = once(stopped, 'exit');
  await begun;
  process.kill(-Number(stopped.pid), 'SIGTERM');
  await ended;

  const results = await Promise.all([version(folder), version(folder)]);
  assert.deepEqual(
    results.map(({ stderr }) => stderr),
    ['', ''],
  );
  assert.match((await readdir(bundles)).join(), /^[0-9a-f]{32}$/);
});
