import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startDaemon } from '../../support/daemon.ts';
import { credentials, startRegistry } from '../../support/registry.ts';

// `berth` with the credentials of whoever runs it: in Docker's config.json, or kept by a helper.

const registry = await startRegistry('basic');
const daemon = await startDaemon();
const helpers = join(daemon.folder, 'helpers');
before(async () => {
  await daemon.loadBusybox();
  await mkdir(helpers);
});
after(async () => {
  await daemon[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

/** A helper that keeps what it is given in a file, by the protocol of docker-credential-helpers. */
async function installHelper(name: string): Promise<string> {
  const kept = join(helpers, `${name}.json`);
  const path = join(helpers, `docker-credential-${name}`);
  const script = `#!/bin/sh
case "$1" in
  store) cat >'${kept}' ;;
  get) read -r server; if grep -qs "$server" '${kept}'; then cat '${kept}'; else echo 'credentials not found in native keychain'; exit 1; fi ;;
  erase) rm -f '${kept}' ;;
  list) echo '{}' ;;
esac
`;
  await writeFile(path, script);
  await chmod(path, 0o755);
  return kept;
}

async function home(name: string, config: object): Promise<Record<string, string>> {
  const folder = join(daemon.folder, name);
  await mkdir(folder);
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  return { DOCKER_CONFIG: folder, PATH: `${helpers}:${process.env['PATH'] ?? ''}` };
}

const login = (environment: Record<string, string>, password = credentials.password) =>
  daemon.berth('login', '--username', credentials.username, '--password-stdin', registry.host, {
    environment,
    input: `${password}\n`,
  });

test('login keeps credentials in the file, push and pull use them, logout forgets them', async () => {
  const environment = await home('plain', {
    detachKeys: 'ctrl-x',
    auths: { 'other.example': { auth: 'eDp5' } },
  });
  const name = `${registry.host}/private/app:1`;
  await daemon.ok('tag', 'busybox', name);
  const refused = await daemon.berth('push', name, { environment });
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /no basic auth credentials/);
  const wrong = await login(environment, 'wrong');
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /401 Unauthorized/);

  const right = await login(environment);
  assert.deepEqual([right.code, right.stdout], [0, 'Login Succeeded\n'], right.stderr);
  assert.match(right.stderr, /not encrypted/);
  const path = join(daemon.folder, 'plain/config.json');
  const kept = await readFile(path, 'utf8');
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.match(kept, /"detachKeys": "ctrl-x"/);
  assert.match(kept, /"other\.example"/);

  const pushed = await daemon.berth('push', name, { environment });
  assert.equal(pushed.code, 0, pushed.stderr);
  assert.match(pushed.stdout, /1: digest: sha256:[0-9a-f]{64} size: \d+/);
  assert.match(pushed.stderr, /[0-9a-f]{12}: Pushed/);
  await daemon.ok('rmi', name);
  const pulled = await daemon.berth('pull', name, { environment });
  assert.match(pulled.stdout, /Status: Downloaded newer image/, pulled.stderr);
  const quiet = await daemon.berth('pull', '-q', name, { environment });
  assert.equal(quiet.stdout, `${name}\n`);

  const gone = await daemon.berth('logout', registry.host, { environment });
  assert.match(gone.stdout, /are gone/);
  assert.doesNotMatch(await readFile(path, 'utf8'), new RegExp(registry.host));
  assert.match((await daemon.berth('logout', registry.host, { environment })).stdout, /Not logged in/);
});

test('a helper keeps credentials instead, for one registry or for all', async () => {
  const name = `${registry.host}/private/helped:1`;
  await daemon.ok('tag', 'busybox', name);
  for (const [helper, config] of [
    ['own', { credHelpers: { [registry.host]: 'own' } }],
    ['every', { credsStore: 'every' }],
  ] as const) {
    const kept = await installHelper(helper);
    const environment = await home(helper, config);
    const result = await login(environment);
    assert.equal(result.code, 0, result.stderr);
    assert.match(await readFile(kept, 'utf8'), /"Secret":"secret"/);
    assert.doesNotMatch(await readFile(join(daemon.folder, helper, 'config.json'), 'utf8'), /auth":|secret/);
    assert.equal((await daemon.berth('push', name, { environment })).code, 0);
    await daemon.berth('logout', registry.host, { environment });
    await assert.rejects(readFile(kept));
  }
});

test('a helper that is missing is named', async () => {
  const environment = await home('missing', { credsStore: 'nowhere' });
  const { code, stderr } = await daemon.berth('pull', `${registry.host}/x:1`, { environment });
  assert.equal(code, 1);
  assert.match(stderr, /docker-credential-nowhere get failed/);
});

test('up pulls the private images of an app with them', async () => {
  const environment = await home('app', {
    auths: { [registry.host]: { auth: Buffer.from('tester:secret').toString('base64') } },
  });
  const name = `${registry.host}/private/service:1`;
  await daemon.ok('tag', 'busybox', name);
  assert.equal((await daemon.berth('push', name, { environment })).code, 0);
  await daemon.ok('rmi', name);
  const folder = join(daemon.folder, 'shop');
  await mkdir(folder);
  await writeFile(
    join(folder, 'compose.yaml'),
    `services: { one: { image: "${name}", command: sleep 1000, stop_grace_period: 0s } }`,
  );
  const none = await daemon.berth('up', folder, { environment: await home('nobody', {}) });
  assert.equal(none.code, 1);
  assert.match(none.stderr, /no basic auth credentials/);
  const { code, stderr } = await daemon.berth('up', folder, { environment });
  assert.equal(code, 0, stderr);
  assert.equal((await daemon.berth('down', folder)).code, 0);
});
