import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startAcmeServer } from '../../support/acme-server.ts';
import { addressOf } from '../../support/built-in-registry.ts';
import { startDaemon } from '../../support/daemon.ts';
import { run } from '../../support/docker.ts';
import { freePort } from '../../support/free-port.ts';

const host = 'registry.test';
const folder = await mkdtemp('/var/tmp/b-acme-');
const httpPort = await freePort();
const authority = await startAcmeServer(httpPort);
const config = join(folder, 'config.toml');
const settings = `[ingress]\naddresses = ["127.0.0.1"]\nhttp-port = ${httpPort}\n[ingress.acme]\n`;
await writeFile(config, `${settings}directory = "${authority.directory}"\n`);
const daemon = await startDaemon({ environment: { BERTH_CONFIG: config } });
after(async () => {
  await daemon[Symbol.asyncDispose]();
  await authority[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

async function ping(): Promise<string> {
  const root = join(folder, 'root.pem');
  await writeFile(root, authority.root);
  const [, port = ''] = (await addressOf(daemon)).split(':');
  const resolve = ['--resolve', `${host}:${port}:127.0.0.1`];
  const curl = ['-sS', '--max-time', '20', '--cacert', root, ...resolve, `https://${host}:${port}/v2/`];
  const { code, stdout, stderr } = await run('curl', curl);
  assert.equal(code, 0, stderr);
  return stdout;
}

test('the registry gets its certificate by ACME, keeps it over restarts, and tells what keeps it from one', async () => {
  const start = ['registry', 'start', '--address', '127.0.0.1:0', '--tls', 'acme'];
  const nameless = await daemon.berth(...start);
  assert.match(nameless.stderr, /a certificate by ACME is for a name in the DNS/);
  const refused = await daemon.berth(...start, '--name', host);
  assert.match(refused.stderr, /nobody agreed to the terms/);
  await writeFile(config, `${settings}directory = "${authority.directory}"\nagree = true\n`);
  await daemon.restart();
  const { code, stdout, stderr } = await daemon.berth(...start, '--name', host);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /served on https:/);
  assert.equal(await ping(), '{}');
  assert.deepEqual(authority.issued, [host]);
  const closed = await run('curl', ['-sS', '--max-time', '5', `http://127.0.0.1:${httpPort}/`]);
  assert.match(
    closed.stderr,
    /Failed to connect|Couldn't connect|refused/,
    'only while there is something to answer',
  );
  await daemon.restart();
  assert.equal(await ping(), '{}');
  assert.deepEqual(authority.issued, [host], 'the authority is not asked again');
  assert.deepEqual(authority.refused, []);
});
