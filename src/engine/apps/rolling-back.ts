import { messageOf } from '#base/errors.ts';
import type { AppTarget } from '#domain/app/target.ts';
import type { Change } from './change.ts';
import { executors } from './executors.ts';
import type { AppRecord } from './parts.ts';
import { isCleanUp, type Planning } from './planning.ts';
import type { AppRecords } from './records.ts';
import { execute, isPaused, type Run } from './run.ts';

type Asked = Pick<Change, 'canary' | 'isBack' | 'stopped'>;

/**
 * Brings an app back from an update that failed by the rules of `deploy.rollback_config`: in groups, with pauses and
 * watched, as an update is. Without such rules the steps of the update are taken back one by one, which is faster.
 */
export class RollingBack {
  readonly #planning: Planning;
  readonly #records: AppRecords;

  constructor(planning: Planning, records: AppRecords) {
    this.#planning = planning;
    this.#records = records;
  }

  /** Gives whether the containers are dealt with; else the steps are to be taken back. */
  async run(failed: Run, asked: Asked): Promise<boolean> {
    const record = this.#records.get(failed.app);
    const target = record?.target;
    if (record === undefined || target === undefined || !this.#isMeant(failed, asked, record, target))
      return false;
    const { emit } = failed;
    emit({ type: 'note', message: 'the update is rolled back as deploy.rollback_config says' });
    const run = this.#runOf(failed, record);
    try {
      await this.#goBack(run, target, record, asked);
      return true;
    } catch (error) {
      const isHeld = isPaused(run);
      const next = isHeld
        ? 'it is paused there, as its failure_action says; berth rollback goes on with it'
        : 'the steps of the update are taken back one by one';
      emit({ type: 'note', message: `the rollback failed: ${messageOf(error)}; ${next}` });
      return isHeld;
    }
  }

  #isMeant(
    { revision, signal }: Run,
    { canary, isBack }: Asked,
    record: AppRecord,
    target: AppTarget,
  ): boolean {
    const hasRules = Object.values(target.model.services).some((one) => one.deploy?.rollback !== undefined);
    return (
      hasRules && canary === undefined && isBack !== true && revision > record.revision && !signal.aborted
    );
  }

  /** A run in which nothing is taken back. */
  #runOf(failed: Run, { revision, folder, files }: AppRecord): Run {
    const { target: former, ...rest } = failed;
    const origin = { revision, folder, files, target: undefined };
    const run = {
      ...rest,
      ...origin,
      fresh: new Set<string>(),
      failed: new Map<string, Set<string>>(),
      displaced: 0,
    };
    return { ...run, onFailure: () => undefined, ...(former === undefined ? {} : { former }) };
  }

  async #goBack(
    run: Run,
    former: AppTarget,
    { scale = {} }: AppRecord,
    { stopped = [] }: Asked,
  ): Promise<void> {
    const asked = { rebuild: false, isBack: true as const, stopped };
    run.target = this.#planning.wanted(former, scale, asked);
    // What the update made for containers to stand on is taken back with its other steps.
    const steps = this.#planning
      .steps(run.target, asked, run.fresh)
      .filter(({ kind }) => kind !== 'remove-network');
    const { app, revision } = run;
    const report = await this.#planning.report(former, scale, steps);
    run.emit({ type: 'plan', app, revision, steps, ...report });
    const end = steps.findLastIndex((step) => !isCleanUp(step)) + 1;
    await execute(steps.slice(0, end), executors, run);
    await execute(steps.slice(end), executors, run);
  }
}
