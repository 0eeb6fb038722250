import type { JobRun } from '#domain/app/job-runs.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';

/** What is known of a service that runs at times. */
export interface JobRecord {
  /** Up to when the schedule has been looked at, in milliseconds since 1970. */
  considered: number;
  /** The cron expression and its time zone, of which that holds. */
  times: string;
  /** The oldest first. */
  runs: JobRun[];
}

/** The runs of all jobs, by APP/SERVICE: in memory, written through. */
export class JobLog {
  readonly #stored: Collection<JobRecord>;
  readonly #jobs: Map<string, JobRecord>;

  constructor(store: StateStore) {
    this.#stored = store.collection<JobRecord>('job-runs');
    this.#jobs = new Map(this.#stored.entries());
  }

  get(job: string): JobRecord | undefined {
    return this.#jobs.get(job);
  }

  names(): string[] {
    return [...this.#jobs.keys()];
  }

  consider(job: string, times: string, at: number): void {
    this.#save(job, { runs: [], ...this.#jobs.get(job), times, considered: at });
  }

  run(job: string, id: string): JobRun | undefined {
    return this.#jobs.get(job)?.runs.find((one) => one.id === id);
  }

  /** Adds a run, or changes it. */
  note(job: string, run: JobRun): JobRun {
    const { considered = 0, times = '', runs = [] } = this.#jobs.get(job) ?? {};
    const isKnown = runs.some((one) => one.id === run.id);
    const now = isKnown ? runs.map((one) => (one.id === run.id ? run : one)) : [...runs, run];
    this.#save(job, { considered, times, runs: now });
    return run;
  }

  drop(job: string, id: string): void {
    const record = this.#jobs.get(job);
    if (record !== undefined)
      this.#save(job, { ...record, runs: record.runs.filter((one) => one.id !== id) });
  }

  forget(job: string): void {
    this.#jobs.delete(job);
    this.#stored.delete(job);
  }

  #save(job: string, record: JobRecord): void {
    this.#stored.put(job, record);
    this.#jobs.set(job, record);
  }
}
