import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDaemon } from '../../support/daemon.ts';

test('a pattern that would go back for years is answered at once', { timeout: 30_000 }, async () => {
  await using daemon = await startDaemon();
  const name = `${'a'.repeat(50)}b`;
  await daemon.ok('network', 'create', name);
  assert.equal(await daemon.ok('network', 'ls', '-q', '--filter', 'name=(a+)+$'), '');
  assert.equal(await daemon.ok('network', 'ls', '--format', '{{.Name}}', '--filter', 'name=(a+)+b$'), name);
});
