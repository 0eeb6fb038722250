import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { BerthError, notFound, unavailable } from '#base/errors.ts';
import type {
  AppAnswer,
  AppStreamEvent,
  ConfigAnswer,
  ControlBody,
  DownBody,
  LogLine,
  PlanAnswer,
  PlanBody,
  ProjectBody,
  ScaleBody,
  UpBody,
  VariablesAnswer,
} from '#api/types/apps.ts';
import type { RollbackBody } from '#api/types/app-history.ts';
import type { WatchBody, WatchStreamEvent } from '#api/types/watch.ts';
import type { Client } from '#cli/client.ts';
import type { Renderer } from '#cli/render/renderer.ts';

/** What each change of an app takes. */
interface ChangeBodies {
  rollback: RollbackBody;
  down: DownBody;
  scale: ScaleBody;
  restart: ControlBody;
  stop: ControlBody;
  start: ControlBody;
  promote: { timeout?: number };
  abort: { timeout?: number };
  'secrets/refresh': Record<string, never>;
}

/** Berth's own API of apps, with the types that it promises. */
export class AppApi {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  plan(body: PlanBody): Promise<PlanAnswer> {
    return this.#client.json({ method: 'POST', path: '/berth/v1/apps/plan', body });
  }

  config(body: ProjectBody): Promise<ConfigAnswer> {
    return this.#client.json({ method: 'POST', path: '/berth/v1/compose/config', body });
  }

  variables(body: ProjectBody): Promise<VariablesAnswer> {
    return this.#client.json({ method: 'POST', path: '/berth/v1/compose/variables', body });
  }

  up(body: UpBody, signal: AbortSignal): AsyncIterable<AppStreamEvent> {
    return this.#client.lines({ method: 'POST', path: '/berth/v1/apps/up', body, signal });
  }

  /** Changes an app that is known. */
  change<V extends keyof ChangeBodies>(
    app: string,
    verb: V,
    body: ChangeBodies[V],
    signal: AbortSignal,
  ): AsyncIterable<AppStreamEvent> {
    return this.#client.lines({ method: 'POST', path: `${pathOf(app)}/${verb}`, body, signal });
  }

  watch(app: string, body: WatchBody, signal: AbortSignal): AsyncIterable<WatchStreamEvent> {
    return this.#client.lines({ method: 'POST', path: `${pathOf(app)}/watch`, body, signal });
  }

  list(folder?: string): Promise<AppAnswer[]> {
    return this.#client.json({ path: '/berth/v1/apps', query: { folder } });
  }

  get(app: string): Promise<AppAnswer> {
    return this.#client.json({ path: pathOf(app) });
  }

  logs(
    app: string,
    query: Readonly<Record<string, string | undefined>>,
    signal: AbortSignal,
  ): AsyncIterable<LogLine> {
    return this.#client.lines({ path: `${pathOf(app)}/logs`, query, signal });
  }

  /** As `find`. @throws not-found `app-missing` also for a folder without an app */
  async meant(target: string | undefined): Promise<AppAnswer> {
    const app = await this.find(target, process.cwd());
    if (app !== undefined) return app;
    throw notFound('app-missing', `no app was brought up from '${process.cwd()}'`, {
      hint: 'name it; berth ps lists the apps',
    });
  }

  /**
   * The app that a command line means: a name, a folder or a file from which it was brought up; without a
   * word, the one of the present folder, or undefined.
   */
  async find(target: string | undefined, cwd: string): Promise<AppAnswer | undefined> {
    if (target === undefined) return (await this.list(cwd))[0];
    if (!target.includes('/') && target !== '.') {
      const named = (await this.list()).find((one) => one.name === target);
      if (named !== undefined) return named;
    }
    const path = resolve(cwd, target);
    const folder = (await isFile(path)) ? dirname(path) : path;
    const [found] = await this.list(folder);
    if (found !== undefined) return found;
    throw notFound(
      'app-missing',
      `there is no app named '${target}', and none was brought up from '${folder}'`,
      {
        hint: 'berth ps lists the apps',
      },
    );
  }
}

function pathOf(app: string): string {
  return `/berth/v1/apps/${encodeURIComponent(app)}`;
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/**
 * Shows a change to its end, and gives its result.
 * @throws the error with which the stream ended; unavailable `interrupted`, `daemon-gone`
 */
export async function follow(
  events: AsyncIterable<AppStreamEvent>,
  renderer: Renderer,
  signal: AbortSignal,
  whenInterrupted: BerthError = takenBack(),
): Promise<Extract<AppStreamEvent, { type: 'result' }>> {
  let last: AppStreamEvent | undefined;
  try {
    for await (const event of events) {
      renderer.show(event);
      last = event;
    }
  } catch (error) {
    if (signal.aborted) throw whenInterrupted;
    throw error instanceof BerthError ? error : gone(error);
  } finally {
    renderer.close();
  }
  if (last?.type === 'error') throw failureOf(last);
  if (last?.type === 'result') return last;
  throw gone(undefined);
}

/** The error with which a stream ended. */
export function failureOf({ code, message, hint }: Extract<AppStreamEvent, { type: 'error' }>): BerthError {
  return new BerthError('conflict', code, message, hint === undefined ? {} : { hint });
}

function takenBack(): BerthError {
  return unavailable('interrupted', 'interrupted: the daemon takes back what this command had begun', {
    hint: 'berth ps shows how it is',
  });
}

/** The daemon went away. */
export function gone(cause: unknown): BerthError {
  return unavailable('daemon-gone', 'the daemon ended in the middle of the change', {
    cause,
    hint: 'run the same command again: it goes on where this one stopped',
  });
}

/** Aborts at Ctrl-C. A second Ctrl-C ends the program. */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort(new Error('interrupted')));
  return controller.signal;
}
