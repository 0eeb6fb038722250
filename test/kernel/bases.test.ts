import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { Mmdebstrap } from '#adapters/mmdebstrap/mmdebstrap.ts';
import { BerthError } from '#base/errors.ts';
import { contentsOf } from '#domain/base/contents.ts';
import type { BootstrapPlan, BootstrapRequest } from '#ports/bootstrapper.ts';

const exec = promisify(execFile);
const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';

function request(packages: string[], more: Partial<BootstrapRequest> = {}): BootstrapRequest {
  const signal = new AbortController().signal;
  const contents = contentsOf({ packages });
  return { contents, suite: 'bookworm', architecture, onProgress: () => undefined, signal, ...more };
}

async function scratch(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'berth-bases-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** Builds, stores the tar as a file and gives its digest. */
async function build(
  maker: Mmdebstrap,
  wanted: BootstrapRequest,
  to: string,
): Promise<{ plan: BootstrapPlan; digest: string }> {
  const plan = await maker.plan(wanted);
  await pipeline(await maker.build(wanted, plan), createWriteStream(to));
  return { plan, digest: createHash('sha256').update(readFileSync(to)).digest('hex') };
}

async function unpackTar(tar: string, into: string): Promise<string> {
  await mkdir(into);
  await exec('tar', ['-C', into, '--numeric-owner', '-xpf', tar]);
  return into;
}

/** Runs a command in the tree as one of its own users, without a network. */
async function inside(root: string, user: string, script: string): Promise<string> {
  const { stdout } = await exec('unshare', ['-n', 'chroot', `--userspec=${user}`, root, 'sh', '-c', script], {
    env: { PATH: '/usr/sbin:/usr/bin', HOME: '/tmp', LC_ALL: 'C.UTF-8' },
  });
  return stdout.trim();
}

test('a service image is the same bytes from two makers, holds what it needs and nothing of this machine', async (t) => {
  const dir = await scratch(t);
  const [one, two] = [new Mmdebstrap({ root: join(dir, 'one') }), new Mmdebstrap({ root: join(dir, 'two') })];
  const wanted = request(['redis-server', 'ca-certificates']);
  const first = await build(one, wanted, join(dir, '1.tar'));
  const second = await build(two, request(['ca-certificates', 'redis-server']), join(dir, '2.tar'));
  assert.deepEqual(second.plan, first.plan);
  assert.equal(second.digest, first.digest);
  assert.deepEqual(await readdir(join(dir, 'one/scratch')), [], 'trees are removed when the tar is read');

  const root = await unpackTar(join(dir, '1.tar'), join(dir, 'root'));
  const installed = [
    ...readFileSync(join(root, 'var/lib/dpkg/status'), 'utf8').matchAll(/^Package: (.*)$/gm),
  ];
  assert.deepEqual(
    installed.map(([, name]) => name),
    first.plan.packages.map(({ name }) => name),
  );
  for (const path of [
    'usr/bin/apt-get',
    'usr/bin/dpkg',
    'usr/bin/perl',
    'etc/resolv.conf',
    'var/lib/apt',
    'usr/share/man/man1',
  ])
    assert.equal(existsSync(join(root, path)), false, path);
  assert.equal(readFileSync(join(root, 'etc/machine-id'), 'utf8'), '');
  assert.match(readFileSync(join(root, 'etc/os-release'), 'utf8'), /VERSION_CODENAME=bookworm/);
  const bundle = readFileSync(join(root, 'etc/ssl/certs/ca-certificates.crt'), 'utf8');
  assert.ok(bundle.split('-----END CERTIFICATE-----\n').length > 100);

  assert.equal(
    await inside(root, 'redis', 'id -un; id -gn; pwd -P | awk "{print length}"'),
    'redis\nredis\n1',
  );
  assert.equal(
    await inside(root, 'redis', 'touch /tmp/a /var/tmp/b /var/lib/redis/c && ls -L /var/run'),
    'lock',
  );
  const server = 'redis-server --port 0 --unixsocket /tmp/s --daemonize yes --dir /var/lib/redis >/tmp/log';
  const ask =
    'until redis-cli -s /tmp/s set k v 2>/tmp/err; do sleep 0.05; done; redis-cli -s /tmp/s get k; redis-cli -s /tmp/s shutdown nosave';
  assert.equal(await inside(root, 'redis', `${server}; ${ask}`), 'OK\nv');
});

test('interpreters and a web server run as the user of their image', async (t) => {
  const dir = await scratch(t);
  const maker = new Mmdebstrap({ root: join(dir, 'state') });
  await build(maker, request(['nodejs', 'nginx']), join(dir, 'image.tar'));
  const root = await unpackTar(join(dir, 'image.tar'), join(dir, 'root'));
  assert.equal(
    await inside(
      root,
      'app',
      `node -p '[process.getuid(), "é".length, Intl.DateTimeFormat("de").format(0)]'`,
    ),
    "[ 1000, 1, '1.1.1970' ]",
  );
  assert.equal(
    await inside(
      root,
      'www-data',
      'readlink /var/log/nginx/error.log; test -w /run/nginx.pid && echo writable',
    ),
    '/dev/stderr\nwritable',
  );
  assert.match(await inside(root, 'root', 'ldconfig -p | head -1'), /libs found/);
});

test('a package, a suite and a mirror that are not there are named, and leave nothing', async (t) => {
  const dir = await scratch(t);
  const maker = new Mmdebstrap({ root: dir });
  const fails = async (
    wanted: BootstrapRequest,
    code: string,
    message: RegExp,
    by = maker,
  ): Promise<void> => {
    await assert.rejects(by.plan(wanted), (error) => {
      assert.ok(error instanceof BerthError);
      assert.equal(error.code, code);
      assert.match(error.message, message);
      return true;
    });
  };
  await fails(
    request(['redis-sever']),
    'package-unknown',
    /no package 'redis-sever'; did you mean 'redis-server'\?/,
  );
  await fails(request([], { suite: 'nosuchsuite' }), 'suite-unknown', /suite 'nosuchsuite'/);
  assert.deepEqual(await readdir(join(dir, 'apt')), [`bookworm-${architecture}`]);
  const nowhere = new Mmdebstrap({
    root: join(dir, 'other'),
    mirror: { archive: 'http://127.0.0.1:1/debian', keyring: '', timeout: 30 },
  });
  await fails(request([]), 'mirror-unreachable', /127\.0\.0\.1:1/, nowhere);
});

test('a build that is cancelled leaves no tree, and a start removes what a crash left', async (t) => {
  const dir = await scratch(t);
  const maker = new Mmdebstrap({ root: dir });
  const cancel = new AbortController();
  const wanted = request(['tar'], {
    signal: cancel.signal,
    onProgress: (line) => line.startsWith('Unpacking') && cancel.abort(),
  });
  const plan = await maker.plan(wanted);
  await assert.rejects(maker.build(wanted, plan), { name: 'AbortError' });
  assert.deepEqual(await readdir(join(dir, 'scratch')), []);
  await mkdir(join(dir, 'scratch/tree-left/root'), { recursive: true });
  await maker.start();
  assert.equal(existsSync(join(dir, 'scratch')), false);
});

/** Makes an image in a process of its own, which says when it unpacks. */
const maker = `
import { Mmdebstrap } from '#adapters/mmdebstrap/mmdebstrap.ts';
import { contentsOf } from '#domain/base/contents.ts';
const [root, architecture] = process.argv.slice(1);
const request = { contents: contentsOf({ packages: ['nodejs'] }), suite: 'bookworm', architecture, onProgress: (line) => console.log(line), signal: new AbortController().signal };
const bootstrapper = new Mmdebstrap({ root });
await bootstrapper.build(request, await bootstrapper.plan(request));
`;

async function processesBelow(folder: string): Promise<string[]> {
  const { stdout } = await exec('ps', ['-eo', 'args', 'ww']);
  return stdout.split('\n').filter((line) => line.includes(`${folder}/scratch`));
}

test('a maker that is killed takes its programs with it, and the next start frees its tree', async (t) => {
  const dir = await scratch(t);
  const child = spawn(process.execPath, ['--input-type=module', '-e', maker, dir, architecture], {
    cwd: new URL('../..', import.meta.url),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface(child.stdout)) if (line.startsWith('Unpacking')) break;
  // mmdebstrap runs as soon as its tree has a root.
  while ((await processesBelow(dir)).length === 0) assert.equal(child.exitCode, null);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const deadline = Date.now() + 5000;
  while ((await processesBelow(dir)).length > 0) assert.ok(Date.now() < deadline, 'its programs go on');
  const [tree = ''] = await readdir(join(dir, 'scratch'));
  // One of the last packages: they did not just come to their own end.
  assert.equal(existsSync(join(dir, 'scratch', tree, 'root/usr/share/doc/nodejs')), false);
  await new Mmdebstrap({ root: dir }).start();
  assert.equal(existsSync(join(dir, 'scratch')), false);
  assert.ok(!readFileSync('/proc/self/mounts', 'utf8').includes(dir));
});
