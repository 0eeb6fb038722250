import assert from 'node:assert/strict';
import type { TestDaemon } from '../../support/daemon.ts';
import { ExampleApp, until } from '../../support/example-app.ts';

/** Runs jobs now and once; a run that fails is told; a changed program is used by the next run. */
export async function pipeline(daemon: TestDaemon): Promise<void> {
  const app = await ExampleApp.copy(daemon, 'pipeline');
  await app.berth('up');
  assert.deepEqual(await app.running(), [], 'nothing runs until it is due');
  const listed = await app.berth('schedule', 'pipeline');
  assert.match(listed.stdout, /pipeline\/collect +10 0 \* \* \* \(Europe\/Berlin\) +- +- +\d{4}-/);

  const history = async (job: string): Promise<string> =>
    (await app.berth('schedule', 'history', `pipeline/${job}`)).stdout;
  const runs = async (job: string, outcome: string, times = 1): Promise<void> => {
    const pattern = new RegExp(`\\b${outcome}\\b`, 'g');
    await until(
      () => history(job),
      (text) => (text.match(pattern) ?? []).length >= times,
    );
  };
  await app.berth('schedule', 'run', 'pipeline/summarise');
  await runs('summarise', 'failed');
  const failed = await daemon.ok(
    'ps',
    '-a',
    '--filter',
    'name=pipeline-summarise-run',
    '--format',
    '{{.ID}}',
  );
  const logs = await daemon.docker('logs', failed);
  assert.match(logs.stderr, /summarise: there are no readings yet/);

  await app.berth('schedule', 'run', 'pipeline/collect');
  await runs('collect', 'succeeded');
  const day = await app.berth('run', 'pipeline/collect', 'python3', 'collect.py', '2026-03-01');
  assert.match(day.stdout, /wrote \/data\/readings\/2026-03-01\.csv/);
  const wrong = await app.try('run', 'pipeline/collect', 'python3', 'collect.py', 'March');
  assert.deepEqual([wrong.code, /'March' is no day/.test(wrong.stdout + wrong.stderr)], [1, true]);
  await app.berth('schedule', 'run', 'pipeline/summarise');
  await runs('summarise', 'succeeded');
  const summary = await app.berth('run', 'pipeline/summarise', 'cat', '/data/summary.csv');
  assert.match(summary.stdout, /^day,readings,kwh,peak_kwh\r?\n2026-03-01,24,23\.057,1\.720\r?\n\d{4}-/);

  await app.edit('jobs/summarise.py', 'summed up', 'in all');
  await app.edit('compose.yaml', "cron: '30 0 * * *'", "cron: '45 0 * * *'");
  await app.berth('up');
  assert.match((await app.berth('schedule', 'pipeline')).stdout, /summarise +45 0 \* \* \*/);
  await app.berth('schedule', 'run', 'pipeline/summarise');
  await runs('summarise', 'succeeded', 2);
  const newest = await daemon.ok('ps', '-aq', '-n', '1', '--filter', 'name=pipeline-summarise-run');
  assert.equal(await daemon.ok('logs', newest), 'in all 2 days');
  await app.takeDown();
}
