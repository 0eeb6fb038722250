import { inForce } from '#domain/app/scale.ts';
import type { Step } from '#domain/app/step.ts';
import type { AppTarget } from '#domain/app/target.ts';
import type { Change, Emit } from './change.ts';
import type { ReadValue } from './config-lines.ts';
import { executors } from './executors.ts';
import type { AppParts } from './parts.ts';
import { changes, isCleanUp, isImageStep, Planning, type Asked, type PlanReport } from './planning.ts';
import type { AppRecords } from './records.ts';
import { Remembering, type Made } from './remembering.ts';
import type { Revisions } from './revisions.ts';
import { RollingBack } from './rolling-back.ts';
import { execute, isPaused, isUnwell, type Run } from './run.ts';
import { ShownPlans } from './shown-plans.ts';
import { summarize } from './summary.ts';
import { TakingBack } from './taking-back.ts';

/** What would be done to an app, and its id: the same as long as nothing of what it follows from changes. */
export interface AppPlan extends PlanReport {
  id: string;
  revision: number;
  steps: Step[];
  notes: string[];
}

/** How it went, and what is to be done once it is in force. */
interface Converged {
  changed: boolean;
  cleanUp: Step[];
}

const pausedNote =
  'the update is paused where it failed, as its failure_action says; berth up goes on with it, berth rollback goes back';

/** Makes apps as their targets say. The caller holds the app's lock. */
export class Convergence {
  readonly #parts: AppParts;
  readonly #records: AppRecords;
  readonly #planning: Planning;
  readonly #remembering: Remembering;
  readonly #rollingBack: RollingBack;
  readonly #shown = new ShownPlans();

  constructor(parts: AppParts, records: AppRecords, revisions: Revisions) {
    this.#parts = parts;
    this.#records = records;
    this.#planning = new Planning(parts, records, revisions);
    this.#remembering = new Remembering(parts, records, revisions);
    this.#rollingBack = new RollingBack(this.#planning, records);
  }

  /** What `run` would do, the number that it would give, and notes on the scale. @throws as `#domain/app/plan.ts` */
  async plan(target: AppTarget, asked: Asked, read: ReadValue): Promise<AppPlan> {
    const { scale, notes } = this.#planning.scale(target, asked.scale);
    const steps = this.#planning.first(target, scale, asked);
    const id = this.#shown.show(this.#planning.basis(target, scale, asked));
    const revision = this.#planning.number(target, steps);
    const report = await this.#planning.report(target, scale, steps, read);
    return { id, revision, steps, notes, ...report };
  }

