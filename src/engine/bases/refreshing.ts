import { conflict, messageOf } from '#base/errors.ts';
import { planRefresh, type RefreshPlan, type RefreshStep } from '#domain/base/refresh-plan.ts';
import { packageChanges, type PackageChange } from '#domain/package/outdated.ts';
import type { Events, Images, Progress } from '#engine/contracts.ts';
import type { Clock } from '#ports/clock.ts';
import type { Bases } from './bases.ts';
import type { BuildRecord } from './build-record.ts';
import { candidatesOf } from './candidates.ts';
import type { Deployments, Deployment } from './deployments.ts';
import type { Inventories } from './inventories.ts';
import type { Outdated, OutdatedReport } from './outdated.ts';
import type { RecordedBuilds } from './recorded-builds.ts';
import type { BroughtSecrets } from './secrets-again.ts';
import type { TriedBuilds } from './tried-builds.ts';

/** What a person is told while images are refreshed. */
export type RefreshEvent =
  | { type: 'note'; message: string }
  | ({ type: 'plan' } & RefreshPlan & { deployments: Deployment[] })
  | { type: 'progress'; name: string; text: string }
  | { type: 'step'; name: string; action: RefreshStep['action']; state: 'started' }
  | { type: 'step'; name: string; action: RefreshStep['action']; state: 'unchanged'; message?: string }
  | { type: 'step'; name: string; action: RefreshStep['action']; state: 'done'; changes: PackageChange[] }
  | {
      type: 'step';
      name: string;
      action: RefreshStep['action'];
      state: 'failed' | 'skipped';
      message: string;
    }
  | { type: 'deploy'; app: string; services: string[]; state: 'started' | 'done' }
  | { type: 'deploy'; app: string; services: string[]; state: 'failed' | 'skipped'; message: string }
  | { type: 'result'; refreshed: string[]; failed: string[]; waiting: Deployment[] };

export interface RefreshRequest {
  /** Only this image, what it is built upon and what is built upon it. */
  image?: string;
  dryRun: boolean;
  /** Give apps what was rebuilt, by a rolling update. */
  deploy: boolean;
  /** Also of what failed before, although nothing is different. */
  again: boolean;
  /** Who asks, for the history of apps. */
  by: string;
  /** For builds that were given secrets of these ids. */
  secrets?: BroughtSecrets;
}

export interface RefreshingOptions {
  images: Pick<Images, 'list' | 'get' | 'find' | 'pull' | 'tag' | 'usedBy'>;
  bases: Pick<Bases, 'forgetPlans'>;
  builds: RecordedBuilds;
  inventories: Inventories;
  outdated: Outdated;
  deployments: Deployments;
  tried: Pick<TriedBuilds, 'note'>;
  clock: Pick<Clock, 'timestamp'>;
  events: Pick<Events, 'emit'>;
}

/** One refresh under way. */
interface Run {
  report: OutdatedReport;
  brought: BroughtSecrets;
  emit: (event: RefreshEvent) => void;
  signal: AbortSignal;
}

/** Rebuilds what is outdated and all that is built upon it. One refresh at a time. */
export class Refreshing {
  readonly #options: RefreshingOptions;
  #running = false;
  /** The image that is being replaced: its names go back to it when that brings nothing. */
  #replaced: string | undefined;

