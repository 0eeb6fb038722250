import type { AppModel } from '#domain/app/model.ts';
import { boundNotes, withScale } from '#domain/app/scale.ts';
import type { AppTarget } from '#domain/app/target.ts';
import type { Problem } from '#domain/compose/problem.ts';
import { AppLocks } from './app-locks.ts';
import { AppSecrets, type Grant } from './app-secrets.ts';
import { Canaries } from './canaries.ts';
import type { Change, Emit } from './change.ts';
import { Convergence, type AppPlan } from './converging.ts';
import type { AppLogLine, AppSummary } from './events.ts';
import { FailureLog } from './failure-log.ts';
import { Healing } from './healing.ts';
import { HostRules } from './host-rules.ts';
import { History } from './history.ts';
import { readLogs } from './logs.ts';
import { ServiceControls, without } from './service-controls.ts';
import { Watches } from './develop/watches.ts';
import { containersOf } from './observe.ts';
import type { AppParts, AppRecord } from './parts.ts';
import { ProjectReader, type ProjectView } from './project.ts';
import { AppRecords, appMissing, targetInForce } from './records.ts';
import { Revisions } from './revisions.ts';
import { createOneOff, type OneOff } from './run-request.ts';
import { Schedules } from './schedules.ts';
import type {
  DownRequest,
  LogsRequest,
  PlanRequest,
  ProjectRequest,
  ScaleRequest,
  UpRequest,
} from './requests.ts';
import { summarize, withCrashLoops } from './summary.ts';
import { takeDown } from './taking-down.ts';

/** Apps: what a compose file says, running. One change of an app at a time. */
export class Apps {
  readonly #parts: AppParts;
  readonly #project: ProjectReader;
  readonly #records: AppRecords;
  readonly #revisions: Revisions;
  readonly #convergence: Convergence;
  /** Who changes an app holds its lock; work in the background takes it by `tryRun`. */
  readonly locks = new AppLocks();
  /** What healing holds against replicas; a person's command forgets it. */
  readonly failures: FailureLog;
  /** Keeps apps as they are to be. */
  readonly healing: Healing;
  /** Ends what is being tried. */
  readonly canaries: Canaries;
  /** Restarts, stops and starts services. */
  readonly controls: ServiceControls;
  /** Follows files while people work on them. */
  readonly watches: Watches;
  /** Runs what runs at times. */
  readonly schedules: Schedules;
  readonly secrets: AppSecrets;
  /** What the machine has, and has to say. */
  readonly host: HostRules;
  readonly history: History;

