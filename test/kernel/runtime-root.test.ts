import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MNT_DETACH, mount, unmount } from '#adapters/linux/libc.ts';
import type { StartedTask, TaskOptions } from '../support/tasks.ts';
import { openRuntime, TaskBench } from '../support/tasks.ts';
import { makeRootfs } from '../support/rootfs.ts';

/** Starts a task whose root file system, a tmpfs, is unmounted from the host as soon as the task is made. */
async function launchOnFreedRoot(
  bench: TaskBench,
  command: string[],
  options: TaskOptions = {},
): Promise<StartedTask> {
  const rootPath = join(bench.folder, 'mounted');
  mkdirSync(rootPath, { recursive: true });
  mount('root', rootPath, 'tmpfs', 0);
  try {
    makeRootfs(rootPath);
    const task = bench.task(command, { ...options, input: { ...options.input, rootPath } });
    const { pid } = await bench.runtime.create({ ...task, keepsRoot: true });
    unmount(rootPath, MNT_DETACH);
    await bench.runtime.start(task.id);
    return { id: task.id, pid };
  } catch (error) {
    unmount(rootPath, MNT_DETACH);
    throw error;
  }
}

test('the root of a task stays within reach when it is unmounted: as it is itself, for reading, also for a later daemon', async () => {
  await using bench = await TaskBench.make();
  const { id, pid } = await launchOnFreedRoot(bench, ['sh', '-c', 'echo hello >/tmp/new; exec sleep 1000']);
  assert.deepEqual(readdirSync(join(bench.folder, 'mounted')), []);
  const heir = await openRuntime(bench.folder);
  await heir.close();
  for (const root of [bench.runtime.rootOf(id), heir.rootOf(id)]) {
    assert.ok(root !== undefined);
    assert.equal(statSync(join(root, 'etc/passwd')).ino, statSync(`/proc/${pid}/root/etc/passwd`).ino);
    assert.deepEqual(readdirSync(join(root, 'proc')), [], 'without what is mounted in it');
    assert.throws(() => writeFileSync(join(root, 'x'), ''), { code: 'EROFS' });
  }
  await bench.runtime.delete(id);
  assert.equal(bench.runtime.rootOf(id), undefined);
});

test('a task that does not keep its root, and one that there is not, have none', async () => {
  await using bench = await TaskBench.make();
  const { id } = await bench.launch(['sleep', '1000']);
  assert.equal(bench.runtime.rootOf(id), undefined);
  assert.equal(bench.runtime.rootOf('absent'), undefined);
});

for (const runtime of ['crun', 'runc'] as const)
  test(`${runtime}: the descriptor of the root is not there for the main process, and leads nowhere before`, async () => {
    await using bench = await TaskBench.make(runtime);
    const seen = await launchOnFreedRoot(bench, ['ls', '/proc/self/fd/']);
    await bench.exited(seen.id);
    assert.equal(bench.output(seen.id), '0\n1\n2\n3\n');
    // What an image that wants to get out would ask for: a working folder by that descriptor.
    const script = 'ls -d ../../../../bin/sh ../../../../tmp/*; touch here';
    for (const descriptor of [4, 5, 6]) {
      const config = { WorkingDir: `/proc/self/fd/${descriptor}` };
      const began = await launchOnFreedRoot(bench, ['sh', '-c', script], { config }).catch(() => undefined);
      if (began === undefined) continue;
      await bench.exited(began.id);
      assert.equal(bench.output(began.id), '../../../../bin/sh\n', 'the root of the task is above');
      assert.match(bench.output(began.id, 'stderr'), /touch: here: Read-only file system/);
    }
  });
