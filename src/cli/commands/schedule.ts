import type { JobAnswer, JobRunAnswer } from '#api/types/schedules.ts';
import type { Context } from '#cli/context.ts';
import { durationWords, timeWords } from '#cli/render/words.ts';
import { servicePath } from './service-path.ts';

export async function listSchedules(context: Context, app: string | undefined): Promise<void> {
  const client = await context.client();
  const jobs = await client.json<JobAnswer[]>({ path: '/berth/v1/schedules', query: { app } });
  const { output } = context;
  output.json(jobs);
  output.table(
    [
      ['JOB', 'SCHEDULE', 'LAST RUN', 'OUTCOME', 'NEXT RUN'],
      ...jobs.map(({ app: name, service, cron, timezone, last, next = '-' }) => [
        `${name}/${service}`,
        timezone === 'UTC' ? cron : `${cron} (${timezone})`,
        last === undefined ? '-' : timeWords(last.started),
        last === undefined ? '-' : outcomeWords(last),
        next,
      ]),
    ],
    'No schedules. A service gets one by x-berth.schedule.',
  );
}

export async function runSchedule(context: Context, job: string): Promise<void> {
  const client = await context.client();
  const run = await client.json<JobRunAnswer>({ method: 'POST', path: runsPath(job) });
  context.output.json(run);
  const words = run.outcome === 'skipped' ? 'was skipped: another run goes on' : 'has begun';
  context.output.print(`Run ${run.id} of ${job} ${words}`);
}

export async function showHistory(context: Context, job: string): Promise<void> {
  const client = await context.client();
  const runs = await client.json<JobRunAnswer[]>({ path: runsPath(job) });
  const { output } = context;
  output.json(runs);
  output.table(
    [
      ['RUN', 'STARTED', 'TOOK', 'OUTCOME', 'TRIES', 'BY', 'CONTAINER'],
      ...runs.map((run) => [
        run.id,
        timeWords(run.started),
        run.ended === '' ? '-' : durationWords(Date.parse(run.ended) - Date.parse(run.started)),
        outcomeWords(run),
        String(run.tries),
        run.trigger,
        run.container,
      ]),
    ],
    `${job} has not run yet.`,
  );
}

function outcomeWords({ outcome, exitCode, error }: JobRunAnswer): string {
  if (error !== undefined) return `${outcome}: ${error}`;
  return outcome === 'failed' ? `failed (${exitCode})` : outcome;
}

function runsPath(job: string): string {
  return `/berth/v1/schedules/${servicePath(job, 'berth schedule lists those that run at times')}/runs`;
}
