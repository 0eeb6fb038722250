import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import type { JobAnswer, JobRunAnswer } from '#api/types/schedules.ts';
import { startDaemon } from '../../support/daemon.ts';

const daemon = await startDaemon();
after(() => daemon[Symbol.asyncDispose]());
before(() => daemon.loadBusybox());

async function up(name: string, services: string): Promise<string> {
  const folder = join(daemon.folder, 'projects', name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'compose.yaml'), `services:\n${services}`);
  const { code, stderr, stdout } = await daemon.berth('up', folder);
  assert.equal(code, 0, `${stderr}${stdout}\n${daemon.log}`);
  return folder;
}

async function history(job: string): Promise<JobRunAnswer[]> {
  const { code, stdout, stderr } = await daemon.berth('schedule', 'history', job, '--json');
  assert.equal(code, 0, stderr);
  const parse: (text: string) => JobRunAnswer[] = JSON.parse;
  return parse(stdout);
}

/** Resolves once an event with this action was emitted after the call of `cause`. */
async function told(
  action: string,
  cause: () => Promise<unknown> = () => Promise.resolve(),
  since = Date.now(),
): Promise<Record<string, string>> {
  const parse: (text: string) => { Action: string; Actor: { Attributes: Record<string, string> } } =
    JSON.parse;
  const stream = await daemon.open('GET', `/events?since=${(since / 1000).toFixed(3)}`);
  try {
    await cause();
    for await (const line of createInterface(stream)) {
      const event = parse(line);
      if (event.Action === action) return event.Actor.Attributes;
    }
  } finally {
    stream.destroy();
  }
  throw new Error('the events ended');
}

const job = (command: string, schedule: string): string =>
  `{ image: busybox, stop_grace_period: 0s, command: sh -c '${command}', x-berth: { schedule: { cron: "@yearly", ${schedule} } } }\n`;
const start = async (name: string): Promise<void> => {
  const { code, stderr } = await daemon.berth('schedule', 'run', name);
  assert.equal(code, 0, stderr);
};

test('a service with a schedule runs no container until it is due; runs are kept with their logs up to the limit', async () => {
  const folder = await up(
    'times',
    `  web: { image: busybox, command: sleep 1000, stop_grace_period: 0s }
  job: ${job('echo done on $$HOSTNAME', 'history: { succeeded: 2 }, timezone: Europe/Berlin')}`,
  );
  assert.equal(await daemon.ok('ps', '-a', '--format', '{{.Names}}'), 'times-web-1');
  for (let count = 0; count < 3; count += 1) await told('job-succeeded', () => start('times/job'));
  const runs = await history('times/job');
  assert.deepEqual(
    runs.map(({ outcome, exitCode, tries, trigger }) => ({ outcome, exitCode, tries, trigger })),
    Array.from({ length: 2 }, () => ({ outcome: 'succeeded', exitCode: 0, tries: 1, trigger: 'person' })),
  );
  for (const { container } of runs) assert.match(await daemon.ok('logs', container), /^done on /);
  const { stdout } = await daemon.berth('schedule', 'times', '--json');
  const parse: (text: string) => JobAnswer[] = JSON.parse;
  const [listed] = parse(stdout);
  assert.equal(listed?.last?.id, runs[0]?.id);
  assert.match(listed?.next ?? '', /-12-31T23:00:00\.000Z$/);
  // What runs beside the replicas is neither in the way of the next up nor left by down.
  assert.match((await daemon.berth('up', folder)).stdout, /nothing changed/);
  assert.equal((await daemon.berth('down', folder)).code, 0);
  assert.equal(await daemon.ok('ps', '-aq'), '');
});

test('a failed run is tried again, one that takes too long is stopped, one beside another is skipped or replaces it', async () => {
  const folder = await up(
    'faults',
    `  bad: ${job('exit 7', 'retries: 1, backoff: 50ms')}  slow: ${job('sleep 1000', 'deadline: 300ms')}  single: ${job('sleep 1000', 'concurrency: forbid')}  latest: ${job('sleep 1000', 'concurrency: replace')}`,
  );
  const failed = await told('job-failed', () => start('faults/bad'));
  assert.deepEqual([failed['exitCode'], failed['tries']], ['7', '2']);
  const late = await told('job-timed-out', () => start('faults/slow'));
  assert.equal(late['exitCode'], '137');
  await start('faults/single');
  await told('job-skipped', () => start('faults/single'));
  await start('faults/latest');
  await told('job-replaced', () => start('faults/latest'));
  const outcomes = async (name: string): Promise<string[]> => (await history(name)).map((one) => one.outcome);
  assert.deepEqual(await outcomes('faults/single'), ['skipped', 'running']);
  assert.deepEqual(await outcomes('faults/latest'), ['running', 'replaced']);
  assert.equal((await daemon.berth('down', folder)).code, 0);
});

test('a run goes on while the daemon is away, and its end is told at the next start', async () => {
  const folder = await up(
    'away',
    `  job: ${job('while ! test -e /tmp/end; do sleep 0.05; done; exit 4', '')}`,
  );
  await start('away/job');
  const [run] = await history('away/job');
  assert.ok(run);
  const pid = await daemon.ok('inspect', '-f', '{{.State.Pid}}', run.container);
  await daemon.kill9();
  await writeFile(`/proc/${pid}/root/tmp/end`, '');
  const since = Date.now();
  await daemon.start();
  const { exitCode } = await told('job-failed', undefined, since);
  assert.equal(exitCode, '4');
  assert.equal((await history('away/job'))[0]?.id, run.id);
  assert.equal((await daemon.berth('down', folder)).code, 0);
});
