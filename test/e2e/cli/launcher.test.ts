import assert from 'node:assert/strict';
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { run, type RunResult } from '../../support/docker.ts';

// The launcher in a checkout of its own that holds nothing else, with an npm that packs a Node made of shell.
const launcher = new URL('../../../berth', import.meta.url).pathname;
const npmThatPacks = `#!/bin/sh
echo "$@" >>"$CALLS"
mkdir -p package/bin
printf '#!/bin/sh\\necho "packed $*"\\n' >package/bin/node
chmod +x package/bin/node
tar -czf node.tgz package
`;
const npmThatFails = `#!/bin/sh
echo 'npm error code ECONNREFUSED' >&2
echo 'npm error FetchError: request to http://registry.test failed' >&2
echo 'npm error     at ClientRequest.<anonymous> (/usr/lib/index.js:130:14)' >&2
exit 1
`;
const oldNode = '#!/bin/sh\necho v18.20.4\n';

interface Checkout {
  folder: string;
  calls: string;
  launch: (path?: string, more?: Record<string, string>) => Promise<RunResult>;
}

async function checkout(t: TestContext, programs: Record<string, string>): Promise<Checkout> {
  const folder = await mkdtemp('/var/tmp/b-');
  t.after(() => rm(folder, { recursive: true }));
  const bin = join(folder, 'bin');
  await chmod(folder, 0o755);
  await mkdir(bin);
  await copyFile(launcher, join(folder, 'berth'));
  for (const [name, text] of Object.entries(programs)) {
    await writeFile(join(bin, name), text);
    await chmod(join(bin, name), 0o755);
  }
  const calls = join(folder, 'calls');
  const environment = {
    BERTH_CACHE: join(folder, 'cache'),
    BERTH_LAUNCH: 'node',
    CALLS: calls,
    PATH: `${bin}:/usr/bin:/bin`,
  };
  const launch = (path = join(folder, 'berth'), more = {}): Promise<RunResult> =>
    run(path, ['a', 'b c'], { environment: { ...environment, ...more } });
  return { folder, calls, launch };
}

test('a host with an old Node gets one from npm, once, also when several launchers start at once', async (t) => {
  const { calls, launch } = await checkout(t, { npm: npmThatPacks, node: oldNode });
  const results = await Promise.all([launch(), launch(), launch()]);
  for (const { code, stdout, stderr } of results)
    assert.deepEqual([code, stdout], [0, 'packed a b c\n'], stderr);
  assert.match(await readFile(calls, 'utf8'), /^pack node-linux-[a-z0-9]+@26\.\d+\.\d+\n$/);
  assert.deepEqual((await launch()).stderr, '');
});

test('a link to the launcher, and a link to the link, start the same program', async (t) => {
  const { folder, launch } = await checkout(t, { npm: npmThatPacks, node: oldNode });
  await symlink('berth', join(folder, 'one'));
  await mkdir(join(folder, 'deep'));
  await symlink('../one', join(folder, 'deep/two'));
  assert.equal((await launch(join(folder, 'deep/two'))).stdout, 'packed a b c\n');
});

test('an npm that fails is quoted without its stack trace, and nothing is left in the cache', async (t) => {
  const { folder, launch } = await checkout(t, { npm: npmThatFails, node: oldNode });
  const { code, stderr } = await launch();
  assert.equal(code, 1);
  assert.match(stderr, /npm: FetchError: request to http:\/\/registry\.test failed\n/);
  assert.match(
    stderr,
    /berth: Node [\d.]+ could not be fetched from the npm registry\.\n +Check the network/,
  );
  assert.doesNotMatch(stderr, / at /);
  assert.deepEqual(await readdir(join(folder, 'cache')), ['.fetch.lock']);
});

test('a checkout and a cache that cannot be written are told in words', async (t) => {
  const { folder } = await checkout(t, { npm: npmThatPacks, node: oldNode });
  const asNobody = (cache: string): Promise<RunResult> =>
    run('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', join(folder, 'berth')], {
      environment: { BERTH_CACHE: cache, CALLS: '/dev/null', PATH: `${join(folder, 'bin')}:/usr/bin:/bin` },
    });
  const cache = await asNobody(join(folder, 'cache'));
  assert.equal(cache.code, 1);
  assert.match(
    cache.stderr,
    /cannot be kept in '.*\/cache'\.\n +Set BERTH_CACHE to a folder that can be written/,
  );
  await writeFile(join(folder, 'package-lock.json'), '{}');
  await mkdir(join(folder, 'open'));
  await chmod(join(folder, 'open'), 0o777);
  const libraries = await asNobody(join(folder, 'open'));
  assert.equal(libraries.code, 1);
  assert.match(libraries.stderr, /this user cannot write in '.*'\.\n +Run \.\/berth once as a user who can/);
});

test('libraries whose installation ended half-way are installed again', async (t) => {
  const node = '#!/bin/sh\necho v26.0.0\n';
  const npm = '#!/bin/sh\necho "$@" >>"$CALLS"\n[ -e "$CALLS.fails" ] && exit 1\nmkdir -p node_modules\n';
  const { folder, calls, launch } = await checkout(t, { npm, node });
  await writeFile(join(folder, 'package-lock.json'), '{}');
  const wanted = { BERTH_DEV: '' };
  assert.equal((await launch(undefined, wanted)).code, 0);
  await writeFile(`${calls}.fails`, '');
  assert.equal((await launch(undefined, { BERTH_DEV: '1' })).code, 1);
  await rm(`${calls}.fails`);
  // What was there before was enough for this one.
  assert.equal((await launch(undefined, wanted)).code, 0);
  assert.equal((await launch(undefined, wanted)).code, 0);
  const runs = (await readFile(calls, 'utf8')).trim().split('\n');
  assert.deepEqual(
    runs.map((line) => line.includes('--omit=dev')),
    [true, false, true],
  );
});
