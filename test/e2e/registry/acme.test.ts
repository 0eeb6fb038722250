import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { RegistryStatusAnswer } from '#api/types/registry.ts';
import { startAcmeServer } from '../../support/acme-server.ts';
import { addressOf } from '../../support/built-in-registry.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { run } from '../../support/docker.ts';
import { freePort } from '../../support/free-port.ts';

const hosts = ['registry.test', 'images.test'];
const names = hosts.flatMap((host) => ['--name', host]);
const folder = await mkdtemp('/var/tmp/b-acme-');
const httpPort = await freePort();
const authority = await startAcmeServer(httpPort);
const config = join(folder, 'config.toml');
const settings = `[ingress]\naddresses = ["127.0.0.1"]\nhttp-port = ${httpPort}\n[ingress.acme]\n`;
await writeFile(config, `${settings}directory = "${authority.directory}"\n`);
const daemon: TestDaemon = await startDaemon({ environment: { BERTH_CONFIG: config } });
after(async () => {
  await daemon[Symbol.asyncDispose]();
  await authority[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

async function ping(host: string): Promise<string> {
  const root = join(folder, 'root.pem');
  await writeFile(root, authority.root);
  const [, port = ''] = (await addressOf(daemon)).split(':');
  const resolve = ['--resolve', `${host}:${port}:127.0.0.1`];
  const curl = ['-sS', '--max-time', '20', '--cacert', root, ...resolve, `https://${host}:${port}/v2/`];
  const { code, stdout, stderr } = await run('curl', curl);
  assert.equal(code, 0, stderr);
  return stdout;
}

const parse: (text: string) => RegistryStatusAnswer = JSON.parse;

async function status(of: TestDaemon = daemon): Promise<RegistryStatusAnswer> {
  return parse((await of.api('GET', '/berth/v1/registry')).text);
}

async function eventually(
  wanted: (status: RegistryStatusAnswer) => boolean,
  of: TestDaemon = daemon,
): Promise<RegistryStatusAnswer> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const now = await status(of);
    if (wanted(now)) return now;
    assert.ok(Date.now() < deadline, `${JSON.stringify(now)}\n${authority.refused.join('\n')}\n${of.log}`);
    await setTimeout(50);
  }
}

const start = ['registry', 'start', '--address', '127.0.0.1:0', '--tls', 'acme'];

test('the registry gets one certificate for its names by ACME, keeps it over restarts, and tells what keeps it from one', async () => {
  const nameless = await daemon.berth(...start);
  assert.match(nameless.stderr, /a certificate by ACME is for a name in the DNS/);
  const refused = await daemon.berth(...start, ...names);
  assert.match(refused.stderr, /nobody agreed to the terms/);
  await writeFile(config, `${settings}directory = "${authority.directory}"\nagree = true\n`);
  await daemon.restart();
  authority.strange.add('images.test');
  const strange = await daemon.berth(...start, ...names);
  assert.match(strange.stderr, /no certificate for registry.test, images.test.*images.test answered wrongly/);
  authority.strange.clear();
  authority.refused.length = 0;
  const { code, stdout, stderr } = await daemon.berth(...start, ...names);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /served on https:/);
  for (const host of hosts) assert.equal(await ping(host), '{}');
  assert.deepEqual(authority.issued, ['registry.test,images.test']);
  const closed = await run('curl', ['-sS', '--max-time', '5', `http://127.0.0.1:${httpPort}/`]);
  assert.match(
    closed.stderr,
    /Failed to connect|Couldn't connect|refused/,
    'only while there is something to answer',
  );
  await daemon.restart();
  assert.equal(await ping('images.test'), '{}');
  assert.equal(authority.issued.length, 1, 'the authority is not asked again');
  assert.deepEqual(authority.refused, []);
});

test('what is due or missing is had while the daemon serves already, and a stop waits for no authority', async () => {
  await daemon.berthOk('registry', 'stop');
  Object.assign(authority, { age: 3600, lifetime: 4000 });
  await daemon.berthOk(...start, ...names, '--name', 'third.test');
  assert.deepEqual(authority.issued.slice(1), ['registry.test,images.test,third.test']);
  Object.assign(authority, { age: 0, lifetime: 36_000 });
  const before = await status();
  const gate = Promise.withResolvers<void>();
  authority.gate = gate.promise;
  await daemon.restart();
  assert.equal(await ping('third.test'), '{}');
  assert.equal((await status()).certificateExpires, before.certificateExpires, 'the old one serves');
  await daemon.restart();
  gate.resolve();
  await eventually(({ certificateExpires }) => certificateExpires !== before.certificateExpires);
  assert.equal(await ping('third.test'), '{}');
});

test('a daemon whose first order fails starts all the same, and says when it tries again', async () => {
  const own = join(folder, 'own.toml');
  const registry = 'enabled = true\naddress = "127.0.0.1:0"\nnames = ["fresh.test"]\ntls.mode = "acme"\n';
  await writeFile(
    own,
    `${settings}directory = "${authority.directory}"\nagree = true\n[registry]\n${registry}`,
  );
  authority.strange.add('fresh.test');
  await using fresh = await startDaemon({ environment: { BERTH_CONFIG: own } });
  const { running, problem = '' } = await eventually(({ nextTry }) => nextTry !== undefined, fresh);
  assert.equal(running, false);
  assert.match(problem, /no certificate for fresh.test.*fresh.test answered wrongly/);
  await fresh.told(/the built-in registry is not served/);
  const shown = await fresh.berth('registry', 'status');
  assert.match(shown.stdout + shown.stderr, /is not served.*\n.*answered wrongly.*tried again 2/);
  authority.strange.clear();
  const started = await fresh.berth('registry', 'start');
  assert.match(started.stdout, /served on https:/, 'who does not wait for that tries at once');
});
