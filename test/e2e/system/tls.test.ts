import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { clientCertificate, makeCertificates } from '../../support/certificates.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import type { RunOptions, RunResult } from '../../support/docker.ts';
import { freePort } from '../../support/free-port.ts';

describe('a TCP address with client certificates', () => {
  let daemon: TestDaemon;
  let folder: string;
  let host: string;
  before(async () => {
    folder = await mkdtemp('/var/tmp/b-tls-');
    await makeCertificates(join(folder, 'good'));
    await makeCertificates(join(folder, 'other'));
    host = `tcp://127.0.0.1:${await freePort()}`;
    const file = (name: string): string => JSON.stringify(join(folder, 'good', name));
    const settings = join(folder, 'config.toml');
    await writeFile(
      settings,
      `[api]\nhosts = ["${host}"]\n[api.tls]\nca = ${file('ca.pem')}\ncert = ${file('server.pem')}\nkey = ${file('server-key.pem')}\n`,
    );
    daemon = await startDaemon({ environment: { BERTH_CONFIG: settings } });
    await daemon.loadBusybox();
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  const as = (owner: string, ...words: (string | RunOptions)[]): Promise<RunResult> =>
    daemon.docker('-H', host, ...clientCertificate(join(folder, owner)), ...words);
  const ok = async (...words: (string | RunOptions)[]): Promise<string> => {
    const { code, stdout, stderr } = await as('good', ...words);
    assert.equal(code, 0, stderr);
    return stdout;
  };

  it('runs, attaches with input, executes and follows logs over TLS; the unix socket stays', async () => {
    const input = Buffer.alloc(1_000_000, 'input\n');
    assert.equal((await ok('run', '--rm', '-i', 'busybox', 'cat', { input })).length, input.length);
    await ok('run', '-d', '--name', 'talker', 'busybox', 'sleep', '1000');
    assert.equal(await ok('exec', '-i', 'talker', 'cat', { input: 'typed' }), 'typed');
    assert.match(await daemon.ok('ps', '--format', '{{.Names}}'), /talker/);
    await daemon.ok('rm', '-f', 'talker');
    const followed = ok(
      'run',
      '--name',
      'short',
      'busybox',
      'sh',
      '-c',
      'echo a; echo b >&2; sleep 0.2; echo c',
    );
    assert.equal(await followed, 'a\nc\n');
    assert.equal(await ok('logs', '-f', 'short'), 'a\nc\n');
  });

  it('streams events as they happen', async () => {
    const child = spawn('docker', ['-H', host, ...clientCertificate(join(folder, 'good')), 'events'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...daemon.environment },
    });
    const first = once(createInterface(child.stdout), 'line').then(([line]) => String(line));
    const seen: string[] = [];
    void first.then((text) => seen.push(text));
    // The client may connect after a volume was made, so more are made until one is told of.
    for (let n = 0; seen.length === 0; n++) await daemon.ok('volume', 'create', `v${n}`);
    assert.match(await first, /volume create v\d+/);
    const ended = once(child, 'exit');
    child.kill();
    await ended;
  });

  it('refuses a certificate of another authority, none, and plain text', async () => {
    const wrong = await as('other', 'ps');
    assert.notEqual(wrong.code, 0);
    const mixed = await daemon.docker(
      ...['-H', host, '--tlsverify', '--tlscacert', join(folder, 'good', 'ca.pem')],
      ...[
        '--tlscert',
        join(folder, 'other', 'client.pem'),
        '--tlskey',
        join(folder, 'other', 'client-key.pem'),
      ],
      'ps',
    );
    assert.notEqual(mixed.code, 0);
    const none = await daemon.docker(
      '-H',
      host,
      '--tls',
      '--tlscacert',
      join(folder, 'good', 'ca.pem'),
      'ps',
    );
    assert.notEqual(none.code, 0);
    assert.notEqual((await daemon.docker('-H', host, 'ps')).code, 0);
    assert.equal((await as('good', 'ps')).code, 0);
  });

  it('is reached by the berth command with a folder of certificates, which it verifies', async () => {
    const folderOf = async (ca: string, owner: string): Promise<string> => {
      const path = await mkdtemp(join(folder, 'client-'));
      await copyFile(join(folder, ca, 'ca.pem'), join(path, 'ca.pem'));
      await copyFile(join(folder, owner, 'client.pem'), join(path, 'cert.pem'));
      await copyFile(join(folder, owner, 'client-key.pem'), join(path, 'key.pem'));
      return path;
    };
    const berth = (path: string | undefined, more: Record<string, string> = {}): Promise<RunResult> =>
      daemon.berth('ps', {
        environment: { BERTH_HOST: host, ...(path !== undefined && { BERTH_CERT_PATH: path }), ...more },
      });
    const good = await folderOf('good', 'good');
    const { code, stderr } = await berth(good);
    assert.equal(code, 0, stderr);
    const refused = async (expected: RegExp, ...how: Parameters<typeof berth>): Promise<void> => {
      const result = await berth(...how);
      assert.equal(result.code, 1);
      assert.match(result.stderr, expected);
    };
    await refused(
      /no daemon answers[^]*BERTH_CERT_PATH is not the authority/,
      await folderOf('other', 'good'),
    );
    const unverified = await berth(await folderOf('other', 'good'), { BERTH_TLS_VERIFY: '0' });
    assert.equal(unverified.code, 0, unverified.stderr);
    await refused(
      /no daemon answers[^]*did not take the client certificate/,
      await folderOf('good', 'other'),
    );
    await refused(/no daemon answers[^]*set BERTH_CERT_PATH/, undefined);
    await refused(/BERTH_CERT_PATH names no folder/, undefined, { BERTH_TLS_VERIFY: '1' });
    await rm(join(good, 'key.pem'));
    await refused(/there is no '.*key\.pem'/, good);
    await refused(/BERTH_HOST: 'tcp:\/\/x' is not/, undefined, { BERTH_HOST: 'tcp://x' });
  });

  it('names the setting whose file is missing or does not fit', async () => {
    const path = join(folder, 'wrong.toml');
    const file = (name: string): string => JSON.stringify(join(folder, name));
    const daemonWith = async (cert: string, key: string): Promise<string> => {
      await writeFile(
        path,
        `[api.tls]\nca = ${file('good/ca.pem')}\ncert = ${file(cert)}\nkey = ${file(key)}\n`,
      );
      const { code, stderr } = await daemon.berth('daemon', { environment: { BERTH_CONFIG: path } });
      assert.equal(code, 1);
      return stderr;
    };
    assert.match(
      await daemonWith('good/nosuch.pem', 'good/server-key.pem'),
      /api\.tls\.cert: the file '.*nosuch\.pem'/,
    );
    assert.match(await daemonWith('good/server.pem', 'other/server-key.pem'), /cannot be used: .*key/i);
  });
});
