import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { run } from './children.ts';
import { whileProgressing, type Watched } from './progress-watch.ts';

const stalled = new Error('stalled');
const never = new AbortController().signal;
const watched = (more: Partial<Watched>): Watched => ({
  ...{ folders: [], patience: () => 100, signal: never, failure: () => stalled },
  ...more,
});

test('a program that neither says nor writes anything is ended', async () => {
  await assert.rejects(
    whileProgressing(watched({}), (signal) => run({ command: ['sleep', '1000'], signal }), 10),
    stalled,
  );
});

test('one that says something, or whose files grow, goes on', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-progress-'));
  const timers: NodeJS.Timeout[] = [];
  try {
    for (const isSaying of [true, false]) {
      let steps = 0;
      const work = (signal: AbortSignal, alive: () => void): Promise<string> =>
        new Promise((resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('ended')));
          timers.push(
            setInterval(() => {
              if (isSaying) alive();
              else appendFileSync(join(folder, 'file'), 'more');
              if (++steps === 30) resolve('done');
            }, 200),
          );
        });
      assert.equal(
        await whileProgressing(watched({ folders: [folder], patience: () => 5000 }), work, 10),
        'done',
      );
    }
  } finally {
    for (const timer of timers) clearInterval(timer);
    rmSync(folder, { recursive: true });
  }
});

test('who gives up is told so, and a failure of the work is its own', async () => {
  const stop = new AbortController();
  const work = (signal: AbortSignal): Promise<never> =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('given up'))));
  const ended = whileProgressing(watched({ signal: stop.signal, patience: () => 60_000 }), work);
  stop.abort();
  await assert.rejects(ended, /given up/);
  await assert.rejects(
    whileProgressing(watched({}), () => Promise.reject(new Error('own'))),
    /own/,
  );
});
