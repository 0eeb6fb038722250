import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import type { LogPosition } from '#ports/log-store.ts';
import { all, collect, LogBench } from '../../../test/support/log-bench.ts';

test('entries come with stream, time and newline; parts of a line are joined, each stream on its own', async () => {
  using log = await LogBench.make();
  log.write('one\n');
  log.write('lo');
  log.write('error\n', 'stderr');
  log.write('ng\n');
  log.write('\n');
  log.write('no end');
  assert.deepEqual(await log.read(), ['one\n', '!error\n', 'long\n', '\n', 'no end']);
  assert.deepEqual(await log.read({ stdout: false }), ['!error\n']);
  const [first] = await collect(log.store.read('c', all));
  assert.equal(first?.time, '2026-01-01T00:00:00.000000001Z');
});

test('a container without a log has no entries', async () => {
  using log = await LogBench.make();
  assert.deepEqual(await log.read(), []);
  assert.deepEqual(await log.read({ tail: 3 }), []);
});

test('since and until include their moments, in any time zone', async () => {
  using log = await LogBench.make();
  for (const text of ['a\n', 'b\n', 'c\n', 'd\n']) log.write(text);
  assert.deepEqual(
    await log.read({ since: '2026-01-01T00:00:01.000000001Z', until: '2026-01-01T01:00:03.000000001+01:00' }),
    ['b\n', 'c\n', 'd\n'],
  );
});

test('tail gives the last entries of the wanted streams, whole, also across files and parts', async () => {
  using log = await LogBench.make();
  log.write('one\n');
  await log.rotate();
  log.write('x'.repeat(100_000));
  log.write('err\n', 'stderr');
  log.write('end\n');
  log.write('last\n');
  const long = `${'x'.repeat(100_000)}end\n`;
  assert.deepEqual(await log.read({ tail: 0 }), []);
  assert.deepEqual(await log.read({ tail: 1 }), ['last\n']);
  assert.deepEqual(await log.read({ tail: 2 }), [long, 'last\n']);
  assert.deepEqual(await log.read({ tail: 3 }), ['!err\n', long, 'last\n']);
  assert.deepEqual(await log.read({ tail: 9 }), ['one\n', '!err\n', long, 'last\n']);
  assert.deepEqual(await log.read({ tail: 3, stderr: false }), ['one\n', long, 'last\n']);
  log.write('prompt');
  assert.deepEqual(await log.read({ tail: 2 }), ['last\n', 'prompt']);
});

test('tail agrees with reading everything, for many interleavings', async () => {
  using log = await LogBench.make();
  const pattern = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4, 6, 2, 6, 4, 3];
  for (const [i, digit] of pattern.entries())
    log.write(digit % 3 === 0 ? `part${i} ` : `line${i}\n`, digit % 2 === 0 ? 'stderr' : 'stdout');
  const everything = await log.read();
  for (let tail = 0; tail <= everything.length + 1; tail++)
    assert.deepEqual(await log.read({ tail }), tail === 0 ? [] : everything.slice(-tail), `tail ${tail}`);
});

test('following gives what is written later, over rotations, and ends when the output has', async () => {
  using log = await LogBench.make();
  log.write('before\n');
  const ended = Promise.withResolvers<void>();
  const seen: string[] = [];
  const entries = log.store.read('c', { ...all, follow: true, ended: ended.promise });
  for await (const { data } of entries) {
    const text = data.toString();
    seen.push(text);
    const number = Number(text);
    if (text === 'before\n') log.write('0\n');
    else if (number < 50) {
      if (number % 10 === 5) await log.rotate();
      log.write(`${number + 1}\n`);
    } else if (number === 50) {
      log.write('no end');
      ended.resolve();
    }
  }
  assert.deepEqual(seen, ['before\n', ...Array.from({ length: 51 }, (_, i) => `${i}\n`), 'no end']);
});

test('a line that is written before the monitor begins the new file that it was told of is followed too', async () => {
  using log = await LogBench.make();
  const ended = Promise.withResolvers<void>();
  const entries = log.store.read('c', { ...all, follow: true, ended: ended.promise });
  const iterator = entries[Symbol.asyncIterator]();
  log.write('first\n');
  const next = async (): Promise<string | undefined> => {
    const result = await iterator.next();
    return result.done === true ? undefined : result.value.data.toString();
  };
  assert.equal(await next(), 'first\n');
  assert.equal(await log.store.rotate('c', { maxBytes: 1, maxFiles: 3 }, () => Promise.resolve()), true);
  log.write('late\n');
  log.begin();
  log.write('new file\n');
  assert.deepEqual([await next(), await next()], ['late\n', 'new file\n']);
  ended.resolve();
  assert.equal(await next(), undefined);
});

test('an aborted follower ends', async () => {
  using log = await LogBench.make();
  log.write('a\n');
  const abort = new AbortController();
  const seen: string[] = [];
  for await (const { data } of log.store.read('c', { ...all, follow: true, signal: abort.signal })) {
    seen.push(data.toString());
    abort.abort();
  }
  assert.deepEqual(seen, ['a\n']);
});

