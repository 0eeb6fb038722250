import assert from 'node:assert/strict';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { catalogue, type CatalogueEntry } from '#domain/base/recipes/catalogue.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';

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
        await one.test(title, () => check(daemon, image));
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

/** Waits for a container's command to exit with 0. */
async function until(daemon: TestDaemon, container: string, ...command: string[]): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const { code, stderr } = await daemon.docker('exec', container, ...command);
    if (code === 0) return;
    assert.ok(Date.now() < deadline, `${stderr}${await daemon.ok('logs', container)}`);
  }
}

const further: Record<string, Record<string, (daemon: TestDaemon, image: string) => Promise<void>>> = {
  static: {
    'a program that is linked statically': async (daemon, image) => {
      const folder = join(daemon.folder, 'static');
      await mkdir(folder);
      await copyFile('/bin/busybox', join(folder, 'busybox'));
      await writeFile(
        join(folder, 'Dockerfile'),
        `FROM ${image}\nCOPY busybox /busybox\nENTRYPOINT ["/busybox"]\nCMD ["sh", "-c", "/busybox id -u; /busybox ls /usr/share/zoneinfo/UTC /etc/ssl/certs/ca-certificates.crt; /busybox ls /bin | /busybox wc -l"]\n`,
      );
      await daemon.ok('build', '-t', 'static-program', folder);
      assert.equal(
        await daemon.ok('run', '--rm', 'static-program'),
        '65532\n/etc/ssl/certs/ca-certificates.crt\n/usr/share/zoneinfo/UTC\n0',
      );
    },
  },
  java: {
    'the authorities are known to Java': async (daemon, image) => {
      const listed = await daemon.ok(
        'run',
        '--rm',
        image,
        'keytool',
        '-list',
        '-cacerts',
        '-storepass',
        'changeit',
      );
      assert.ok([...listed.matchAll(/trustedCertEntry/g)].length > 100, listed.slice(0, 500));
    },
  },
  nginx: {
    'pages are served': async (daemon, image) => {
      await daemon.ok('run', '-d', '--name', 'web', image);
      await daemon.ok(
        'run',
        '-d',
        '--name',
        'asks',
        '--network',
        'container:web',
        `debian.berth/busybox:${suite}`,
        'sleep',
        '600',
      );
      await until(daemon, 'asks', 'wget', '-q', '-O', '/dev/null', 'http://127.0.0.1/');
    },
  },
  redis: {
    'the server keeps its data in /data': async (daemon, image) => {
      await daemon.ok('run', '-d', '--name', 'cache', image);
      await until(daemon, 'cache', 'redis-cli', 'set', 'key', 'value');
      assert.equal(await daemon.ok('exec', 'cache', 'redis-cli', 'save'), 'OK');
      await daemon.ok('exec', 'cache', 'test', '-s', '/data/dump.rdb');
    },
  },
  postgres: {
    'the server makes a cluster and answers': async (daemon, image) => {
      await daemon.ok(
        'run',
        '-d',
        '--name',
        'db',
        '-e',
        'POSTGRES_PASSWORD=secret',
        '-e',
        'POSTGRES_DB=shop',
        image,
      );
      await until(daemon, 'db', 'pg_isready', '-q', '-h', '127.0.0.1');
      assert.equal(await daemon.ok('exec', 'db', 'psql', '-tAc', 'select 6 * 7', 'shop'), '42');
    },
  },
  node: {
    'TLS knows authorities': async (daemon, image) => {
      const count = await daemon.ok(
        'run',
        '--rm',
        image,
        'node',
        '-p',
        'require("tls").rootCertificates.length > 100',
      );
      assert.equal(count, 'true');
    },
  },
};
