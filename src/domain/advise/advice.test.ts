import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { adviceFor, type Advice } from './advice.ts';
import { patchOf, withAdvice } from './patch.ts';
import { percentile, summaryOf, type UsageRecord } from './usage.ts';

const mib = 1024 ** 2;

const record = (changes: Partial<UsageRecord> = {}): UsageRecord => ({
  samples: Array.from({ length: 20 }, (_, at) => ({
    memory: (at + 1) * 5 * mib,
    cpus: at / 100,
    pids: at + 1,
  })),
  ...{ memoryPeak: 120 * mib, throttled: { periods: 0, throttledPeriods: 0 }, oomKills: 0 },
  ...changes,
});

test('usage is summed up by its percentiles, and by the peak that the kernel saw', () => {
  assert.deepEqual(
    [0.5, 0.95, 1].map((share) => percentile([4, 1, 3, 2], share)),
    [2, 4, 4],
  );
  const { samples, memoryP50, memoryP95, memoryPeak, cpusP95, pidsPeak } = summaryOf(record());
  assert.deepEqual([samples, memoryP50 / mib, memoryP95 / mib, memoryPeak / mib], [20, 50, 95, 120]);
  assert.deepEqual([cpusP95, pidsPeak], [0.18, 20]);
});

const values = (advice: readonly Advice[]): Record<string, string> =>
  Object.fromEntries(advice.map(({ key, value }) => [key, value]));

test('limits follow from the peak and reservations from what is usual', () => {
  assert.deepEqual(values(adviceFor({ host: {} }, summaryOf(record()))), {
    'limits.memory': '160M',
    'reservations.memory': '112M',
    'limits.cpus': '0.3',
    'limits.pids': '64',
  });
  assert.deepEqual(adviceFor({ host: {} }, summaryOf(record({ samples: record().samples.slice(0, 4) }))), []);
});

test('what is set about right is left alone', () => {
  const host = { Memory: 150 * mib, MemoryReservation: 100 * mib, NanoCpus: 0.3e9, PidsLimit: 4096 };
  assert.deepEqual(adviceFor({ host }, summaryOf(record())), []);
});

test('who ran out of memory or was held back gets more than it has', () => {
  const host = { Memory: 200 * mib, MemoryReservation: 100 * mib, NanoCpus: 1e9, PidsLimit: 100 };
  const used = summaryOf(record({ oomKills: 2, throttled: { periods: 100, throttledPeriods: 20 } }));
  const advice = adviceFor({ host }, used);
  assert.deepEqual(values(advice), { 'limits.memory': '304M', 'limits.cpus': '1.5' });
  assert.deepEqual(
    advice.map(({ reason }) => reason),
    ['memory ran out 2 times', 'it was held back in 20% of the periods'],
  );
});

const text = `# The shop.
services:
  web:            # in front
    image: "web"   # pinned elsewhere

    deploy:
      replicas: 2  # two
      resources:
        limits:
          memory: 1g   # a guess
    command: |
      run
      forever
  # Data.
  db: { image: db, mem_limit: 2g }   # short
  worker:
    image: worker
    cpus: \${CPUS}
    environment:
      - A=b`;

const advice: Advice[] = [
  { key: 'limits.memory', value: '160M', reason: '' },
  { key: 'reservations.memory', value: '96M', reason: '' },
  { key: 'limits.cpus', value: '0.3', reason: '' },
];

test('a compose file takes advice with its comments and its form, and says what it cannot take', () => {
  const web = withAdvice(text, 'web', advice);
  const db = withAdvice(web.text, 'db', advice);
  const worker = withAdvice(db.text, 'worker', advice);
  assert.deepEqual([web.missed, db.missed, worker.missed.map(({ key }) => key)], [[], [], ['limits.cpus']]);
  assert.equal(
    worker.text,
    `# The shop.
services:
  web:            # in front
    image: "web"   # pinned elsewhere

    deploy:
      replicas: 2  # two
      resources:
        limits:
          memory: 160M   # a guess
          cpus: "0.3"
        reservations:
          memory: 96M
    command: |
      run
      forever
  # Data.
  db: { image: db, mem_limit: 160M, deploy: { resources: { reservations: { memory: 96M }, limits: { cpus: "0.3" } } } }   # short
  worker:
    image: worker
    cpus: \${CPUS}
    environment:
      - A=b
    deploy:
      resources:
        limits:
          memory: 160M
        reservations:
          memory: 96M
`,
  );
});

test('git apply and patch take the patch', () => {
  const after = ['web', 'db', 'worker'].reduce((now, name) => withAdvice(now, name, advice).text, text);
  const patch = patchOf('compose.yaml', text, after);
  for (const [program, ...args] of [
    ['git', 'apply', '-'],
    ['patch', '-p1', '--quiet'],
  ] as const) {
    const folder = mkdtempSync(join(tmpdir(), 'b-advise-'));
    writeFileSync(join(folder, 'compose.yaml'), text);
    execFileSync(program, args, { cwd: folder, input: patch });
    assert.equal(readFileSync(join(folder, 'compose.yaml'), 'utf8'), after, program);
    rmSync(folder, { recursive: true });
  }
  assert.equal(patchOf('compose.yaml', text, text), '');
});
