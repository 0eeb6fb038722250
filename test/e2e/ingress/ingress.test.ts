import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { X509LocalAuthority } from '#adapters/certificates/local-authority.ts';
import type { RouteAnswer } from '#api/types/ingress.ts';
import { startAcmeServer } from '../../support/acme-server.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import type { RunResult } from '../../support/docker.ts';
import { freePort } from '../../support/free-port.ts';
import { askHttp, offeredCertificate } from '../../support/ingress.ts';

const settings = await mkdtemp('/var/tmp/b-ingress-');
const [httpPort, httpsPort] = [await freePort(), await freePort()];
const acme = await startAcmeServer(httpPort);
await writeFile(
  join(settings, 'config.toml'),
  `[ingress]
addresses = ["127.0.0.1"]
http-port = ${httpPort}
https-port = ${httpsPort}
[ingress.acme]
directory = "${acme.directory}"
agree = true
`,
);
const daemon: TestDaemon = await startDaemon({
  environment: { BERTH_CONFIG: join(settings, 'config.toml') },
});
before(() => daemon.loadBusybox());
after(async () => {
  await daemon[Symbol.asyncDispose]();
  await acme[Symbol.asyncDispose]();
  await rm(settings, { recursive: true });
});

/** An app whose service answers with its container's name. */
async function project(app: string, entries: string[], scale = 1): Promise<string> {
  const folder = join(daemon.folder, 'projects', app);
  await mkdir(folder, { recursive: true });
  const text = `
services:
  web:
    image: busybox
    command: [sh, -c, 'mkdir /w; hostname > /w/index.html; exec httpd -f -p 8080 -h /w']
    expose: ["8080"]
    stop_grace_period: 0s
    scale: ${scale}
    x-berth: { ingress: [${entries.join(', ')}] }
`;
  await writeFile(join(folder, 'compose.yaml'), text);
  return folder;
}

async function up(folder: string): Promise<void> {
  const { code, stderr } = await daemon.berth('up', '--yes', folder);
  assert.equal(code, 0, stderr);
}

async function routes(): Promise<RouteAnswer[]> {
  const parse: (text: string) => RouteAnswer[] = JSON.parse;
  return parse((await daemon.berth('ingress', 'ls', '--json')).stdout);
}

const pidFile = join(daemon.run, 'haproxy/pid');

test('an app is served by its host, scaled without a reload, and by the same process after kill -9 of the daemon', async () => {
  const one = ['{ host: shop.test }'];
  await up(await project('shop', one));
  const master = await readFile(pidFile, 'utf8');
  const names = async (): Promise<number> => {
    const found = new Set<string>();
    for (let i = 0; i < 12; i += 1) {
      const { status, text } = await askHttp(httpPort, { host: 'shop.test' });
      assert.equal(status, 200, text);
      found.add(text);
    }
    return found.size;
  };
  assert.equal(await names(), 1);
  const config = await readFile(join(daemon.run, 'haproxy/haproxy.cfg'), 'utf8');
  await up(await project('shop', one, 3));
  assert.equal(await names(), 3);
  await daemon.kill9();
  assert.equal(await names(), 3);
  await daemon.start();
  assert.equal(await names(), 3);
  assert.equal((await routes())[0]?.ready, 3);
  await up(await project('shop', one, 1));
  assert.equal(await names(), 1);
  assert.equal(await readFile(pidFile, 'utf8'), master);
  // A reload would have written the servers of its moment into it.
  assert.equal(await readFile(join(daemon.run, 'haproxy/haproxy.cfg'), 'utf8'), config);
});

test('a contradiction with another app is refused before anything changes', async () => {
  const { code, stderr } = await daemon.berth('up', '--yes', await project('thief', ['{ host: shop.test }']));
  assert.equal(code, 1);
  assert.match(
    stderr,
    /two services want the requests for 'shop\.test', path '\/', port \d+: shop\/web \(compose\.yaml:\d+\) and thief\/web \(compose\.yaml:\d+\)/,
  );
  assert.equal(await daemon.ok('ps', '-aq', '--filter', 'label=com.docker.compose.project=thief'), '');
  assert.equal((await askHttp(httpPort, { host: 'shop.test' })).status, 200);
});

const offered = (host: string): Promise<{ issuer: string; serial: string }> =>
  offeredCertificate(httpsPort, host);

async function eventually<T>(look: () => Promise<T>, wanted: (value: T) => boolean): Promise<T> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const value = await look();
    if (wanted(value)) return value;
    assert.ok(Date.now() < deadline, `${JSON.stringify(value)}\n${acme.refused.join('\n')}\n${daemon.log}`);
    await setTimeout(50);
  }
}

