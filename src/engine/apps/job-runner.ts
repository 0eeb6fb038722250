import { shortId, newId } from '#base/ids.ts';
import { isKind, messageOf } from '#base/errors.ts';
import { beyondHistory, type JobRun, type RunOutcome } from '#domain/app/job-runs.ts';
import { retryIn, type Schedule } from '#domain/app/schedule.ts';
import type { HealedApps } from './healing.ts';
import type { JobLog } from './job-log.ts';
import type { AppParts } from './parts.ts';
import { runRequest } from './run-request.ts';

/** A service that runs at times. */
export interface Job {
  app: string;
  service: string;
  schedule: Schedule;
}

export function nameOf({ app, service }: Pick<Job, 'app' | 'service'>): string {
  return `${app}/${service}`;
}

/** Runs jobs in containers of their own, tries again what failed, and keeps as many as the history is to hold. */
export class JobRunner {
  readonly #parts: AppParts;
  readonly #apps: Pick<HealedApps, 'target' | 'record'>;
  readonly #log: JobLog;
  readonly #closed = new AbortController();

  constructor(parts: AppParts, apps: Pick<HealedApps, 'target' | 'record'>, log: JobLog) {
    this.#parts = parts;
    this.#apps = apps;
    this.#log = log;
  }

  /** Stops watching; what runs goes on, and is taken over at the next start. */
  close(): void {
    this.#closed.abort(new Error('the daemon ends'));
  }

  /** Begins a run, or says that it may not begin. Gives its id. */
  begin(job: Job, trigger: JobRun['trigger'], due: number): string {
    const { concurrency } = job.schedule;
    const going = (this.#log.get(nameOf(job))?.runs ?? []).filter((one) => one.outcome === 'running');
    const isSkipped = going.length > 0 && concurrency === 'forbid';
    const now = this.#parts.clock.timestamp();
    const run: JobRun = {
      id: shortId(newId()),
      trigger,
      outcome: isSkipped ? 'skipped' : 'running',
      due: new Date(due).toISOString(),
      started: now,
      ended: isSkipped ? now : '',
      exitCode: 0,
      tries: 0,
      container: '',
    };
    this.#log.note(nameOf(job), run);
    if (concurrency === 'replace') for (const other of going) this.#replace(job, other);
    if (isSkipped) this.#tell(job, run);
    else this.#inBackground(job, run.id, this.#try(job, run));
    return run.id;
  }

  /** Takes over what went on while the daemon was away. */
  resume(job: Job, run: JobRun): void {
    const container = this.#parts.containers.find(run.container);
    if (container === undefined || container.state.status === 'created')
      this.#inBackground(
        job,
        run.id,
        this.#ended(job, run, 'failed', 137, 'the daemon ended before it began'),
      );
    else this.#inBackground(job, run.id, this.#watch(job, run));
  }

  #inBackground(job: Job, run: string, work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (!this.#closed.signal.aborted)
        this.#parts.report(`the run ${run} of ${nameOf(job)} was lost sight of`, error);
    });
  }

  async #try(job: Job, before: JobRun): Promise<void> {
    const { containers } = this.#parts;
    const tries = before.tries + 1;
    const name = tries === 1 ? before.id : `${before.id}-${tries}`;
    try {
      const request = runRequest(this.#parts.images, this.#apps, job, name);
      const { id } = await containers.create(request);
      if (!this.#goesOn(job, before)) {
        await containers.remove(id, { force: true, volumes: true });
        return;
      }
      const run = this.#log.note(nameOf(job), { ...before, tries, container: request.name ?? id });
      await containers.start(id);
      await this.#watch(job, run);
    } catch (error) {
      if (this.#closed.signal.aborted) throw error;
      const run = this.#log.run(nameOf(job), before.id) ?? before;
      await this.#ended(job, { ...run, tries }, 'failed', 128, messageOf(error));
    }
  }

  async #watch(job: Job, run: JobRun): Promise<void> {
    const { containers, clock } = this.#parts;
    const { deadline } = job.schedule;
    const timer = new AbortController();
    const signal = AbortSignal.any([timer.signal, this.#closed.signal]);
    const exit = containers.wait(run.container, 'not-running', signal).then(({ exitCode }) => exitCode);
    const left = deadline === undefined ? undefined : Date.parse(run.started) + deadline * 1000 - clock.now();
    try {
      const late = left === undefined ? exit : clock.sleep(Math.max(0, left), signal).then(() => undefined);
      late.catch(() => undefined);
      const exitCode = await Promise.race([exit, late]);
      if (exitCode === undefined) {
        await unlessUnchanged(containers.stop(run.container, { forChange: true }));
        await this.#ended(job, run, 'timed-out', await exit);
      } else await this.#ended(job, run, exitCode === 0 ? 'succeeded' : 'failed', exitCode);
    } finally {
      timer.abort();
    }
  }

  /** Another run may have replaced it meanwhile, or its app may be gone. */
  #goesOn(job: Job, { id }: JobRun): boolean {
    return this.#log.run(nameOf(job), id)?.outcome === 'running';
  }

  async #ended(job: Job, run: JobRun, outcome: RunOutcome, exitCode: number, error?: string): Promise<void> {
    if (!this.#goesOn(job, run)) return;
    const wait = outcome === 'failed' ? retryIn(job.schedule, run.tries) : undefined;
    if (wait !== undefined) {
      await this.#parts.clock.sleep(wait, this.#closed.signal);
      if (this.#goesOn(job, run)) await this.#try(job, run);
      return;
    }
    const ended = this.#parts.clock.timestamp();
    const why = error === undefined ? {} : { error };
    this.#tell(job, this.#log.note(nameOf(job), { ...run, outcome, exitCode, ended, ...why }));
    await this.#trim(job);
  }

  #replace(job: Job, run: JobRun): void {
    const ended = this.#parts.clock.timestamp();
    this.#tell(job, this.#log.note(nameOf(job), { ...run, outcome: 'replaced', exitCode: 137, ended }));
    const stop = unlessUnchanged(this.#parts.containers.stop(run.container, { forChange: true }));
    this.#inBackground(job, run.id, stop);
  }

  async #trim(job: Job): Promise<void> {
    for (const run of beyondHistory(this.#log.get(nameOf(job))?.runs ?? [], job.schedule.history)) {
      for (const { id, identity } of this.#parts.containers.list())
        if (identity?.app === job.app && (identity.run === run.id || identity.run?.startsWith(`${run.id}-`)))
          await this.#parts.containers.remove(id, { force: true, volumes: true });
      this.#log.drop(nameOf(job), run.id);
    }
  }

  #tell({ app, service }: Job, { id, outcome, exitCode, tries, container, error }: JobRun): void {
    this.#parts.events.emit('app', `job-${outcome}`, app, {
      service,
      run: id,
      exitCode: String(exitCode),
      tries: String(tries),
      container,
      ...(error === undefined ? {} : { error }),
    });
  }
}

async function unlessUnchanged(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isKind(error, 'unchanged') && !isKind(error, 'not-found')) throw error;
  }
}
