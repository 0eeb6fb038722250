import { BerthError, conflict, messageOf } from '#base/errors.ts';
import { unlessAborted } from '#base/abort.ts';
import { toBeBuilt } from '#domain/app/pinned.ts';
import { buildFingerprintOf, type AppTarget } from '#domain/app/target.ts';
import type { Hook } from '#domain/app/model.ts';
import type { Container } from '#domain/container/container.ts';
import type { Apps } from '#engine/apps/apps.ts';
import { runHook } from '#engine/apps/hooks.ts';
import { replicasOfApp } from '#engine/apps/observe.ts';
import type { AppParts, AppRecord } from '#engine/apps/parts.ts';
import { contextOf } from '#engine/apps/project.ts';
import { plainRun } from '#engine/apps/run.ts';
import { waitUntilReady } from '#engine/apps/waits.ts';
import type { EmitWatch } from './events.ts';

interface Requested {
  app: string;
  by: string;
  timeout: number;
}

/** What changed files lead to beside being copied. Waits while somebody else changes the app. */
export class WatchActions {
  readonly #parts: AppParts;
  readonly #apps: Apps;
  readonly #request: Requested;
  readonly #emit: EmitWatch;

  constructor(parts: AppParts, apps: Apps, request: Requested, emit: EmitWatch) {
    this.#parts = parts;
    this.#apps = apps;
    this.#request = request;
    this.#emit = emit;
  }

  /** The same containers again, one after the other: they keep what was copied into them. @throws conflict `app-unwell` */
  async restart(service: string, signal: AbortSignal): Promise<void> {
    const { app, timeout } = this.#request;
    await this.#whenFree(signal, () =>
      this.#apps.locks.run(app, 'restart', async () => {
        const run = {
          ...plainRun({ parts: this.#parts, app, emit: this.#emit, signal }, this.#record()),
          timeout,
        };
        const replicas = this.#running(service);
        for (const { id } of replicas) {
          await this.#parts.containers.restart(id, { forChange: true });
          await waitUntilReady({ service, ids: [id] }, run);
        }
        this.#emit({ type: 'restarted', service, replicas: replicas.length });
      }),
    );
  }

  /** A new image and an update to it, of this service only. @throws as `Apps.converge` */
  async rebuild(service: string, signal: AbortSignal): Promise<void> {
    this.#emit({ type: 'rebuilding', service });
    await this.#whenFree(signal, async () => {
      const { by, timeout, app } = this.#request;
      const { target, folder, files, stopped = [], canary } = this.#record();
      if (canary !== undefined)
        throw conflict('app-canary', `a canary of the app ${app} is being tried: ${service} is not rebuilt`, {
          hint: 'berth promote or berth abort ends it',
        });
      const next = await this.#withBuild(target, service);
      const change = {
        reason: `watch: rebuild ${service}`,
        by,
        timeout,
        folder,
        files,
        sources: '',
        stopped,
      };
      await this.#apps.converge('rebuild', next, { ...change, rebuild: true }, this.#emit, signal);
    });
    this.#emit({ type: 'rebuilt', service });
  }

  /** In each replica that runs. A command that fails is told. */
  async execute(service: string, hook: Hook): Promise<void> {
    const { containers } = this.#parts;
    const run = async ({ id, name }: Container): Promise<void> => {
      const { exitCode, output } = await runHook(containers, id, hook);
      if (exitCode === 0)
        this.#emit({ type: 'executed', service, container: name, command: hook.command, output });
      else {
        const message = `'${hook.command.join(' ')}' in ${name} ended with exit code ${exitCode}: ${output}`;
        this.#emit({ type: 'problem', service, message });
      }
    };
    await Promise.all(this.#running(service).map(run));
  }

  async #withBuild(target: AppTarget, service: string): Promise<AppTarget> {
    const build = target.services.find((one) => one.name === service)?.build;
    if (build === undefined) return target;
    const context = await contextOf(this.#parts.files, target.model.services, service, build);
    return toBeBuilt(target, service, buildFingerprintOf(build, context));
  }

  #running(service: string): Container[] {
    return replicasOfApp(this.#parts, this.#request.app).filter(
      ({ identity, state }) => identity?.service === service && state.status === 'running',
    );
  }

  #record(): AppRecord & { target: AppTarget } {
    const { app } = this.#request;
    const record = this.#apps.record(app);
    if (record?.target !== undefined) return { ...record, target: record.target };
    throw conflict('app-not-up', `the app ${app} is not up`);
  }

  async #whenFree(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        await work();
        return;
      } catch (error) {
        if (!(error instanceof BerthError) || error.code !== 'app-busy') throw error;
        this.#emit({ type: 'note', message: `${messageOf(error)}; it is waited for` });
        await unlessAborted(this.#freed(), signal);
      }
    }
  }

  #freed(): Promise<void> {
    const { locks } = this.#apps;
    const { app } = this.#request;
    if (locks.verb(app) === undefined) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = locks.onFree((freed) => {
      if (freed.app === app) resolve();
    });
    return promise.finally(stop);
  }
}
