import assert from 'node:assert/strict';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestDaemon } from '../support/daemon.ts';

/** An image of the catalogue that was made. */
interface Made {
  daemon: TestDaemon;
  image: string;
  suite: string;
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

/** Runs an image, with a busybox called `asks` in its network for what the image itself cannot ask. */
async function runAsked({ daemon, image, suite }: Made, name: string, ...options: string[]): Promise<void> {
  await daemon.ok('run', '-d', '--name', name, ...options, image);
  const asks = ['--name', `asks-${name}`, '--network', `container:${name}`];
  await daemon.ok('run', '-d', ...asks, `debian.berth/busybox:${suite}`, 'sleep', '600');
}

/** Waits for the image's own health check to pass. */
async function untilHealthy(daemon: TestDaemon, container: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (let status = ''; status !== 'healthy';) {
    status = await daemon.ok('inspect', '-f', '{{.State.Health.Status}}', container);
    assert.ok(status !== 'unhealthy' && Date.now() < deadline, await daemon.ok('logs', container));
  }
}

/** What else the images of the catalogue can do, by name. */
export const further: Readonly<Record<string, Record<string, (made: Made) => Promise<void>>>> = {
  static: {
    'a program that is linked statically': async ({ daemon, image }) => {
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
    'the authorities are known to Java': async ({ daemon, image }) => {
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
    'pages are served': async (made) => {
      await runAsked(made, 'web');
      await until(made.daemon, 'asks-web', 'wget', '-q', '-O', '/dev/null', 'http://127.0.0.1/');
    },
  },
  caddy: {
    'pages are served': async (made) => {
      await runAsked(made, 'caddy');
      await until(made.daemon, 'asks-caddy', 'wget', '-q', '-O', '/dev/null', 'http://127.0.0.1/');
    },
  },
  memcached: {
    'values are kept': async (made) => {
      await runAsked(made, 'memcached');
      const ask = `printf 'set k 0 0 5\\r\\nvalue\\r\\nget k\\r\\nquit\\r\\n' | nc 127.0.0.1 11211 | grep value`;
      await until(made.daemon, 'asks-memcached', 'sh', '-c', ask);
    },
  },
  ruby: {
    'gems go where the user may write': async ({ daemon, image }) => {
      const path = await daemon.ok('run', '--rm', image, 'gem', 'environment', 'gemdir');
      assert.equal(path, '/usr/local/bundle');
      await daemon.ok('run', '--rm', image, 'sh', '-c', 'test -w /usr/local/bundle && bundle version');
    },
  },
  php: {
    'pages are answered through a web server, and the health check passes': async ({
      daemon,
      image,
      suite,
    }) => {
      const build = async (name: string, dockerfile: string, file: string, text: string): Promise<void> => {
        const folder = join(daemon.folder, name);
        await mkdir(folder);
        await writeFile(join(folder, 'Dockerfile'), dockerfile);
        await writeFile(join(folder, file), text);
        await daemon.ok('build', '-t', name, folder);
      };
      await build(
        'pages',
        `FROM ${image}\nCOPY index.php .\n`,
        'index.php',
        '<?php echo 6 * 7, " ", PHP_SAPI;',
      );
      const site =
        'server { listen 80; location / { fastcgi_pass pages:9000; include fastcgi_params; fastcgi_param SCRIPT_FILENAME /var/www/html/index.php; } }\n';
      const front = `FROM debian.berth/nginx:${suite}\nCOPY site.conf /etc/nginx/conf.d/default.conf\n`;
      await build('front', front, 'site.conf', site);
      await daemon.ok('network', 'create', 'php');
      await daemon.ok('run', '-d', '--name', 'pages', '--network', 'php', 'pages');
      await untilHealthy(daemon, 'pages');
      await runAsked({ daemon, image: 'front', suite }, 'front', '--network', 'php');
      const ask = ['exec', 'asks-front', 'wget', '-q', '-O', '-', 'http://127.0.0.1/'];
      await until(daemon, 'asks-front', 'wget', '-q', '-O', '/dev/null', 'http://127.0.0.1/');
      assert.equal(await daemon.ok(...ask), '42 fpm-fcgi');
    },
  },
  mariadb: {
    'the server makes a database, lets its user in, and keeps it': async ({ daemon, image }) => {
      const password = "it's a \\ secret";
      const variables = { ROOT_PASSWORD: 'root', DATABASE: 'shop', USER: 'keeper', PASSWORD: password };
      const options = Object.entries(variables).flatMap(([name, value]) => [
        '-e',
        `MARIADB_${name}=${value}`,
      ]);
      await daemon.ok('run', '-d', '--name', 'maria', ...options, image);
      await untilHealthy(daemon, 'maria');
      const client = ['mariadb', '--host=127.0.0.1', '--user=keeper', `--password=${password}`, '-Ne'];
      const ask = (statement: string): Promise<string> =>
        daemon.ok('exec', 'maria', ...client, statement, 'shop');
      await ask('CREATE TABLE t (n INT) ENGINE=InnoDB; INSERT INTO t VALUES (42)');
      await daemon.ok('restart', 'maria');
      await untilHealthy(daemon, 'maria');
      assert.equal(await ask('SELECT n FROM t'), '42');
      const { code, stderr } = await daemon.docker(
        'exec',
        'maria',
        'mariadb',
        '--host=127.0.0.1',
        '--user=root',
      );
      assert.equal(code, 1);
      assert.match(stderr, /Access denied/);
    },
  },
  redis: {
    'the server keeps its data in /data': async ({ daemon, image }) => {
      await daemon.ok('run', '-d', '--name', 'cache', image);
      await untilHealthy(daemon, 'cache');
      await until(daemon, 'cache', 'redis-cli', 'set', 'key', 'value');
      assert.equal(await daemon.ok('exec', 'cache', 'redis-cli', 'save'), 'OK');
      await daemon.ok('exec', 'cache', 'test', '-s', '/data/dump.rdb');
    },
  },
  postgres: {
    'the server makes a cluster and answers': async ({ daemon, image }) => {
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
      await untilHealthy(daemon, 'db');
      assert.equal(await daemon.ok('exec', 'db', 'psql', '-tAc', 'select 6 * 7', 'shop'), '42');
    },
  },
  node: {
    'TLS knows authorities': async ({ daemon, image }) => {
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