  constructor(options: RefreshingOptions) {
    this.#options = options;
    options.images.usedBy((id) => (id === this.#replaced ? [{ holder: 'a refresh that rebuilds it' }] : []));
  }

  /**
   * The last event is the result. What one step does stays when a later one fails; run again, it goes on with what is left.
   * @throws conflict `base-refresh-busy`; not-found `image-missing`; as `Outdated.report`
   */
  async run(
    request: RefreshRequest,
    emit: (event: RefreshEvent) => void,
    signal: AbortSignal,
  ): Promise<void> {
    if (this.#running)
      throw conflict('base-refresh-busy', 'images are being refreshed already', {
        hint: 'wait for the other refresh to end',
      });
    this.#running = true;
    try {
      await this.#run(request, emit, signal);
    } finally {
      this.#running = false;
    }
  }

  async #run(
    request: RefreshRequest,
    emit: (event: RefreshEvent) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { images, bases, builds, outdated, deployments } = this.#options;
    await builds.settled();
    const only = request.image === undefined ? undefined : new Set<string>([images.get(request.image).id]);
    const report = await outdated.report((message) => emit({ type: 'note', message }), signal);
    const { secrets: brought = new Map() } = request;
    const plan = this.#plan(report, only, brought);
    const names = plan.steps.map(({ name }) => name);
    const foreseen = deployments.due(new Set(names), report);
    emit({ type: 'plan', ...plan, deployments: foreseen });
    if (request.dryRun) {
      emit({ type: 'result', refreshed: [], failed: [], waiting: foreseen });
      return;
    }
    // What was planned before the mirror was asked is of yesterday.
    bases.forgetPlans();
    const done = await this.#carryOut(plan.steps, { report, brought, emit, signal });
    const waiting = deployments.due(new Set(done.refreshed), report);
    const { left, failed } = request.deploy
      ? await this.#deploy(waiting, request, emit, signal)
      : { left: waiting, failed: [] };
    emit({ type: 'result', refreshed: done.refreshed, failed: [...done.failed, ...failed], waiting: left });
  }

  #plan(report: OutdatedReport, only: ReadonlySet<string> | undefined, brought: BroughtSecrets): RefreshPlan {
    const { images, builds } = this.#options;
    const recordOf: RecordedBuilds['recordOf'] = (tag, imageId) => builds.recordOf(tag, imageId, brought);
    return planRefresh(candidatesOf(images.list(), report.facts, { recordOf }), only);
  }

  async #carryOut(
    steps: readonly RefreshStep[],
    run: Run,
  ): Promise<{ refreshed: string[]; failed: string[] }> {
    const { emit, signal } = run;
    const refreshed: string[] = [];
    const failed: string[] = [];
    for (const step of steps) {
      signal.throwIfAborted();
      const { name, action } = step;
      const missing = step.after.find((other) => failed.includes(other));
      try {
        if (missing !== undefined) {
          failed.push(name);
          emit({ type: 'step', name, action, state: 'skipped', message: `${missing} was not refreshed` });
          continue;
        }
        this.#replaced = step.imageId;
        if (await this.#refresh(step, run)) refreshed.push(name);
      } catch (error) {
        signal.throwIfAborted();
        failed.push(name);
        emit({ type: 'step', name, action, state: 'failed', message: messageOf(error) });
      } finally {
        this.#replaced = undefined;
      }
    }
    return { refreshed, failed };
  }

  /** Gives whether the name stands for another image now. */
  async #refresh(step: RefreshStep, { report, brought, emit, signal }: Run): Promise<boolean> {
    const { images, builds, inventories, events } = this.#options;
    const { name, action } = step;
    const former = images.find(name);
    // Another step moved all the tags of one build.
    if (former?.id !== step.imageId) return true;
    const before = await inventories.of(former);
    const record = action === 'build' ? builds.recordOf(name, former.id) : undefined;
    emit({ type: 'step', name, action, state: 'started' });
    const onProgress = (progress: Progress): void => {
      const text = (progress.stream ?? progress.status ?? '').trimEnd();
      if (text !== '' && progress.progressDetail === undefined) emit({ type: 'progress', name, text });
    };
    const image =
      record === undefined
        ? await images.pull(name, { onProgress, signal })
        : await builds.repeat(record, { noCache: step.noCache, brought, onProgress, signal });
    if (image.id === former.id) {
      emit({ type: 'step', name, action, state: 'unchanged' });
      return false;
    }
    const after = await inventories.of(image);
    const changes = packageChanges(before?.packages ?? [], after?.packages ?? []);
    const isVain = step.noCache && record !== undefined && changes.length === 0;
    if (isVain && (await this.#takeBack(step, image.id, record, report))) {
      const message = 'a build without the cache brought no newer packages';
      emit({ type: 'step', name, action, state: 'unchanged', message });
      return false;
    }
    emit({ type: 'step', name, action, state: 'done', changes });
    events.emit('image', 'refresh', name, {
      name,
      former: former.id,
      packages: changes.map(({ name: one, from, to }) => `${one} ${from || '-'} ${to || '-'}`).join(', '),
    });
    return true;
  }

  /**
   * The names stand for what they stood for, unless somebody removed that by force: then they stay. Either way the same is not
   * tried again until the mirror has something else. Gives whether they are back.
   */
  async #takeBack(
    { imageId }: RefreshStep,
    made: string,
    record: BuildRecord,
    report: OutdatedReport,
  ): Promise<boolean> {
    const { images, builds, tried, clock } = this.#options;
    const { packages = [] } = report.images.find(({ image }) => image.id === imageId) ?? {};
    const isBack = images.find(imageId) !== undefined;
    for (const tag of record.tags) {
      if (isBack) await images.tag(imageId, tag);
      tried.note(tag, isBack ? imageId : made, packages, clock.timestamp());
    }
    if (isBack) builds.restore(record);
    return isBack;
  }

  async #deploy(
    waiting: readonly Deployment[],
    { by, again }: RefreshRequest,
    emit: (event: RefreshEvent) => void,
    signal: AbortSignal,
  ): Promise<{ left: Deployment[]; failed: string[] }> {
    const { deployments } = this.#options;
    const left: Deployment[] = [];
    const failed: string[] = [];
    for (const deployment of waiting) {
      signal.throwIfAborted();
      const { app, services } = deployment;
      const before = again ? undefined : deployments.failedBefore(deployment);
      if (before !== undefined) {
        left.push(deployment);
        emit({ type: 'deploy', app, services, state: 'skipped', message: before });
        continue;
      }
      emit({ type: 'deploy', app, services, state: 'started' });
      try {
        const tell = (text: string): void => emit({ type: 'progress', name: app, text });
        await deployments.carryOut(deployment, by, tell, signal);
        emit({ type: 'deploy', app, services, state: 'done' });
      } catch (error) {
        signal.throwIfAborted();
        left.push(deployment);
        failed.push(app);
        emit({ type: 'deploy', app, services, state: 'failed', message: messageOf(error) });
      }
    }
    return { left, failed };
  }
}
