import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it, type TestContext } from 'node:test';
import { addressOf, serveRegistry, type BuiltIn } from '../support/built-in-registry.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { run, type RunResult } from '../support/docker.ts';
import { freePort } from '../support/free-port.ts';

const password = 'a long password';

/** A program that runs beside a test; until it has written a line. */
async function background(t: TestContext, program: string, words: string[], ready: string): Promise<void> {
  const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  const lines: string[] = [];
  const closed = once(child, 'close');
  await new Promise<void>((resolve, reject) => {
    createInterface(child.stderr).on('line', (line) => {
      lines.push(line);
      if (line.includes(ready)) resolve();
    });
    child.once('error', reject);
    child.once('close', () => reject(new Error(`${program} ended:\n${lines.join('\n')}`)));
  });
  t.after(async () => {
    child.kill();
    await closed;
  });
}

function succeeded({ code, stdout, stderr }: RunResult): string {
  assert.equal(code, 0, `${stderr}${stdout}`);
  return stdout;
}

function refused({ code, stdout, stderr }: RunResult): string {
  assert.notEqual(code, 0, stdout);
  return stderr;
}

describe('other engines pull through the registry, by TLS of a private authority and with tokens', () => {
  let upstream: TestDaemon;
  let origin: BuiltIn;
  let daemon: TestDaemon;
  let host: string;
  let folder: string;
  before(async () => {
    [upstream, daemon] = await Promise.all([startDaemon(), startDaemon()]);
    folder = daemon.folder;
    origin = await serveRegistry(upstream);
    await upstream.loadBusybox();
    for (const name of ['library/box:1', 'team/app:1']) {
      await upstream.ok('tag', 'busybox', `${origin.host}/${name}`);
      await upstream.ok('push', `${origin.host}/${name}`);
    }
    const add = ['registry', 'users', 'add', 'ci', '--grant', 'hub/**=pull'];
    await daemon.berthOk(...add, { input: `${password}\n` });
    await daemon.berthOk('registry', 'users', 'grant', 'anonymous', 'library/**', 'pull');
    await daemon.berthOk('registry', 'mirrors', 'add', 'hub', origin.host);
    await daemon.berthOk('registry', 'mirrors', 'add', 'library', `${origin.host}/library`);
    await daemon.berthOk('registry', 'start', '--address', '127.0.0.1:0', '--tls', 'local');
    host = await addressOf(daemon);
    await mkdir(join(folder, 'certs', host), { recursive: true });
    await writeFile(join(folder, 'certs', host, 'ca.crt'), await daemon.berthOk('registry', 'ca'));
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  });

  it('podman, told by registries.conf', async () => {
    const [conf, auth] = [join(folder, 'registries.conf'), join(folder, 'auth.json')];
    const mirror = (location: string, prefix: string): string =>
      `[[registry]]\nlocation = "${location}"\n[[registry.mirror]]\nlocation = "${host}${prefix}"\n`;
    await writeFile(conf, mirror('docker.io', '') + mirror('quay.example', '/hub'));
    await writeFile(auth, '{}');
    const environment = { CONTAINERS_REGISTRIES_CONF: conf, REGISTRY_AUTH_FILE: auth };
    const store = ['--root', join(folder, 'podman'), '--runroot', join(folder, 'podman-run')];
    const certs = ['--cert-dir', join(folder, 'certs', host)];
    const podman = (words: string[], input = ''): Promise<RunResult> =>
      run('podman', [...store, '--storage-driver', 'vfs', ...words], { environment, input });
    succeeded(await podman(['pull', '-q', ...certs, 'docker.io/library/box:1']));
    assert.match(refused(await podman(['pull', '-q', ...certs, 'quay.example/team/app:1'])), /needs a login/);
    succeeded(await podman(['login', '-u', 'ci', '--password-stdin', ...certs, host], password));
    succeeded(await podman(['pull', '-q', ...certs, 'quay.example/team/app:1']));
    succeeded(await podman(['rmi', '-af']));
  });

  it('containerd, told by hosts.toml', async (t) => {
    const root = join(folder, 'containerd');
    const hosts = join(root, 'hosts', origin.host);
    await mkdir(hosts, { recursive: true });
    const ca = join(folder, 'certs', host, 'ca.crt');
    // What is not to be had from the mirror is nowhere.
    const away = `server = "http://127.0.0.1:${await freePort()}"\n`;
    const mirror = `[host."https://${host}"]\ncapabilities = ["pull", "resolve"]\nca = "${ca}"\n`;
    await writeFile(join(hosts, 'hosts.toml'), away + mirror);
    const places = `root = "${join(root, 'root')}"\nstate = "${join(root, 'state')}"\n`;
    const rest = `disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "${join(root, 's')}"\n`;
    await writeFile(join(root, 'config.toml'), `version = 2\n${places}${rest}`);
    await background(t, 'containerd', ['-c', join(root, 'config.toml')], 'containerd successfully booted');
    const pull = (...words: string[]): Promise<RunResult> => {
      const to = ['-a', join(root, 's'), '-n', 'test', 'image', 'pull', '--snapshotter', 'native'];
      return run('ctr', [...to, '--hosts-dir', join(root, 'hosts'), ...words, `${origin.host}/team/app:1`]);
    };
    assert.match(refused(await pull()), /insufficient_scope/);
    succeeded(await pull('-u', `ci:${password}`));
  });

  it('dockerd, told by registry-mirrors, also when the upstream is gone', async (t) => {
    const root = join(folder, 'dockerd');
    const etc = join(root, 'etc');
    await cp(join(folder, 'certs'), join(etc, 'certs.d'), { recursive: true });
    const socket = `unix://${join(root, 's')}`;
    const places = ['--data-root', join(root, 'data'), '--exec-root', join(root, 'exec'), '-H', socket];
    const alone = ['--bridge=none', '--iptables=false', '--ip-masq=false', '--ip-forward=false'];
    const words = [...places, ...alone, '--pidfile', join(root, 'pid'), '--storage-driver', 'vfs'];
    await mkdir('/etc/docker', { recursive: true });
    const inside = 'mount --bind "$1" /etc/docker && shift && exec "$@"';
    const program = process.env['DOCKERD'] ?? 'dockerd';
    await background(
      t,
      'unshare',
      ['-m', 'sh', '-c', inside, 'sh', etc, program, ...words, '--registry-mirror', `https://${host}`],
      'API listen on',
    );
    const environment = { DOCKER_HOST: socket, DOCKER_CONFIG: join(root, 'client') };
    const docker = (command: string[], input = ''): Promise<RunResult> =>
      run('docker', command, { environment, input });
    succeeded(await docker(['pull', 'box:1']));
    const app = `${host}/hub/team/app:1`;
    assert.match(refused(await docker(['pull', app])), /pull access denied for .*may require 'docker login'/);
    succeeded(await docker(['login', '-u', 'ci', '--password-stdin', host], password));
    succeeded(await docker(['pull', app]));
    assert.match(refused(await docker(['pull', `${host}/other/app:1`])), /no right to pull on 'other\/app'/);
    succeeded(await docker(['rmi', '-f', app, 'box:1']));
    await upstream.stop();
    for (const name of [app, 'box:1']) succeeded(await docker(['pull', name]));
  });
});
