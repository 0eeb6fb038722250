import assert from 'node:assert/strict';
import { test } from 'node:test';
import { all, LogBench } from '../../../test/support/log-bench.ts';
import { FileLogStore } from './file-log-store.ts';

test('files that the monitor begins by itself are told from the others, and nothing of those before is lost', async () => {
  using log = await LogBench.make();
  const expected: string[] = [];
  for (let round = 0; round < 4; round++) {
    // Twice between two looks.
    for (let file = 0; file < 3; file++) {
      const line = `${round} ${file}\n`;
      log.write(line);
      expected.push(line);
      if (file < 2 && round > 0) log.begin();
      assert.deepEqual(await log.read(), expected);
      assert.deepEqual(await log.read({ tail: 2 }), expected.slice(-2));
    }
    assert.equal(await log.look(100, 1000), false);
    assert.deepEqual(await log.read(), expected);
    assert.equal(
      await log.store.size('c'),
      expected.length * '2026-01-01T00:00:00.000000001+00:00 stdout F 0 0\n'.length,
    );
  }
});

test('who follows sees all that the monitor writes to files that it begins by itself', async () => {
  using log = await LogBench.make();
  const ended = Promise.withResolvers<void>();
  const seen: string[] = [];
  log.write('0\n');
  await log.look(100, 1000);
  for await (const { data } of log.store.read('c', { ...all, follow: true, ended: ended.promise })) {
    seen.push(data.toString());
    const number = Number(data);
    if (number % 7 === 3) log.begin();
    if (number % 7 === 4) await log.look(100, 1000);
    if (number < 40) log.write(`${number + 1}\n`);
    else ended.resolve();
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 41 }, (_, index) => `${index}\n`),
  );
});

test('while nobody looks the log is bounded: of the files that the monitor begins then the first two and the last stay', async () => {
  using log = await LogBench.make();
  log.write('seen\n');
  await log.look(100, 1000);
  for (let file = 0; file < 20; file++) {
    log.begin();
    log.write(`${file}\n`);
  }
  assert.deepEqual(await log.read(), ['seen\n', '0\n', '19\n']);
  // Another daemon comes.
  const another = new FileLogStore(log.folder);
  const look = (): Promise<boolean> => another.rotate('c', { maxBytes: 1000, maxFiles: 3 }, assert.fail);
  assert.equal(await look(), false);
  log.begin();
  log.write('20\n');
  assert.equal(await look(), false);
  assert.deepEqual(await log.read(), ['seen\n', '0\n', '19\n', '20\n']);
});

test('files that the monitor began early do not count against max-file', async () => {
  using log = await LogBench.make();
  const long = `${'x'.repeat(100)}\n`;
  for (let round = 0; round < 6; round++) {
    log.write(long);
    await log.look(3, 140);
    log.write('short\n');
    log.begin();
    await log.look(3, 140);
  }
  const kept = await log.read();
  assert.ok(kept.length < 12 && kept.join('').length > 2 * 100, kept.join(''));
  log.write('one\n');
  await log.rotate(1);
  assert.deepEqual(await log.read(), []);
});

test('a monitor that takes its time is told once, and again when it goes on as if it had not heard', async () => {
  using log = await LogBench.make();
  let told = 0;
  const look = (): Promise<boolean> =>
    log.store.rotate('c', { maxBytes: 10, maxFiles: 3 }, () => {
      told++;
      return Promise.resolve();
    });
  log.write('one\n');
  assert.deepEqual([await look(), await look(), told], [true, false, 1]);
  log.write('two\n');
  assert.deepEqual([await look(), told], [false, 1]);
  log.write(`${'x'.repeat(1024 * 1024)}\n`);
  assert.deepEqual([await look(), told], [true, 2]);
  log.begin();
  log.write('three\n');
  assert.deepEqual([await look(), told], [true, 3]);
});
