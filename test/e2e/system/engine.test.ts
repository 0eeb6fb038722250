import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await startDaemon();
});
after(() => daemon[Symbol.asyncDispose]());

test('the docker client prints versions of both sides', async () => {
  const text = await daemon.ok('version', '--format', '{{.Client.APIVersion}} {{.Server.APIVersion}} {{.Server.MinAPIVersion}} {{.Server.Os}}');
  assert.match(text, /^1\.\d+ 1\.51 1\.24 linux$/);
});
