import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { test } from 'node:test';
import { callApi } from '../../support/api.ts';
import { TestDaemon } from '../../support/daemon.ts';
import { run } from '../../support/docker.ts';

const golden = new URL('../../golden/state/', import.meta.url).pathname;
// Where it was made: the documents name paths.
const folder = '/var/tmp/b-golden-state';

test('the state of the first schema version opens with everything in it, and works', async () => {
  await mkdir(folder);
  const unpacked = await run('tar', ['-C', folder, '-xzf', `${golden}version-1.tar.gz`]);
  assert.equal(unpacked.code, 0, unpacked.stderr);
  await using daemon = new TestDaemon(folder, {});
  await daemon.start();
  const field = (name: string, format: string): Promise<string> => daemon.ok('inspect', '-f', format, name);

  assert.equal(
    await daemon.ok('ps', '-a', '--filter', 'label=made=first', '--format', '{{.Names}}'),
    ['made', 'stopped', 'runs'].join('\n'),
  );
  const state = '{{.State.Status}} {{.State.ExitCode}} {{.HostConfig.Memory}} {{json .Config.Env}}';
  assert.equal(await field('stopped', state), 'exited 137 67108864 ["NAME=value"]');
  assert.equal(
    await field('made', '{{.State.Status}} {{json .Config.Healthcheck.Test}}'),
    'created ["CMD-SHELL","true"]',
  );
  assert.equal(
    await field('made', '{{(index .Mounts 0).Name}} {{(index .Mounts 0).Destination}}'),
    'named /data',
  );
  assert.match(
    await daemon.ok('images', '--format', '{{.Repository}}:{{.Tag}}'),
    /team\/waiting:stable\nwaiting:1|waiting:1\n.*team\/waiting:stable/,
  );
  assert.equal(
    await daemon.ok('cp', 'stopped:/etc/motd', '-').then((tar) => tar.includes('from the image')),
    true,
  );
  const network = '{{.Labels.made}} {{(index .IPAM.Config 0).Subnet}}';
  assert.equal(await daemon.ok('network', 'inspect', '-f', network, 'backend'), 'first 10.199.1.0/24');
  assert.equal(await daemon.ok('volume', 'inspect', '-f', '{{.Labels.made}}', 'named'), 'first');
  assert.match((await daemon.berth('ps', 'shop')).stdout, /shop +web/);
  assert.equal((await callApi(`${folder}/scoped.sock`, 'POST', '/containers/made/start')).status, 403);

  if (process.arch !== 'x64') return;
  // It ran when its machine went away, and its policy is to run.
  while ((await field('runs', '{{.State.Status}}')) !== 'running');
  await daemon.ok('start', 'made');
  assert.equal(await field('made', '{{.State.Running}}'), 'true');
  await daemon.ok('rm', '-f', 'made');
  assert.equal((await daemon.berth('down', 'shop')).code, 0);
});
