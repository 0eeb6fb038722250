import { messageOf } from '#base/errors.ts';
import { targetChanges } from '#domain/app/reasons.ts';
import { inForce, type Scale } from '#domain/app/scale.ts';
import type { AppTarget } from '#domain/app/target.ts';
import type { Change } from './change.ts';
import type { AppParts } from './parts.ts';
import { servicesOf, type AppRecords } from './records.ts';
import type { Revision, Revisions } from './revisions.ts';

/** What a run makes. */
export interface Made {
  target: AppTarget;
  scale: Scale;
  change: Change;
}

/** Unless the file says another number. */
const keptRevisions = 10;

/** Writes down what apps are to be, and what they were. */
export class Remembering {
  readonly #parts: Pick<AppParts, 'clock' | 'store'>;
  readonly #records: AppRecords;
  readonly #revisions: Revisions;

  constructor(parts: Pick<AppParts, 'clock' | 'store'>, records: AppRecords, revisions: Revisions) {
    this.#parts = parts;
    this.#records = records;
    this.#revisions = revisions;
  }

  /**
   * An app is known before its first step: one whose `up` was killed can be taken down, also when no
   * container of it came to be. Gives whether it was not known before.
   */
  begin(app: string, { folder, files }: Change): boolean {
    this.#records.keep(app);
    if (this.#records.get(app) !== undefined) return false;
    const updated = this.#parts.clock.timestamp();
    this.#records.save({ name: app, revision: 0, folder, files, updated, services: {} });
    return true;
  }

  /** It holds from now on. @param unwell why a first start that stays is not well yet */
  remember(made: Made, revision: number, unwell?: unknown): void {
    const { target, scale, change } = made;
    const { app } = target;
    const before = this.#records.get(app);
    const { stopped = [], folder, files, sources, canary: share } = change;
    if (share !== undefined && before !== undefined) {
      this.#records.save({ ...before, scale, stopped, canary: { target, share, folder, files, sources } });
      return;
    }
    const updated = this.#parts.clock.timestamp();
    const services = servicesOf(inForce(target, scale));
    this.#parts.store.transaction(() => {
      if (!this.#revisions.list(app).some((one) => one.number === revision))
        this.#add(made, revision, before?.target, unwell === undefined ? {} : { failure: messageOf(unwell) });
      if (unwell === undefined) this.#revisions.settle(app, revision);
      this.#records.save({ name: app, revision, folder, files, updated, services, target, scale, stopped });
    });
  }

  /** It was tried and does not hold; what is in force stays. */
  fail(made: Made, revision: number, error: unknown, isPaused: boolean): void {
    const record = this.#records.get(made.target.app);
    // Bringing back what is in force anyway is no attempt at something else.
    if (record?.target === undefined || revision <= record.revision) return;
    const failure = { failure: messageOf(error), ...(isPaused ? { paused: true as const } : {}) };
    this.#add(made, revision, record.target, failure);
  }

  #add(
    { target, change }: Made,
    number: number,
    before: AppTarget | undefined,
    failure: Pick<Revision, 'failure' | 'paused'>,
  ): void {
    const { by, reason, folder, files, sources, of } = change;
    const created = this.#parts.clock.timestamp();
    const revision = { app: target.app, number, created, by, reason, changes: targetChanges(before, target) };
    this.#revisions.add(
      { ...revision, folder, files, sources, target, ...(of === undefined ? {} : { of }), ...failure },
      target.model.update?.history ?? keptRevisions,
    );
  }
}