test('a certificate in secrets is rotated in the running process, and a key of another one is refused', async () => {
  const local = new X509LocalAuthority();
  const authority = await local.create(Date.now());
  const folder = await project('own', ['{ host: own.test, tls: { certificate: chain, key: private } }']);
  const compose = await readFile(join(folder, 'compose.yaml'), 'utf8');
  const secrets = 'secrets: { chain: { file: chain.pem }, private: { external: true } }';
  await writeFile(join(folder, 'compose.yaml'), `${secrets}\n${compose}`);
  const bring = async (hosts: string, part: 'chain' | 'both'): Promise<RunResult> => {
    const { pem } = await local.issue(authority, hosts, Date.now());
    const at = pem.indexOf('-----BEGIN PRIVATE KEY-----');
    await writeFile(join(folder, 'chain.pem'), pem.slice(0, at));
    await writeFile(join(folder, 'key.pem'), pem.slice(at));
    if (part === 'both')
      await daemon.berth('secret', 'set', 'private', '--from-file', join(folder, 'key.pem'));
    return daemon.berth('up', '--yes', folder);
  };
  assert.equal((await bring('own.test', 'both')).code, 0);
  const first = await offered('own.test');
  const containers = await daemon.ok('ps', '-q', '--no-trunc');
  const before = [
    await readFile(pidFile, 'utf8'),
    await readFile(join(daemon.run, 'haproxy/haproxy.cfg'), 'utf8'),
  ];
  const other = await bring('own.test', 'chain');
  assert.equal(other.code, 1);
  assert.match(
    other.stderr,
    /the key in the secret 'private' does not belong to the certificate in the secret 'chain'/,
  );
  assert.deepEqual(await offered('own.test'), first);
  assert.equal((await bring('own.test', 'both')).code, 0);
  assert.notEqual((await offered('own.test')).serial, first.serial);
  const strange = await bring('strange.test', 'both');
  assert.match(
    strange.stdout + strange.stderr,
    /clients will refuse the certificate of own.test: it is for strange.test, not for own.test/,
  );
  const after = [
    await readFile(pidFile, 'utf8'),
    await readFile(join(daemon.run, 'haproxy/haproxy.cfg'), 'utf8'),
  ];
  assert.deepEqual(after, before, 'no reload');
  assert.equal(await daemon.ok('ps', '-q', '--no-trunc'), containers, 'no container is touched');
  const route = (await routes()).find(({ host }) => host === 'own.test');
  assert.equal(route?.certificate?.problem, 'it is for strange.test, not for own.test');
  assert.equal((await daemon.berth('down', folder)).code, 0);
});

test('certificates come from an authority that checks the host, are renewed, and outlive the daemon', async () => {
  acme.lifetime = 6;
  await up(await project('safe', ['{ host: safe.test, tls: acme }']));
  const first = await eventually(
    () => offered('safe.test'),
    ({ issuer }) => issuer === 'Test authority',
  );
  acme.lifetime = 3600;
  const second = await eventually(
    () => offered('safe.test'),
    ({ serial }) => serial !== first.serial,
  );
  assert.equal(second.issuer, 'Test authority');
  assert.deepEqual(new Set(acme.issued), new Set(['safe.test']));
  assert.deepEqual(acme.refused, []);
  const asked = acme.issued.length;
  await daemon.kill9();
  assert.deepEqual(await offered('safe.test'), second);
  await daemon.start();
  assert.deepEqual(await offered('safe.test'), second);
  assert.equal(acme.issued.length, asked);
  const safe = (await routes()).find(({ app }) => app === 'safe');
  assert.equal(safe?.certificate?.issuer, 'Test authority');
  assert.equal(safe.certificate.isStandIn, false);
});

test('no private key is in the state in clear; while a passphrase locks them, HAProxy goes on with what it has', async () => {
  for (const name of await readdir(daemon.root))
    if (name.startsWith('state.db'))
      assert.doesNotMatch(await readFile(join(daemon.root, name), 'latin1'), /PRIVATE KEY/, name);
  const words = join(settings, 'passphrase');
  await writeFile(words, 'correct horse\n');
  const problem = async (): Promise<string> =>
    (await routes()).find(({ app }) => app === 'safe')?.certificate?.problem ?? '';
  const before = await offered('safe.test');
  await daemon.berth('secret', 'rotate-key', '--passphrase-file', words);
  await daemon.kill9();
  await daemon.start();
  assert.match(await problem(), /the secrets are locked/);
  assert.deepEqual(await offered('safe.test'), before);
  const asked = acme.issued.length;
  assert.equal((await daemon.berth('secret', 'unlock', '--passphrase-file', words)).code, 0);
  await eventually(problem, (text) => text === '');
  assert.deepEqual(await offered('safe.test'), before);
  assert.equal(acme.issued.length, asked);
});

test('HAProxy ends with the last app that has ingress', async () => {
  for (const app of ['shop', 'safe']) {
    const { code, stderr } = await daemon.berth('down', app);
    assert.equal(code, 0, stderr);
  }
  await assert.rejects(askHttp(httpPort, { host: 'shop.test' }), /ECONNREFUSED/);
  assert.deepEqual(await routes(), []);
});
