import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { run } from '../../support/docker.ts';

const checkout = new URL('../../../', import.meta.url).pathname;

/** A checkout to edit, with this one's libraries. */
async function copy(t: TestContext): Promise<{ folder: string; libraries: string }> {
  const folder = await mkdtemp('/var/tmp/b-bundle-');
  t.after(() => rm(folder, { recursive: true }));
  const libraries = join(folder, 'node_modules');
  await mkdir(libraries);
  for (const name of ['berth', 'src', 'scripts', 'package.json', 'package-lock.json'])
    await cp(join(checkout, name), join(folder, name), { recursive: true });
  for (const name of await readdir(join(checkout, 'node_modules')))
    if (name !== '.berth') await symlink(join(checkout, 'node_modules', name), join(libraries, name));
  return { folder, libraries };
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
  const { folder, libraries } = await copy(t);
  const release = join(folder, 'src/main/release.ts');
  const { stdout: before } = await version(folder);
  const [bundle = ''] = await readdir(join(libraries, '.berth'));
  await edit(join(libraries, '.berth', bundle, 'berth.js'), '', "console.log('joined');");
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
