import { messageOf } from '#base/errors.ts';
import { nextRefresh } from '#domain/base/refresh-time.ts';
import type { Events } from '#engine/contracts.ts';
import type { Clock } from '#ports/clock.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';
import type { Refreshing, RefreshEvent } from './refreshing.ts';

/** How the latest refresh by the schedule went. */
export interface ScheduledRun {
  /** RFC 3339. */
  started: string;
  /** '' while it goes on. */
  ended: string;
  refreshed: string[];
  failed: string[];
  /** Why it came to no end. */
  error?: string;
}

interface ScheduleRecord {
  cron: string;
  /** Milliseconds since 1970: what was due until then has been seen to. */
  considered: number;
  /** Runs in a row that failed. */
  failures: number;
  last?: ScheduledRun;
}

export interface RefreshScheduleOptions {
  store: Pick<StateStore, 'collection'>;
  clock: Clock;
  events: Pick<Events, 'emit'>;
  refreshing: Pick<Refreshing, 'run'>;
  /** UTC; undefined: never. */
  cron: string | undefined;
  deploy: boolean;
  report: (problem: string, error: unknown) => void;
}

/** Timers are set anew this often at least, so that a clock that is set, or a machine that slept, is noticed. */
const longestSleep = 60_000;

/** Refreshes at the times of the setting `bases.refresh`; what was due while the daemon was away is made up for once. */
export class RefreshSchedule {
  readonly #options: RefreshScheduleOptions;
  readonly #records: Collection<ScheduleRecord>;
  readonly #stop = new AbortController();

  constructor(options: RefreshScheduleOptions) {
    this.#options = options;
    this.#records = options.store.collection('base-refresh');
  }

  start(): void {
    const { cron, report } = this.#options;
    if (cron === undefined) return;
    this.#follow(cron).catch((error: unknown) => {
      if (!this.#stop.signal.aborted) report('bases are no longer refreshed', error);
    });
  }

  close(): void {
    this.#stop.abort(new Error('the daemon stops'));
  }

  /** Undefined before the first. */
  get last(): ScheduledRun | undefined {
    return this.#records.get('schedule')?.last;
  }

  /** RFC 3339; undefined when none comes. */
  get next(): string | undefined {
    const { cron, clock } = this.#options;
    if (cron === undefined) return undefined;
    const { considered = clock.now(), failures = 0 } = this.#records.get('schedule') ?? {};
    const next = nextRefresh(cron, considered, failures);
    return next === undefined ? undefined : new Date(next).toISOString();
  }

  async #follow(cron: string): Promise<void> {
    const { clock } = this.#options;
    this.#begin(cron);
    for (;;) {
      const { considered, failures } = this.#record(cron);
      const next = nextRefresh(cron, considered, failures);
      const wait = next === undefined ? longestSleep : next - clock.now();
      if (wait > 0) await clock.sleep(Math.min(wait, longestSleep), this.#stop.signal);
      else await this.#run(cron);
    }
  }

  /** Another schedule counts from now; a run that a crash cut off has failed. */
  #begin(cron: string): void {
    const record = this.#record(cron);
    if (record.last?.ended !== '') return;
    const last = {
      ...record.last,
      ended: this.#options.clock.timestamp(),
      error: 'the daemon ended meanwhile',
    };
    this.#records.put('schedule', { ...record, failures: record.failures + 1, last });
  }

  #record(cron: string): ScheduleRecord {
    const known = this.#records.get('schedule');
    if (known?.cron === cron) return known;
    const record = { cron, considered: this.#options.clock.now(), failures: 0 };
    this.#records.put('schedule', record);
    return record;
  }

  async #run(cron: string): Promise<void> {
    const { clock, refreshing, deploy, events, report } = this.#options;
    const started = clock.timestamp();
    const record = { ...this.#record(cron), considered: clock.now() };
    let last: ScheduledRun = { started, ended: '', refreshed: [], failed: [] };
    this.#records.put('schedule', { ...record, last });
    try {
      const request = { dryRun: false, deploy, again: false, by: 'berth' };
      await refreshing.run(request, (event) => (last = withResult(last, event)), this.#stop.signal);
    } catch (error) {
      this.#stop.signal.throwIfAborted();
      last = { ...last, error: messageOf(error) };
    }
    last = { ...last, ended: clock.timestamp() };
    const isWell = last.error === undefined && last.failed.length === 0;
    this.#records.put('schedule', { ...record, failures: isWell ? 0 : record.failures + 1, last });
    if (!isWell) report('a refresh of bases failed', new Error(last.error ?? last.failed.join(', ')));
    events.emit('image', isWell ? 'base-refresh' : 'base-refresh-failed', 'bases', {
      refreshed: last.refreshed.join(','),
      failed: last.failed.join(','),
      ...(last.error === undefined ? {} : { error: last.error }),
    });
  }
}

function withResult(run: ScheduledRun, event: RefreshEvent): ScheduledRun {
  return event.type === 'result' ? { ...run, refreshed: event.refreshed, failed: event.failed } : run;
}
