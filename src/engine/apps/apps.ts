import { conflict, notFound } from '#base/errors.ts';
import { planDown } from '#domain/app/plan-down.ts';
import { plan } from '#domain/app/plan.ts';
import type { Step } from '#domain/app/step.ts';
import type { AppTarget } from '#domain/app/target.ts';
import type { Problem } from '#domain/compose/problem.ts';
import { Undo } from '#engine/containers/undo.ts';
import type { Collection } from '#ports/state-store.ts';
import type { AppEvent, AppLogLine, AppSummary } from './events.ts';
import { executors } from './executors.ts';
import { readLogs } from './logs.ts';
import { containersOf, observe } from './observe.ts';
import type { AppParts, AppRecord } from './parts.ts';
import { ProjectReader, type Project } from './project.ts';
import type { DownRequest, LogsRequest, ProjectRequest, UpRequest } from './requests.ts';
import { execute, type Run } from './run.ts';
import { summarize } from './summary.ts';

export type Emit = (event: AppEvent) => void;

const nothingFresh: ReadonlySet<string> = new Set();

/** Apps: what a compose file says, running. One change of an app at a time. */
export class Apps {
  readonly #parts: AppParts;
  readonly #project: ProjectReader;
  readonly #stored: Collection<AppRecord>;
  readonly #records = new Map<string, AppRecord>();
  /** App to the verb that changes it now. */
  readonly #busy = new Map<string, string>();

  constructor(parts: AppParts) {
    this.#parts = parts;
    this.#project = new ProjectReader(parts.files);
    this.#stored = parts.store.collection<AppRecord>('apps');
    for (const [name, record] of this.#stored.entries()) this.#records.set(name, record);
  }

  /**
   * What `up` would do, without doing it.
   * @throws invalid `compose-invalid` with every error at its place; as `#domain/app/plan.ts`
   */
  async plan(request: ProjectRequest & { rebuild: boolean }): Promise<{
    app: string;
    revision: number;
    steps: Step[];
    notices: Problem[];
  }> {
    const { target, notices } = await this.#project.read(request);
    const steps = this.#plan(target, request, nothingFresh);
    return { app: target.app, revision: this.#nextRevision(target.app, steps), steps, notices };
  }

  /**
   * Makes the app as its files say. Events tell the progress; the last one is the result. What fails is undone
   * when there was something before; a first start that is not well stays for inspection.
   * @throws as `plan`; conflict `app-busy`, `app-unwell`; as the verbs of the other nouns
   */
  async up(request: UpRequest, emit: Emit, signal: AbortSignal): Promise<void> {
    const project = await this.#project.read(request);
    await this.#alone(project.target.app, 'up', () => this.#up(project, request, emit, signal));
  }

  async #up(
    { target, notices }: Project,
    request: UpRequest,
    emit: Emit,
    signal: AbortSignal,
  ): Promise<void> {
    const first = this.#plan(target, request, nothingFresh);
    const revision = this.#nextRevision(target.app, first);
    for (const { severity, code, message, path, at } of notices)
      emit({ type: 'notice', severity, code, message: path === '' ? message : `${path}: ${message}`, ...at });
    emit({ type: 'plan', app: target.app, revision, steps: first });
    const undo = new Undo(this.#parts.report);
    const run = this.#run(target.app, emit, signal, undo, {
      target,
      revision,
      folder: request.folder,
      files: request.files,
      timeout: request.timeout,
    });
    const isNew = this.#begin(target.app, request);
    try {
      const changed = await this.#execute(first, target, request, run);
      this.#remember(target, request, changed ? revision : Math.max(1, this.#revision(target.app)));
      const { services } = summarize(this.#parts, target.app, this.#records.get(target.app));
      if (changed) this.#parts.events.emit('app', 'up', target.app, { revision: String(revision) });
      emit({
        type: 'result',
        app: target.app,
        revision: this.#revision(target.app),
        changed,
        services,
      });
    } catch (error) {
      // Nothing to go back to: what is unwell stays, so that its logs can be read and `up` can go on.
      const stays = isUnwell(error) && run.displaced === 0;
      if (stays) this.#remember(target, request, revision);
      else await undo.run();
      if (isNew && !stays) this.#forget(target.app);
      throw error;
    }
  }

  /** Images first; what they turn out to be decides about the containers. Gives whether anything changed. */
  async #execute(first: Step[], target: AppTarget, request: UpRequest, run: Run): Promise<boolean> {
    const images = first.filter(isImageStep);
    await execute(images, executors, run);
    const rest = images.length === 0 ? first : this.#plan(target, request, run.fresh);
    if (
      images.length > 0 &&
      !sameSteps(
        rest,
        first.filter((step) => !isImageStep(step)),
      )
    )
      run.emit({ type: 'plan', app: target.app, revision: run.revision, steps: rest });
    await execute(rest, executors, run);
    // A build that gave the image that was there already has changed nothing.
    return rest.some(changes);
  }

