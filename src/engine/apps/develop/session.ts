import { unlessAborted } from '#base/abort.ts';
import { conflict, messageOf } from '#base/errors.ts';
import { baseName } from '#domain/build/path.ts';
import { mapping, planBatch, type Mapping, type ServiceWork } from '#domain/develop/batch.ts';
import type { PathRule } from '#domain/develop/rules.ts';
import type { Apps } from '#engine/apps/apps.ts';
import type { AppParts } from '#engine/apps/parts.ts';
import { WatchActions } from './actions.ts';
import { Copies } from './copies.ts';
import type { EmitWatch } from './events.ts';

/** Milliseconds without a change after which a batch begins; and after which one begins whatever changes still. */
const quiet = 100;
const longest = 1000;

export interface SessionRequest {
  app: string;
  rules: PathRule[];
  by: string;
  timeout: number;
}

/** One client's watching of an app. */
export class WatchSession {
  readonly #parts: AppParts;
  readonly #apps: Apps;
  readonly #request: SessionRequest;
  readonly #emit: EmitWatch;
  readonly #copies: Copies;
  readonly #actions: WatchActions;
  /** Changed paths, and whether a folder went away there. */
  #changed = new Map<string, boolean>();
  #changes = 0;
  #isDown = false;
  #wake = Promise.withResolvers<void>();

  constructor(parts: AppParts, apps: Apps, request: SessionRequest, emit: EmitWatch) {
    this.#parts = parts;
    this.#apps = apps;
    this.#request = request;
    this.#emit = emit;
    this.#copies = new Copies(parts, request.app, emit);
    this.#actions = new WatchActions(parts, apps, request, emit);
  }

  /** Until the signal is aborted. @throws conflict `app-down` */
  async run(signal: AbortSignal): Promise<void> {
    const stops: (() => void)[] = [];
    try {
      stops.push(await this.#begin());
      stops.push(this.#noticeReplicas(), this.#noticeDown());
      for (const { service, action, path } of this.#request.rules)
        this.#emit({ type: 'watching', service, action, path });
      await this.#copyFirst();
      for (;;) await this.#next(signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      for (const stop of stops) stop();
    }
  }

  async #begin(): Promise<() => void> {
    const { rules } = this.#request;
    const paths = [...new Set(rules.map(({ path }) => path))];
    const leadsTo = (path: string): boolean => rules.some((rule) => rule.leadsTo(path));
    const watch = await this.#parts.tree.watch(paths, leadsTo, {
      changed: (path, replaced) => {
        this.#changed.set(path, replaced || this.#changed.get(path) === true);
        this.#changes++;
        this.#wake.resolve();
      },
      problem: (message) => this.#emit({ type: 'problem', message }),
    });
    return () => watch.close();
  }

  #noticeReplicas(): () => void {
    return this.#parts.containers.onChange((container) => {
      if (this.#copies.lacks(container)) this.#wake.resolve();
    });
  }

  #noticeDown(): () => void {
    return this.#apps.locks.onFree(({ app, verb, failed }) => {
      if (app !== this.#request.app || verb !== 'down' || failed) return;
      this.#isDown = true;
      this.#wake.resolve();
    });
  }

  /** What `initial_sync` asks for; not the files that only make the app. */
  async #copyFirst(): Promise<void> {
    const { tree } = this.#parts;
    for (const rule of this.#request.rules) {
      if (!rule.initialSync || rule.target === undefined) continue;
      await this.#guarded(rule.service, async () => {
        const found: Mapping[] = [];
        for await (const path of tree.list(rule.path, rule.leadsTo))
          if (rule.matches(path) && !makesApp(path))
            found.push(...[mapping(rule, path)].flatMap((one) => one ?? []));
        await this.#copies.copy(rule.service, found, new Set());
      });
    }
  }

  async #next(signal: AbortSignal): Promise<void> {
    await unlessAborted(this.#wake.promise, signal);
    await this.#settle(signal);
    this.#wake = Promise.withResolvers();
    const { app, rules } = this.#request;
    if (this.#isDown) throw conflict('app-down', `the app ${app} was taken down: nothing is left to watch`);
    const changed = this.#changed;
    this.#changed = new Map();
    const replaced = new Set([...changed].flatMap(([path, isReplaced]) => (isReplaced ? [path] : [])));
    for (const work of planBatch(rules, changed.keys())) await this.#carryOut(work, replaced, signal);
    await this.#guarded(undefined, () => this.#copies.catchUp());
  }

  /** Editors and git write many files at once. */
  async #settle(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const began = clock.now();
    let before: number;
    do {
      before = this.#changes;
      await clock.sleep(quiet, signal);
    } while (before !== this.#changes && clock.now() - began < longest);
  }

  async #carryOut(
    { service, rebuild, sync, restart, exec }: ServiceWork,
    replaced: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<void> {
    const guarded = (work: () => Promise<void>): Promise<void> => this.#guarded(service, work, signal);
    if (rebuild) await guarded(() => this.#actions.rebuild(service, signal));
    if (sync.length > 0) await guarded(() => this.#copies.copy(service, sync, replaced));
    if (restart) await guarded(() => this.#actions.restart(service, signal));
    for (const hook of exec) await guarded(() => this.#actions.execute(service, hook));
  }

  /** What goes wrong is told, and what comes next is done. */
  async #guarded(
    service: string | undefined,
    work: () => Promise<void>,
    signal?: AbortSignal,
  ): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (signal?.aborted === true) throw error;
      this.#emit({
        type: 'problem',
        ...(service === undefined ? {} : { service }),
        message: messageOf(error),
      });
    }
  }
}

/** A Dockerfile or a compose file: it is for the image or for the app, not for the container. */
function makesApp(path: string): boolean {
  return /^(?:Dockerfile|(?:docker-)?compose(?:\.override)?\.ya?ml)$/.test(baseName(path));
}