test('following until a moment ends then, although nothing more is written', async () => {
  using log = await LogBench.make();
  log.write('a\n');
  const until = new Date(Date.now() + 50).toISOString();
  assert.deepEqual(await log.read({ follow: true, until }), ['a\n']);
});

test('who does not follow gets what was there, however fast the container writes', async () => {
  using log = await LogBench.make();
  for (const line of ['one\n', 'two\n', 'three\n']) log.write(line);
  for (const tail of [2, undefined]) {
    const before = await log.read(tail === undefined ? {} : { tail });
    const lines: string[] = [];
    for await (const { data } of log.store.read('c', { ...all, ...(tail !== undefined && { tail }) })) {
      lines.push(String(data));
      log.write('more\n');
      if (lines.length > before.length) break;
    }
    assert.deepEqual(lines, before);
  }
});

test('following after a tail goes on with what comes', async () => {
  using log = await LogBench.make();
  log.write('old\n');
  log.write('last\n');
  const seen: string[] = [];
  for await (const { data } of log.store.read('c', { ...all, tail: 1, follow: true })) {
    seen.push(data.toString());
    if (seen.length === 2) break;
    log.write('new\n');
  }
  assert.deepEqual(seen, ['last\n', 'new\n']);
});

test('rotation keeps so many files, the size is theirs, and removal leaves nothing', async () => {
  using log = await LogBench.make();
  assert.equal(await log.rotate(), false);
  for (let i = 0; i < 5; i++) {
    log.write(`line ${i}\n`);
    assert.equal(await log.rotate(3), true);
  }
  log.write('present\n');
  assert.deepEqual(log.files(), ['kept', 'log', 'log.1', 'log.2']);
  assert.deepEqual(await log.read(), ['line 3\n', 'line 4\n', 'present\n']);
  assert.equal(
    await log.store.size('c'),
    3 * '2026-01-01T00:00:00.000000001+00:00 stdout F line 3\n'.length + 1,
  );
  await log.store.remove('c');
  await log.store.remove('c');
  assert.deepEqual(readdirSync(log.folder), []);
});

interface Followed {
  texts: string[];
  positions: LogPosition[];
}

/** What is sent on from a position, until nothing is left. */
async function followed(log: LogBench, from?: LogPosition): Promise<Followed> {
  const seen: Followed = { texts: [], positions: [] };
  const until = { ended: Promise.resolve(), signal: new AbortController().signal };
  for await (const { entries, position } of log.store.followFrom('c', from, until)) {
    seen.texts.push(...entries.map(({ data }) => data.toString()));
    seen.positions.push(position);
  }
  return seen;
}

test('following from a position goes on right there, over rotations', async () => {
  using log = await LogBench.make();
  log.write('one\n');
  log.write('two\n');
  const first = await followed(log);
  assert.deepEqual(first.texts, ['one\n', 'two\n']);
  log.write('three\n');
  await log.rotate();
  log.write('four\n');
  const second = await followed(log, first.positions.at(-1));
  assert.deepEqual(second.texts, ['three\n', 'four\n']);
  assert.deepEqual((await followed(log, second.positions.at(-1))).texts, []);
});

test('a position in the middle of a line gives the whole line, and nothing twice', async () => {
  using log = await LogBench.make();
  log.write('one\n');
  log.write('lo');
  log.write('error\n', 'stderr');
  const abort = new AbortController();
  let position: LogPosition | undefined;
  const until = { ended: new Promise(() => undefined), signal: abort.signal };
  for await (const progress of log.store.followFrom('c', undefined, until)) {
    assert.deepEqual(
      progress.entries.map(({ data }) => data.toString()),
      ['one\n', 'error\n'],
    );
    position = progress.position;
    abort.abort();
  }
  log.write('ng\n');
  assert.deepEqual((await followed(log, position)).texts, ['long\n']);
});

test('a position in a file that rotation dropped begins at the oldest there is', async () => {
  using log = await LogBench.make();
  log.write('gone\n');
  const { positions } = await followed(log);
  await log.rotate(2);
  log.write('oldest\n');
  await log.rotate(2);
  log.write('newest\n');
  assert.deepEqual((await followed(log, positions.at(-1))).texts, ['oldest\n', 'newest\n']);
});

test('a line of more than 16 KiB is followed in pieces', async () => {
  using log = await LogBench.make();
  for (let i = 0; i < 3; i++) log.write('x'.repeat(8192));
  log.write('end\n');
  const sizes = (await followed(log)).texts.map((text) => text.length);
  assert.deepEqual(sizes, [16_384, 8196]);
});

test('a reading that has begun goes on although the log is removed', async () => {
  using log = await LogBench.make();
  log.write('kept\n');
  const ended = Promise.withResolvers<void>();
  const removed = Promise.withResolvers<void>();
  const onOpen = (): void => void log.store.remove('c').then(removed.resolve, removed.reject);
  const entries = collect(log.store.read('c', { ...all, follow: true, ended: ended.promise, onOpen }));
  await removed.promise;
  ended.resolve();
  assert.deepEqual(
    (await entries).map(({ data }) => data.toString()),
    ['kept\n'],
  );
});
