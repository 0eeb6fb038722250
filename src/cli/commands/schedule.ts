import { invalid } from '#base/errors.ts';
import type { JobAnswer, JobRunAnswer } from '#api/types/schedules.ts';
import type { Context } from '#cli/context.ts';
import { durationWords } from '#cli/render/words.ts';

export async function listSchedules(context: Context, app: string | undefined): Promise<void> {
  const client = await context.client();
  const query = app === undefined ? '' : `?app=${encodeURIComponent(app)}`;
  const jobs = jobAnswers(await client.json({ path: `/berth/v1/schedules${query}` }));
  const { output } = context;
  output.json(jobs);
  if (jobs.length === 0) output.print('No schedules. A service gets one by x-berth.schedule.');
  else
    output.table([
      ['JOB', 'SCHEDULE', 'LAST RUN', 'OUTCOME', 'NEXT RUN'],
      ...jobs.map(({ app: name, service, cron, timezone, last, next = '-' }) => [
        `${name}/${service}`,
        timezone === 'UTC' ? cron : `${cron} (${timezone})`,
        last?.started.slice(0, 19).concat('Z') ?? '-',
        last === undefined ? '-' : outcomeWords(last),
        next,
      ]),
    ]);
}

export async function runSchedule(context: Context, job: string): Promise<void> {
  const client = await context.client();
  const run = runAnswer(await client.json({ method: 'POST', path: runsPath(job) }));
  context.output.json(run);
  const words = run.outcome === 'skipped' ? 'was skipped: another run goes on' : 'has begun';
  context.output.print(`Run ${run.id} of ${job} ${words}`);
}

export async function showHistory(context: Context, job: string): Promise<void> {
  const client = await context.client();
  const runs = runAnswers(await client.json({ path: runsPath(job) }));
  const { output } = context;
  output.json(runs);
  if (runs.length === 0) output.print(`${job} has not run yet.`);
  else
    output.table([
      ['RUN', 'STARTED', 'TOOK', 'OUTCOME', 'TRIES', 'BY', 'CONTAINER'],
      ...runs.map((run) => [
        run.id,
        `${run.started.slice(0, 19)}Z`,
        run.ended === '' ? '-' : durationWords(Date.parse(run.ended) - Date.parse(run.started)),
        outcomeWords(run),
        String(run.tries),
        run.trigger,
        run.container,
      ]),
    ]);
}

function outcomeWords({ outcome, exitCode, error }: JobRunAnswer): string {
  if (error !== undefined) return `${outcome}: ${error}`;
  return outcome === 'failed' ? `failed (${exitCode})` : outcome;
}

function runsPath(job: string): string {
  const [app = '', service = '', ...more] = job.split('/');
  if (app === '' || service === '' || more.length > 0)
    throw invalid('job-name-invalid', `'${job}' names no job: required is APP/SERVICE`, {
      hint: 'berth schedule lists them',
    });
  return `/berth/v1/schedules/${encodeURIComponent(app)}/${encodeURIComponent(service)}/runs`;
}

// What the API promises (api/types/schedules.ts); the daemon and this program are released together.
function jobAnswers(value: unknown): JobAnswer[];
function jobAnswers(value: unknown): unknown {
  return value;
}

function runAnswers(value: unknown): JobRunAnswer[];
function runAnswers(value: unknown): unknown {
  return value;
}

function runAnswer(value: unknown): JobRunAnswer;
function runAnswer(value: unknown): unknown {
  return value;
}
