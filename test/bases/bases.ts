import assert from 'node:assert/strict';
import { test } from 'node:test';
import { catalogue, type CatalogueEntry } from '#domain/base/recipes/catalogue.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { further } from './further.ts';

// npm run test:bases: makes every image of the catalogue from the host's mirror and runs what it is for. BASES names some of
// them, SUITE another suite than bookworm.

const suite = process.env['SUITE'] ?? 'bookworm';
const chosen = process.env['BASES']?.split(',');
const entries = catalogue.filter(({ name }) => chosen === undefined || chosen.includes(name));

test('every image of the catalogue is made and runs, not as root', async (t) => {
  await using daemon = await startDaemon();
  for (const entry of entries)
    await t.test(`${entry.name}: ${entry.summary}`, async (one) => {
      const image = `debian.berth/${entry.name}:${suite}`;
      await daemon.ok('pull', image);
      await showAndCheckUser(daemon, image);
      assert.match(await proofOf(daemon, entry, image), entry.proof.prints);
      const verified = await daemon.berth('base', 'verify', image);
      assert.equal(verified.code, 0, verified.stderr);
      for (const [title, check] of Object.entries(further[entry.name] ?? {}))
        await one.test(title, () => check({ daemon, image, suite }));
    });
  await t.test('none of them is outdated', async () => {
    const { code, stdout, stderr } = await daemon.berth('base', 'outdated');
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^Nothing is outdated/);
  });
});

async function showAndCheckUser(daemon: TestDaemon, image: string): Promise<void> {
  const format = '{{.Size}} {{.Config.User}} {{index .Config.Labels "org.opencontainers.image.version"}}';
  const [size, user = '', version = ''] = (
    await daemon.ok('image', 'inspect', image, '--format', format)
  ).split(' ');
  console.log(`${image}: ${(Number(size) / 1e6).toFixed(1)} MB, version ${version}, user ${user}`);
  assert.notEqual(user, '');
  assert.notEqual(user, 'root');
}

async function proofOf(daemon: TestDaemon, { name, proof }: CatalogueEntry, image: string): Promise<string> {
  if (name === 'static') return '';
  const { code, stdout, stderr } = await daemon.docker(
    'run',
    '--rm',
    '--network',
    'none',
    image,
    ...proof.command,
  );
  assert.equal(code, 0, stderr);
  return (stdout + stderr).trim();
}