  constructor(parts: AppParts) {
    this.#parts = parts;
    this.#records = new AppRecords(parts.store);
    this.host = new HostRules(parts, this.#records);
    this.#project = new ProjectReader(parts.files, this.host);
    this.#revisions = new Revisions(parts.store);
    this.failures = new FailureLog(parts.store);
    this.healing = new Healing(parts, this);
    this.watches = new Watches(parts, this, this.#records);
    this.schedules = new Schedules(parts, this);
    this.controls = new ServiceControls(parts, this.#records, this);
    this.#convergence = new Convergence(parts, this.#records, this.#revisions);
    this.canaries = new Canaries(this.#records, this.#convergence, this);
    this.history = new History(this.#revisions, this, parts.secrets);
    this.secrets = new AppSecrets(parts, this, this.#convergence, this.#revisions);
    parts.images.usedBy((imageId) =>
      this.#revisions
        .needing(imageId)
        .map(({ app, number }) => ({ holder: `revision ${number} of the app ${app}` })),
    );
  }

  /**
   * What `up` would do, without doing it.
   * @throws invalid `compose-invalid` with every error at its place; as `#domain/app/plan.ts`
   */
  async plan(request: PlanRequest): Promise<AppPlan & { app: string; notices: Problem[] }> {
    const { grant, value } = this.secrets.foreseeing();
    const { target, notices, notes } = await this.#project.read(request, grant);
    const plan = await this.#convergence.plan(target, request, value);
    const fit = await this.host.foresee(target.model);
    return { app: target.app, notices, ...plan, notes: [...notes, ...fit, ...plan.notes] };
  }

  /** A project's files as one. @throws invalid `compose-invalid` */
  view(request: ProjectRequest): Promise<ProjectView> {
    return this.#project.view(request);
  }

  /** Names of the variables that a project's files ask for. */
  variables(request: ProjectRequest): Promise<string[]> {
    return this.#project.variables(request);
  }

  /** Makes the app as its files say. @throws as `plan` and `converge` */
  up(request: UpRequest, emit: Emit, signal: AbortSignal): Promise<void> {
    return this.secrets.keeping(request.by, (grant) => this.#up(request, grant, emit, signal));
  }

  async #up(request: UpRequest, grant: Grant, emit: Emit, signal: AbortSignal): Promise<void> {
    const { target, notices, sources } = await this.#project.read(request, grant);
    const { by, folder, files, rebuild, timeout, canary, plan, auths } = request;
    await this.locks.run(target.app, 'up', async () => {
      const fit = await this.host.check(target.model, request.overcommit ?? false);
      for (const { severity, code, message, path, at } of notices) {
        const words = path === '' ? message : `${path}: ${message}`;
        emit({ type: 'notice', severity, code, message: words, ...at });
      }
      for (const message of fit) emit({ type: 'note', message });
      const asked = { rebuild, ...(canary && { canary }), ...(plan !== undefined && { plan }) };
      const { SSH_AUTH_SOCK: sshAgent } = request.environment;
      const given = { ...(auths && { auths }), ...(sshAgent !== undefined && { sshAgent }) };
      const change = { reason: 'up', by, folder, files, sources, timeout, ...asked, ...given };
      return this.#convergence.run(target, change, emit, signal);
    });
  }

  /**
   * For a person's command: makes an app as a target says, such as that of a revision. Events tell the progress;
   * the last one is the result. What fails is undone.
   * @param target without the scale, which is the record's unless the change brings one
   * @throws conflict `app-busy`, `app-unwell`; as `#domain/app/plan.ts` and the verbs of the other nouns
   */
  converge(verb: string, target: AppTarget, change: Change, emit: Emit, signal: AbortSignal): Promise<void> {
    return this.locks.run(target.app, verb, () => this.#convergence.run(target, change, emit, signal));
  }

  /**
   * For work in the background, which holds the app's lock: makes it as its record says, with another scale if
   * there is one. Does nothing for an app that never came up. @throws as `converge`, but for `app-busy`
   */
  async restore(
    app: string,
    change: Pick<Change, 'reason' | 'by' | 'timeout' | 'scale' | 'renew' | 'stopped'>,
    emit: Emit,
    signal: AbortSignal,
  ): Promise<void> {
    const record = this.#records.get(app);
    if (record?.target === undefined) return;
    // A canary stays beside what it is tried beside.
    const { canary, stopped = [] } = record;
    const { folder, files } = canary ?? record;
    const rest = { folder, files, sources: canary?.sources ?? '', rebuild: false };
    const tried = canary === undefined ? {} : { canary: canary.share };
    const target = canary?.target ?? record.target;
    await this.#convergence.run(target, { stopped, ...change, ...rest, ...tried }, emit, signal);
  }

  /** Other numbers of replicas. They hold until the file says another number. @throws as `converge`, `withScale` */
  scale(
    app: string,
    { counts, by, timeout, overcommit = false }: ScaleRequest,
    emit: Emit,
    signal: AbortSignal,
  ): Promise<void> {
    return this.locks.run(app, 'scale', async () => {
      const { target, scale = {}, stopped = [] } = this.#records.thatWasUp(app);
      const next = withScale(scale, target.model, counts, by);
      const fit = await this.host.check(target.model, overcommit, next);
      for (const message of [...boundNotes(target.model, counts), ...fit]) emit({ type: 'note', message });
      const still = without(stopped, Object.keys(counts));
      await this.restore(app, { reason: 'scale', by, timeout, scale: next, stopped: still }, emit, signal);
    });
  }

  /** What the app is to be now, without its files; undefined before its first `up` went well. */
  target(app: string): AppTarget | undefined {
    const record = this.#records.get(app);
    return record === undefined ? undefined : targetInForce(record);
  }

  /** Whether its containers are started, or left to go, by this and by nobody else. */
  caresFor(app: string): boolean {
    const record = this.#records.get(app);
    return record?.target !== undefined || record?.leaving !== undefined;
  }

  /** What each app is to be, as it is stored. */
  models(): AppModel[] {
    return this.#records
      .names()
      .flatMap((app) => (this.target(app) && this.record(app)?.target?.model) ?? []);
  }

  /** Of all apps that were ever brought up here. */
  names(): string[] {
    return this.#records.names();
  }

  /** A container that runs once beside the replicas, not yet started. @throws not-found `app-service-missing` */
  createOneOff(app: string, wanted: OneOff): Promise<{ id: string; name: string }> {
    return createOneOff(this.#parts, this, app, wanted);
  }

  /** What the state store holds of it. */
  record(app: string): AppRecord | undefined {
    return this.#records.get(app);
  }

  /** Takes the app away. @throws not-found `app-missing`; conflict `app-busy` */
  async down(app: string, request: DownRequest, emit: Emit, signal: AbortSignal): Promise<void> {
    if (!this.#exists(app)) throw appMissing(app);
    await this.locks.run(app, 'down', () => this.#takeDown(app, request, emit, signal));
  }

  /** Begins the work in the background; to be called once the containers of before have been taken over. */
  start(): void {
    this.#finishDowns();
    this.healing.start();
    this.schedules.start();
    this.secrets.refreshByRule('berth');
  }

  /** Ends it; what is half done is gone on with at the next start. */
  close(): void {
    this.locks.close();
    this.healing.close();
    this.schedules.close();
  }

  /** Ends each `down` that a crash cut off; a person's command goes first. */
  #finishDowns(): void {
    for (const { app, request } of this.#records.leaving())
      this.locks
        .tryRun(app, 'down', (signal) => this.#takeDown(app, request, () => undefined, signal))
        .catch((error: unknown) => this.#parts.report(`the app ${app} is still half there`, error));
  }

  #takeDown(app: string, request: DownRequest, emit: Emit, signal: AbortSignal): Promise<void> {
    const of = { parts: this.#parts, records: this.#records, revisions: this.#revisions };
    return takeDown(of, app, request, emit, signal);
  }

  /** Sorted by name. `folder` keeps those that were brought up from there. */
  list(folder?: string): AppSummary[] {
    const identities = this.#parts.containers.list().flatMap((one) => one.identity?.app ?? []);
    const names = [...new Set([...this.#records.names(), ...identities])].sort();
    return names
      .map((name) => this.#summary(name))
      .filter((one) => folder === undefined || one.folder === folder);
  }

  /** @throws not-found `app-missing` */
  get(app: string): AppSummary {
    if (!this.#exists(app)) throw appMissing(app);
    return this.#summary(app);
  }

  #summary(app: string): AppSummary {
    return withCrashLoops(summarize(this.#parts, app, this.#records.get(app)), this.failures.of(app));
  }

  /** @throws not-found `app-missing`, `app-service-missing` */
  logs(app: string, request: LogsRequest): AsyncIterable<AppLogLine> {
    return readLogs(this.#parts, app, request);
  }

  #exists(app: string): boolean {
    return this.#records.get(app) !== undefined || containersOf(this.#parts, app).length > 0;
  }
}
