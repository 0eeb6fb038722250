import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { AccessLog } from './access-log.ts';

test('a log that grew is emptied in place, and the three newest of the former ones are kept', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'access-log-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'ingress.log');
  const log = new AccessLog(path, (problem, error) => assert.fail(`${problem}: ${String(error)}`));
  t.after(() => log.close());
  await log.rotate(10);
  for (let round = 1; round <= 5; round += 1) {
    await appendFile(path, 'short\n');
    await log.rotate(10);
    await appendFile(path, `round ${round}\n`);
    await log.rotate(10);
  }
  assert.deepEqual((await readdir(folder)).sort(), [
    'ingress.log',
    'ingress.log.1',
    'ingress.log.2',
    'ingress.log.3',
  ]);
  assert.equal(await readFile(path, 'utf8'), '');
  assert.equal(await readFile(`${path}.1`, 'utf8'), 'short\nround 5\n');
  assert.equal(await readFile(`${path}.3`, 'utf8'), 'short\nround 3\n');
});
