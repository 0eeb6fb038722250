import assert from 'node:assert/strict';
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { HostsFile } from './hosts-file.ts';

test('a block of its own is put into the file, changed and taken out, and nothing else is touched', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-hosts-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'hosts');
  const foreign = '127.0.0.1\tlocalhost\n# berth other: services\n';
  await writeFile(path, foreign, { mode: 0o640 });
  const [one, two] = [new HostsFile(path, 'aaaaaa'), new HostsFile(path, 'bbbbbb')];
  await one.set([{ name: 'web.shop.berth', addresses: ['10.1.0.9', 'fd00::9'] }]);
  await two.set([{ name: 'db.shop.berth', addresses: ['10.2.0.9'] }]);
  const text = await readFile(path, 'utf8');
  for (const line of ['10.1.0.9\tweb.shop.berth', 'fd00::9\tweb.shop.berth', '10.2.0.9\tdb.shop.berth'])
    assert.ok(text.split('\n').includes(line), text);
  assert.ok(text.startsWith(foreign));
  await one.set([{ name: 'api.shop.berth', addresses: ['10.1.0.8'] }]);
  const changed = await readFile(path, 'utf8');
  assert.ok(!changed.includes('web.shop.berth') && changed.includes('10.1.0.8\tapi.shop.berth'));
  await two.set([]);
  await one.set([]);
  assert.equal(await readFile(path, 'utf8'), foreign);
  assert.equal((await stat(path)).mode & 0o777, 0o640);
  assert.deepEqual(await readdir(folder), ['hosts']);
});

test('a file that is not there is made when there is something to put in, and a cut block is mended', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-hosts-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'hosts');
  const hosts = new HostsFile(path, 'aaaaaa');
  await hosts.set([]);
  assert.deepEqual(await readdir(folder), []);
  const names = [{ name: 'web.shop.berth', addresses: ['10.1.0.9'] }];
  await hosts.set(names);
  const whole = await readFile(path, 'utf8');
  await writeFile(path, whole.slice(0, whole.indexOf('web')));
  await hosts.set(names);
  assert.equal(await readFile(path, 'utf8'), whole);
});
