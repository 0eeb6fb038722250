import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { allowedCpus, readTopology } from './topology.ts';

async function folderWith(files: Record<string, string>): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'b-topology-'));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), text);
  }
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

test('memory nodes have the processors that are on and allowed', async () => {
  await using folder = await folderWith({
    'node/online': '0-1\n',
    'node/node0/cpulist': '0-3,8\n',
    'node/node0/meminfo': 'Node 0 MemTotal:       2048 kB\nNode 0 MemFree: 1 kB\n',
    'node/node1/cpulist': '4-7\n',
    'node/node1/meminfo': 'Node 1 MemTotal:       4096 kB\n',
  });
  assert.deepEqual(readTopology(folder.path, '0-2,5-8'), [
    { id: 0, cpus: [0, 1, 2, 8], memory: 2 * 1024 ** 2 },
    { id: 1, cpus: [5, 6, 7], memory: 4 * 1024 ** 2 },
  ]);
});

test('a kernel without memory nodes has one', async () => {
  await using folder = await folderWith({ 'cpu/online': '0-1\n' });
  assert.deepEqual(readTopology(folder.path, '0-7'), [{ id: 0, cpus: [0, 1], memory: 0 }]);
});

test('this machine has a node with a processor', async () => {
  const found = readTopology('/sys/devices/system', allowedCpus(await readFile('/proc/self/status', 'utf8')));
  assert.ok(found.some(({ cpus }) => cpus.length > 0));
});
