import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { streamDecode, streamEncode } from 'dns-packet';
import { setTimeout } from 'node:timers/promises';
import { X509LocalAuthority } from '#adapters/certificates/local-authority.ts';
import { addressOf } from '../support/built-in-registry.ts';
import { startDaemon } from '../support/daemon.ts';
import { freePort } from '../support/free-port.ts';
import { offeredCertificate } from '../support/ingress.ts';

const host = 'localhost';
const names = ['registry.example.com', 'images.example.com'];

/** Says by TCP, as pebble asks, of every name that it is this machine's. Gives where it is asked. */
async function resolver(t: TestContext): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    // Each query comes in one piece.
    socket.on('data', (message: Buffer) => {
      const { id, questions = [] } = streamDecode(message);
      const answers = questions.flatMap(({ name, type }) =>
        type === 'A' ? [{ name, type, data: '127.0.0.1' } as const] : [],
      );
      socket.write(streamEncode({ id: id ?? 0, type: 'response', questions, answers }));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return `127.0.0.1:${address.port}`;
}

test('pebble signs a certificate for a host that HAProxy answers for, and one for all names of the registry', async (t) => {
  const program = process.env['PEBBLE'];
  assert.ok(program !== undefined, 'run npm run test:pebble');
  const [httpPort, httpsPort, api, management] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const folder = await mkdtemp('/var/tmp/b-pebble-');
  t.after(() => rm(folder, { recursive: true }));
  // Its own HTTPS is signed by an authority that the daemon is told of, as Node's programs are.
  const local = new X509LocalAuthority();
  const authority = await local.create(Date.now());
  const { pem } = await local.issue(authority, host, Date.now());
  await writeFile(join(folder, 'authority.pem'), authority.slice(0, authority.indexOf('-----BEGIN PRIVATE')));
  await writeFile(join(folder, 'pebble.pem'), pem);
  const listen = { listenAddress: `127.0.0.1:${api}`, managementListenAddress: `127.0.0.1:${management}` };
  const files = { certificate: join(folder, 'pebble.pem'), privateKey: join(folder, 'pebble.pem') };
  const pebbleSettings = { pebble: { ...listen, ...files, httpPort, tlsPort: httpsPort } };
  await writeFile(join(folder, 'pebble.json'), JSON.stringify(pebbleSettings));
  const pebble = spawn(program, ['-config', join(folder, 'pebble.json'), '-dnsserver', await resolver(t)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PEBBLE_VA_NOSLEEP: '1' },
  });
  t.after(() => pebble.kill());
  for await (const line of createInterface(pebble.stdout))
    if (line.includes('ACME directory available')) break;
  pebble.stdout.resume();
  await writeFile(
    join(folder, 'config.toml'),
    `[ingress]
addresses = ["127.0.0.1"]
http-port = ${httpPort}
https-port = ${httpsPort}
[ingress.acme]
directory = "https://localhost:${api}/dir"
email = "someone@example.com"
agree = true
`,
  );
  await using daemon = await startDaemon({
    environment: {
      BERTH_CONFIG: join(folder, 'config.toml'),
      NODE_EXTRA_CA_CERTS: join(folder, 'authority.pem'),
    },
  });
  const start = ['registry', 'start', '--address', '127.0.0.1:0', '--tls', 'acme'];
  // Without ingress the daemon answers itself.
  await daemon.berthOk(...start, ...names.flatMap((name) => ['--name', name]));
  const [, port = ''] = (await addressOf(daemon)).split(':');
  const offered = await offeredCertificate(Number(port), names[1] ?? '');
  assert.match(offered.issuer, /^Pebble/);
  assert.deepEqual(offered.names.toSorted(), names.toSorted());
  await daemon.loadBusybox();
  const entry = `{ host: ${host}, tls: acme, port: 80 }`;
  const service = `{ image: busybox, command: sleep 1000, stop_grace_period: 0s, x-berth: { ingress: [${entry}] } }`;
  await writeFile(join(daemon.folder, 'compose.yaml'), `name: app\nservices:\n  web: ${service}\n`);
  const { code, stderr } = await daemon.berth('up', '--yes', join(daemon.folder, 'compose.yaml'));
  assert.equal(code, 0, stderr);
  const deadline = Date.now() + 60_000;
  for (let issuer = ''; !issuer.startsWith('Pebble');) {
    assert.ok(Date.now() < deadline, `offered is a certificate of '${issuer}'\n${daemon.log}`);
    issuer = (await offeredCertificate(httpsPort, host)).issuer;
    await setTimeout(100);
  }
  assert.equal((await daemon.berth('down', 'app')).code, 0);
});
