import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startDaemon } from '../../support/daemon.ts';
import { run } from '../../support/docker.ts';

const daemon = await startDaemon();
after(() => daemon[Symbol.asyncDispose]());
before(() => daemon.loadBusybox());

test('berth run at a terminal gives the container one of the same size, and ends with the exit code', async () => {
  const folder = join(daemon.folder, 'projects', 'tty');
  await mkdir(folder, { recursive: true });
  const compose = 'services: { web: { image: busybox, command: sleep 1000, stop_grace_period: 0s } }';
  await writeFile(join(folder, 'compose.yaml'), compose);
  assert.equal((await daemon.berth('up', folder)).code, 0, daemon.log);
  const berth = new URL('../../../berth', import.meta.url).pathname;
  const inside = "until stty size | grep -q '33 77'; do sleep 0.05; done; tty; exit 6";
  const line = `stty rows 33 cols 77; ${berth} run tty/web sh -c "${inside}"`;
  const { code, stdout } = await run('script', ['-qec', line, '/dev/null'], {
    environment: daemon.environment,
  });
  assert.match(stdout, /\/dev\/pts\/0\r\n/);
  assert.equal(code, 6);
  assert.equal((await daemon.berth('down', folder)).code, 0);
});
