import { notFound } from '#base/errors.ts';
import type { JobRun } from '#domain/app/job-runs.ts';
import { lastDue, nextRun } from '#domain/app/schedule.ts';
import type { HealedApps } from './healing.ts';
import { JobLog } from './job-log.ts';
import { JobRunner, nameOf, type Job } from './job-runner.ts';
import type { AppParts } from './parts.ts';

/** Timers are set anew this often at least, so that a clock that is set, or a machine that slept, is noticed. */
const longestSleep = 60_000;

export interface JobSummary {
  app: string;
  service: string;
  cron: string;
  timezone: string;
  /** RFC 3339; absent when the schedule is never due again. */
  next?: string;
  last?: JobRun;
}

/** Runs services at the times of their `x-berth.schedule`. */
export class Schedules {
  readonly #parts: AppParts;
  readonly #apps: HealedApps;
  readonly #log: JobLog;
  readonly #runner: JobRunner;
  readonly #timers = new Map<string, AbortController>();
  #stopListening: () => void = () => undefined;

  constructor(parts: AppParts, apps: HealedApps) {
    this.#parts = parts;
    this.#apps = apps;
    this.#log = new JobLog(parts.store);
    this.#runner = new JobRunner(parts, apps, this.#log);
  }

  /** To be called when the containers of before have been taken over. */
  start(): void {
    this.#stopListening = this.#apps.locks.onFree(({ app, byPerson }) => {
      if (byPerson) this.#arrange(app);
    });
    for (const app of this.#apps.names()) this.#arrange(app);
    for (const job of this.#apps.names().flatMap((app) => this.#jobsOf(app))) {
      const runs = this.#log.get(nameOf(job))?.runs ?? [];
      for (const run of runs) if (run.outcome === 'running') this.#runner.resume(job, run);
    }
  }

  close(): void {
    this.#stopListening();
    for (const timer of this.#timers.values()) timer.abort();
    this.#runner.close();
  }

  /** Of one app or all, by name. */
  list(app?: string): JobSummary[] {
    const names = app === undefined ? this.#apps.names().toSorted() : [app];
    const now = this.#parts.clock.now();
    return names
      .flatMap((name) => this.#jobsOf(name))
      .map((job) => {
        const next = nextRun(job.schedule, now);
        const last = this.#log.get(nameOf(job))?.runs.at(-1);
        const { cron, timezone } = job.schedule;
        return {
          ...{ app: job.app, service: job.service, cron, timezone },
          ...(next === undefined ? {} : { next: new Date(next).toISOString() }),
          ...(last === undefined ? {} : { last }),
        };
      });
  }

  /** The latest first. @throws not-found `job-missing` */
  history(app: string, service: string): JobRun[] {
    return (this.#log.get(nameOf(this.#job(app, service)))?.runs ?? []).toReversed();
  }

  /** Runs a job now, beside its schedule. @throws not-found `job-missing` */
  run(app: string, service: string): JobRun {
    const job = this.#job(app, service);
    const id = this.#runner.begin(job, 'person', this.#parts.clock.now());
    const run = this.#log.run(nameOf(job), id);
    if (run !== undefined) return run;
    throw notFound('job-missing', `the run ${id} of ${nameOf(job)} is gone already`);
  }

  #job(app: string, service: string): Job {
    const job = this.#jobsOf(app).find((one) => one.service === service);
    if (job !== undefined) return job;
    throw notFound('job-missing', `there is no service '${app}/${service}' with a schedule`, {
      hint: 'berth schedule lists those that have one',
    });
  }

  #jobsOf(app: string): Job[] {
    const services = Object.values(this.#apps.target(app)?.model.services ?? {});
    return services.flatMap(({ name, schedule }) =>
      schedule === undefined ? [] : [{ app, service: name, schedule }],
    );
  }

  /** Makes the timers of an app those of its present target. */
  #arrange(app: string): void {
    const jobs = new Map(this.#jobsOf(app).map((job) => [nameOf(job), job]));
    for (const name of new Set([...this.#timers.keys(), ...this.#log.names()])) {
      if (!name.startsWith(`${app}/`)) continue;
      this.#timers.get(name)?.abort();
      this.#timers.delete(name);
      if (!jobs.has(name)) this.#log.forget(name);
    }
    for (const [name, job] of jobs) {
      const timer = new AbortController();
      this.#timers.set(name, timer);
      this.#follow(job, timer.signal).catch((error: unknown) => {
        if (!timer.signal.aborted) this.#parts.report(`the schedule of ${name} is no longer followed`, error);
      });
    }
  }

  async #follow(job: Job, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const name = nameOf(job);
    const times = timesOf(job);
    if (this.#log.get(name)?.times !== times) this.#log.consider(name, times, clock.now());
    this.#makeUpFor(job);
    for (;;) {
      const since = this.#log.get(name)?.considered ?? clock.now();
      const next = nextRun(job.schedule, since);
      const wait = next === undefined ? longestSleep : next - clock.now();
      if (next !== undefined && wait <= 0) {
        this.#log.consider(name, times, next);
        this.#runner.begin(job, 'schedule', next);
      } else await clock.sleep(Math.min(wait, longestSleep), signal);
    }
  }

  /** What was due while nobody looked counts as one. */
  #makeUpFor(job: Job): void {
    const name = nameOf(job);
    const now = this.#parts.clock.now();
    const missed = lastDue(job.schedule, this.#log.get(name)?.considered ?? now, now);
    if (missed === undefined) return;
    this.#log.consider(name, timesOf(job), now);
    if (job.schedule.missed === 'run-once') this.#runner.begin(job, 'schedule', missed);
  }
}

function timesOf({ schedule }: Job): string {
  return `${schedule.cron} ${schedule.timezone}`;
}