  /**
   * Makes the app as the target says. Events tell the progress; the last one is the result. What fails is undone when
   * there was something before; a first start that is not well stays for inspection.
   * @throws as `#domain/app/plan.ts`; conflict `app-unwell`; as the verbs of the other nouns
   */
  async run(target: AppTarget, change: Change, emit: Emit, signal: AbortSignal): Promise<void> {
    const { app } = target;
    const { scale, notes } = this.#planning.scale(target, change.scale);
    if (change.plan !== undefined)
      this.#shown.check(change.plan, this.#planning.basis(target, scale, change));
    const wanted = inForce(target, scale);
    const first = this.#planning.first(target, scale, change);
    const revision = this.#planning.number(target, first);
    const onIngress = await this.#parts.ingress.check(target.model);
    for (const message of [...notes, ...onIngress]) emit({ type: 'note', message });
    const report = await this.#planning.report(target, scale, first);
    emit({ type: 'plan', app, revision, steps: first, ...report });
    const undo = new TakingBack(this.#parts.report, emit);
    const run = this.#start(wanted, change, revision, undo, emit, signal);
    const isNew = this.#remembering.begin(app, change);
    let made: Made | undefined;
    let done: Converged;
    try {
      await execute(first.filter(isImageStep), executors, run);
      if (change.canary === undefined) await this.#police(target, undo, emit);
      made = { target: this.#planning.pinned(target), scale, change };
      done = await this.#converge(first, made, run);
      await this.#parts.ingress.assign(target.model);
      this.#remembering.remember(made, run.revision);
    } catch (error) {
      // Nothing to go back to: what is unwell stays, so that its logs can be read and `up` can go on.
      const stays = isUnwell(error) && run.displaced === 0;
      if (stays && made !== undefined) await this.#leave(made, run.revision, error);
      else if (isPaused(run)) emit({ type: 'note', message: pausedNote });
      else {
        if (isUnwell(error) && (await this.#rollingBack.run(run, change))) undo.leaveContainers();
        await undo.run();
      }
      if (!stays && made !== undefined) this.#fail(made, run, error);
      if (isNew && !stays) this.#records.forget(app);
      throw error;
    }
    // Nothing leads back once the first of the former containers is gone: the others go too, whoever leaves.
    await execute(done.cleanUp, executors, { ...run, signal: new AbortController().signal });
    this.#tell(app, done.changed, emit);
  }

  /** Before containers change: who comes is subject to it from its first packet. */
  async #police({ app, model }: AppTarget, undo: TakingBack, emit: Emit): Promise<void> {
    const { policies } = this.#parts;
    const { former, changed } = await policies.declare(model);
    if (!changed) return;
    undo.add(() => policies.restore(app, former));
    const message = 'who may call whom has changed for new connections: berth policy show';
    if (former.length > 0) emit({ type: 'note', message });
  }

  /** Served from outside as soon as it gets well. */
  async #leave(made: Made, revision: number, error: unknown): Promise<void> {
    this.#remembering.remember(made, revision, error);
    await this.#parts.ingress
      .assign(made.target.model)
      .catch((error: unknown) => this.#parts.report(`${made.target.app} is not served from outside`, error));
  }

  /** The attempt stands in the history, and it is said what is in force. */
  #fail(made: Made, run: Run, error: unknown): void {
    const isHalfWay = isPaused(run);
    this.#remembering.fail(made, run.revision, error, isHalfWay);
    const inForce = this.#records.get(run.app)?.revision ?? 0;
    if (isHalfWay || inForce === 0 || run.revision === inForce) return;
    const message = `revision ${inForce} is in force as before; what was tried is revision ${run.revision} in berth history`;
    run.emit({ type: 'note', message });
  }

  #tell(app: string, changed: boolean, emit: Emit): void {
    const { revision, services } = summarize(this.#parts, app, this.#records.get(app));
    if (changed) this.#parts.events.emit('app', 'up', app, { revision: String(revision) });
    emit({ type: 'result', app, revision, changed, services });
  }

  /** What the images turned out to be decides about the containers. */
  async #converge(first: Step[], { target, scale, change }: Made, run: Run): Promise<Converged> {
    const planning = this.#planning;
    run.target = planning.wanted(target, scale, change);
    const foreseen = first.filter((step) => !isImageStep(step));
    const steps = foreseen.length === first.length ? first : planning.steps(run.target, change, run.fresh);
    run.revision = planning.number(target, steps);
    if (JSON.stringify(steps) !== JSON.stringify(foreseen)) {
      const report = await planning.report(target, scale, steps);
      run.emit({ type: 'plan', app: run.app, revision: run.revision, steps, ...report });
    }
    const end = steps.findLastIndex((step) => !isCleanUp(step)) + 1;
    await execute(steps.slice(0, end), executors, run);
    // A build that gave the image that was there already has changed nothing.
    return { changed: steps.some(changes), cleanUp: steps.slice(end) };
  }

  #start(
    target: AppTarget,
    { folder, files, timeout, auths, sshAgent }: Change,
    revision: number,
    undo: TakingBack,
    emit: Emit,
    signal: AbortSignal,
  ): Run {
    const former = this.#records.get(target.app)?.target;
    return {
      parts: this.#parts,
      app: target.app,
      target,
      revision,
      folder,
      files,
      timeout,
      stopTimeout: undefined,
      emit,
      signal,
      ...(auths === undefined ? {} : { auths }),
      ...(sshAgent === undefined ? {} : { sshAgent }),
      fresh: new Set(),
      displaced: 0,
      failed: new Map(),
      ...(former === undefined ? {} : { former }),
      onFailure: undo.onFailure,
    };
  }
}