  /** Takes the app away. @throws not-found `app-missing`; conflict `app-busy` */
  async down(app: string, request: DownRequest, emit: Emit, signal: AbortSignal): Promise<void> {
    if (!this.#exists(app)) throw missing(app);
    await this.#alone(app, 'down', async () => {
      const record = this.#records.get(app);
      const steps = planDown(app, observe(this.#parts, app, record, undefined, nothingFresh), request);
      const revision = this.#revision(app);
      emit({ type: 'plan', app, revision, steps });
      const run = this.#run(app, emit, signal, undefined, {
        target: undefined,
        revision,
        folder: record?.folder ?? '',
        files: record?.files ?? [],
        timeout: 0,
        ...(request.timeout === undefined ? {} : { stopTimeout: request.timeout }),
      });
      await execute(steps, executors, run);
      this.#forget(app);
      this.#parts.events.emit('app', 'down', app);
      emit({ type: 'result', app, revision, changed: steps.length > 0, services: [] });
    });
  }

  /** Sorted by name. `folder` keeps those that were brought up from there. */
  list(folder?: string): AppSummary[] {
    const identities = this.#parts.containers.list().flatMap((one) => one.identity?.app ?? []);
    const names = [...new Set([...this.#records.keys(), ...identities])].sort();
    const all = names.map((name) => summarize(this.#parts, name, this.#records.get(name)));
    return folder === undefined ? all : all.filter((one) => one.folder === folder);
  }

  /** @throws not-found `app-missing` */
  get(app: string): AppSummary {
    if (!this.#exists(app)) throw missing(app);
    return summarize(this.#parts, app, this.#records.get(app));
  }

  /** @throws not-found `app-missing`, `app-service-missing` */
  logs(app: string, request: LogsRequest): AsyncIterable<AppLogLine> {
    return readLogs(this.#parts, app, request);
  }

  #plan(target: AppTarget, options: { rebuild: boolean }, fresh: ReadonlySet<string>): Step[] {
    const record = this.#records.get(target.app);
    return plan(observe(this.#parts, target.app, record, target, fresh), target, options);
  }

  #exists(app: string): boolean {
    return this.#records.has(app) || containersOf(this.#parts, app).length > 0;
  }

  #revision(app: string): number {
    return this.#records.get(app)?.revision ?? 0;
  }

  #nextRevision(app: string, steps: readonly Step[]): number {
    return Math.max(1, this.#revision(app) + (steps.some(changes) ? 1 : 0));
  }

  async #alone<T>(app: string, verb: string, work: () => Promise<T>): Promise<T> {
    const other = this.#busy.get(app);
    if (other !== undefined)
      throw conflict(
        'app-busy',
        `cannot run ${verb} on the app ${app}: another ${other} is changing it now`,
        {
          hint: 'wait until it is done, then run the command again',
        },
      );
    this.#busy.set(app, verb);
    try {
      return await work();
    } finally {
      this.#busy.delete(app);
    }
  }

  #run(
    app: string,
    emit: Emit,
    signal: AbortSignal,
    undo: Undo | undefined,
    rest: Pick<Run, 'target' | 'revision' | 'folder' | 'files' | 'timeout'> & { stopTimeout?: number },
  ): Run {
    return {
      parts: this.#parts,
      app,
      emit,
      signal,
      stopTimeout: undefined,
      ...rest,
      fresh: new Set(),
      displaced: 0,
      onFailure: (step, back) => {
        undo?.add(async () => {
          await back();
          emit({ type: 'step', step, state: 'undone' });
        });
      },
    };
  }

  /**
   * An app is known before its first step: one whose `up` was killed can be taken down, also when no
   * container of it came to be. Gives whether it was not known before.
   */
  #begin(app: string, { folder, files }: UpRequest): boolean {
    if (this.#records.has(app)) return false;
    this.#save({
      name: app,
      revision: 0,
      folder,
      files,
      updated: this.#parts.clock.timestamp(),
      services: {},
    });
    return true;
  }

  #remember(target: AppTarget, request: UpRequest, revision: number): void {
    const services = target.services.map((one) => {
      const { hash, settings, buildFingerprint } = one;
      const dependsOn = [...one.dependsOn.map((on) => on.service), ...one.joins];
      return [
        one.name,
        { hash, settings, buildFingerprint, dependsOn, replicas: one.replicas.length },
      ] as const;
    });
    this.#save({
      name: target.app,
      revision,
      folder: request.folder,
      files: request.files,
      updated: this.#parts.clock.timestamp(),
      services: Object.fromEntries(services),
    });
  }

  #save(record: AppRecord): void {
    this.#records.set(record.name, record);
    this.#stored.put(record.name, record);
  }

  #forget(app: string): void {
    this.#records.delete(app);
    this.#stored.delete(app);
  }
}

/** Waiting changes nothing. */
function changes(step: Step): boolean {
  return !step.kind.startsWith('wait-');
}

function isImageStep(step: Step): boolean {
  return step.kind === 'pull-image' || step.kind === 'build-image';
}

function sameSteps(a: readonly Step[], b: readonly Step[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function isUnwell(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'app-unwell';
}

function missing(app: string): Error {
  return notFound('app-missing', `there is no app '${app}'`, { hint: 'berth ps lists the apps' });
}
