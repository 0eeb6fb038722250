import { conflict } from '#base/errors.ts';
import { differences, type AppDifference } from '#domain/app/difference.ts';
import { isSameTarget } from '#domain/app/pinned.ts';
import type { AppTarget } from '#domain/app/target.ts';
import type { Secrets } from '#engine/contracts/secrets.ts';
import type { Apps } from './apps.ts';
import type { Change, Emit } from './change.ts';
import { tellConfigLines } from './config-lines.ts';
import type { AppRecord } from './parts.ts';
import type { Requester } from './requests.ts';
import type { Revision, Revisions } from './revisions.ts';

/** A revision as people see it. */
export interface HistoryEntry extends Omit<Revision, 'target' | 'paused'> {
  state: 'in force' | 'former' | 'failed';
}

export interface HistoryDetail extends HistoryEntry {
  /** By service, the very images. */
  images: { service: string; image: string; imageId?: string }[];
  /** From the kept one before, and from what is in force to it. */
  sincePrevious: AppDifference;
  toIt: AppDifference;
}

export interface RollbackRequest extends Requester {
  /** Absent: the last one before that in force that was well. */
  revision?: number;
  /** Also when more is reserved than the machine has. */
  overcommit?: boolean;
}

type ValuesOf = Pick<Secrets, 'value'>;
type HistoryApps = Pick<Apps, 'record' | 'get' | 'converge' | 'host'>;

/** What apps once were, and the way back there. */
export class History {
  readonly #revisions: Revisions;
  readonly #apps: HistoryApps;
  readonly #values: ValuesOf;

  constructor(revisions: Revisions, apps: HistoryApps, values: ValuesOf) {
    this.#values = values;
    this.#revisions = revisions;
    this.#apps = apps;
  }

  /** Those that are kept, the oldest first. @throws not-found `app-missing` */
  list(app: string): HistoryEntry[] {
    this.#apps.get(app);
    return this.#revisions.list(app).map((one) => this.#entry(one));
  }

  /** @throws not-found `app-missing`, `app-revision-missing` */
  async get(app: string, number: number): Promise<HistoryDetail> {
    this.#apps.get(app);
    const revision = this.#revisions.get(app, number);
    const list = this.#revisions.list(app);
    // A failed one never held: what came after it did not begin there.
    const previous = list.findLast((one) => one.number < number && one.failure === undefined);
    return {
      ...this.#entry(revision),
      images: revision.target.services.map(({ name, image, imageId }) => ({
        service: name,
        image,
        ...(imageId === undefined ? {} : { imageId }),
      })),
      sincePrevious: await this.#differences(previous?.target, revision.target),
      toIt: await this.#differences(this.#apps.record(app)?.target, revision.target),
    };
  }

  /**
   * Makes the app as a revision was: images, environment, configs and all, without its files, by the rules of
   * `deploy.rollback_config`. The scale in force stays.
   * @throws not-found `app-missing`, `app-revision-missing`, `app-image-missing`; conflict `app-not-up`, `app-no-former`,
   * `app-does-not-fit`; as
   * `Apps.converge`
   */
  async rollback(
    app: string,
    { revision: number, by, timeout, overcommit = false }: RollbackRequest,
    emit: Emit,
    signal: AbortSignal,
  ): Promise<void> {
    const record = this.#upRecord(app);
    const revision = number === undefined ? this.#former(app, record) : this.#revisions.get(app, number);
    const { target, folder, files, sources } = revision;
    for (const message of await this.#apps.host.check(target.model, overcommit))
      emit({ type: 'note', message });
    const reason = `rollback to revision ${revision.number}`;
    const origin = { folder, files, sources, rebuild: false, of: revision.number };
    const change: Change = { reason, by, timeout, ...origin, isBack: true };
    await this.#apps.converge('rollback', target, change, emit, signal);
  }

  async #differences(before: AppTarget | undefined, after: AppTarget): Promise<AppDifference> {
    const found = differences(before, after);
    await tellConfigLines(found.services, before, after, (reference) => this.#values.value(reference));
    return found;
  }

  /** Where a rollback without a number leads: from one that was a rollback itself further back. */
  #former(app: string, { revision: number, target }: UpRecord): Revision {
    const list = this.#revisions.list(app);
    const now = list.find((one) => one.number === number);
    // What stands half-way goes back to what is in force.
    if (now !== undefined && list.some((one) => one.number > number && one.paused === true)) return now;
    const before = now?.of ?? number;
    const former = list.findLast(
      (one) => one.number < before && one.failure === undefined && !isSameTarget(one.target, target),
    );
    if (former !== undefined) return former;
    throw conflict('app-no-former', `the app ${app} has no revision before ${before} to go back to`, {
      hint: `berth history ${app} shows those that are kept`,
    });
  }

  #entry({ target: _, paused: __, ...revision }: Revision): HistoryEntry {
    const inForce = this.#apps.record(revision.app)?.revision === revision.number;
    if (inForce) return { ...revision, state: 'in force' };
    return { ...revision, state: revision.failure === undefined ? 'former' : 'failed' };
  }

  #upRecord(app: string): UpRecord {
    this.#apps.get(app);
    const record = this.#apps.record(app);
    if (record?.target !== undefined) return { ...record, target: record.target };
    throw conflict('app-not-up', `the app ${app} was never up`, { hint: 'run berth up first' });
  }
}

type UpRecord = AppRecord & { target: AppTarget };
