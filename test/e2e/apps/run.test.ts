import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startDaemon } from '../../support/daemon.ts';

const daemon = await startDaemon();
after(() => daemon[Symbol.asyncDispose]());
before(() => daemon.loadBusybox());

async function write(name: string, services: string): Promise<string> {
  const folder = join(daemon.folder, 'projects', name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'compose.yaml'), `services:\n${services}`);
  return folder;
}

test('a command runs once in its own container of a service, with its streams and exit code', async () => {
  const folder = await write(
    'once',
    `  web:
    image: busybox
    command: sleep 1000
    stop_grace_period: 0s
    environment: { PLACE: here }
    ports: ["80"]
`,
  );
  assert.equal((await daemon.berth('up', folder)).code, 0, daemon.log);
  const words = 'cat; echo $PLACE $MORE; echo wrong >&2; exit 9';
  const result = await daemon.berth('run', '-e', 'MORE=and-there', 'once/web', 'sh', '-c', words, {
    input: 'from stdin\n',
  });
  assert.deepEqual(
    { ...result },
    { code: 9, stdout: 'from stdin\nhere and-there\n', stderr: 'wrong\n' },
    daemon.log,
  );
  assert.equal(await daemon.ok('ps', '-a', '--format', '{{.Names}}'), 'once-web-1');
  assert.equal((await daemon.berth('run', '--no-rm', 'once/web', 'true')).code, 0);
  assert.match(await daemon.ok('ps', '-a', '--format', '{{.Names}}'), /once-web-run-/);
  // It is no replica: neither counted nor in the way, but taken down with the app.
  assert.match((await daemon.berth('ps', 'once')).stdout, / 1\/1 /);
  assert.match((await daemon.berth('up', folder)).stdout, /nothing changed/);
  const unknown = await daemon.berth('run', 'once/nothing', 'true');
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /has no service 'nothing'/);
  assert.equal((await daemon.berth('down', folder)).code, 0);
  assert.equal(await daemon.ok('ps', '-aq'), '');
});

test('a migration gates an update: it runs again when it changes, and a failure leaves the old revision as it was', async () => {
  const shop = (version: string, migration: string): string => `  web:
    image: busybox
    command: sleep 1000
    stop_grace_period: 0s
    environment: { VERSION: "${version}" }
    depends_on: { migrate: { condition: service_completed_successfully } }
  migrate:
    image: busybox
    command: sh -c '${migration}'
    restart: "no"
    volumes: [state:/state]
volumes: { state: }
`;
  const folder = await write('shop', '');
  const up = async (version: string, migration: string): ReturnType<typeof daemon.berth> => {
    await writeFile(join(folder, 'compose.yaml'), `services:\n${shop(version, migration)}`);
    return daemon.berth('up', folder);
  };
  const version = (): Promise<string> => daemon.ok('exec', 'shop-web-1', 'sh', '-c', 'echo $VERSION');
  const migrations = (): Promise<string> =>
    daemon.ok('run', '--rm', '-v', 'shop_state:/state', 'busybox', 'cat', '/state/done');
  assert.equal((await up('1', 'echo one >> /state/done')).code, 0, daemon.log);
  assert.equal((await up('1', 'echo one >> /state/done')).code, 0, daemon.log);
  assert.equal(await migrations(), 'one');
  const failed = await up('2', 'echo cannot migrate; exit 5');
  assert.equal(failed.code, 1);
  assert.match(failed.stderr, /cannot migrate/);
  assert.equal(await version(), '1');
  assert.equal((await up('3', 'echo three >> /state/done')).code, 0, daemon.log);
  assert.equal(await migrations(), 'one\nthree');
  assert.equal(await version(), '3');
  assert.equal((await daemon.berth('down', '-v', folder)).code, 0);
});
