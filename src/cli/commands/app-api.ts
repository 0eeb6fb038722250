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
import type { Client } from '#cli/client.ts';
import type { Renderer } from '#cli/render/renderer.ts';

/** Berth's own API of apps, with the types that it promises. */
export class AppApi {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async plan(body: PlanBody): Promise<PlanAnswer> {
    return planAnswer(await this.#client.json({ method: 'POST', path: '/berth/v1/apps/plan', body }));
  }

  async config(body: ProjectBody): Promise<ConfigAnswer> {
    return configAnswer(await this.#client.json({ method: 'POST', path: '/berth/v1/compose/config', body }));
  }

  async variables(body: ProjectBody): Promise<VariablesAnswer> {
    const path = '/berth/v1/compose/variables';
    return variablesAnswer(await this.#client.json({ method: 'POST', path, body }));
  }

  up(body: UpBody, signal: AbortSignal): AsyncIterable<AppStreamEvent> {
    return streamEvents(this.#client.lines({ method: 'POST', path: '/berth/v1/apps/up', body, signal }));
  }

  rollback(app: string, body: RollbackBody, signal: AbortSignal): AsyncIterable<AppStreamEvent> {
    const path = `/berth/v1/apps/${encodeURIComponent(app)}/rollback`;
    return streamEvents(this.#client.lines({ method: 'POST', path, body, signal }));
  }

  down(app: string, body: DownBody, signal: AbortSignal): AsyncIterable<AppStreamEvent> {
    const path = `/berth/v1/apps/${encodeURIComponent(app)}/down`;
    return streamEvents(this.#client.lines({ method: 'POST', path, body, signal }));
  }

  scale(app: string, body: ScaleBody, signal: AbortSignal): AsyncIterable<AppStreamEvent> {
    const path = `/berth/v1/apps/${encodeURIComponent(app)}/scale`;
    return streamEvents(this.#client.lines({ method: 'POST', path, body, signal }));
  }

  control(
    app: string,
    verb: 'restart' | 'stop' | 'start',
    body: ControlBody,
    signal: AbortSignal,
  ): AsyncIterable<AppStreamEvent> {
    const path = `/berth/v1/apps/${encodeURIComponent(app)}/${verb}`;
    return streamEvents(this.#client.lines({ method: 'POST', path, body, signal }));
  }

  endCanary(
    app: string,
    verb: 'promote' | 'abort',
    body: { timeout?: number },
    signal: AbortSignal,
  ): AsyncIterable<AppStreamEvent> {
    const path = `/berth/v1/apps/${encodeURIComponent(app)}/${verb}`;
    return streamEvents(this.#client.lines({ method: 'POST', path, body, signal }));
  }

  refreshSecrets(app: string, signal: AbortSignal): AsyncIterable<AppStreamEvent> {
    const path = `/berth/v1/apps/${encodeURIComponent(app)}/secrets/refresh`;
    return streamEvents(this.#client.lines({ method: 'POST', path, body: {}, signal }));
  }

  async list(folder?: string): Promise<AppAnswer[]> {
    const query = folder === undefined ? '' : `?folder=${encodeURIComponent(folder)}`;
    return appAnswers(await this.#client.json({ path: `/berth/v1/apps${query}` }));
  }

  async get(app: string): Promise<AppAnswer> {
    return appAnswer(await this.#client.json({ path: `/berth/v1/apps/${encodeURIComponent(app)}` }));
  }

  logs(app: string, query: URLSearchParams, signal: AbortSignal): AsyncIterable<LogLine> {
    const path = `/berth/v1/apps/${encodeURIComponent(app)}/logs?${query.toString()}`;
    return logLines(this.#client.lines({ path, signal }));
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

// The client hands over parsed JSON of an unknown shape. These say what the API promises (api/types/apps.ts); the
// daemon and this program are released together.
function planAnswer(value: unknown): PlanAnswer;
function planAnswer(value: unknown): unknown {
  return value;
}

function configAnswer(value: unknown): ConfigAnswer;
function configAnswer(value: unknown): unknown {
  return value;
}

function variablesAnswer(value: unknown): VariablesAnswer;
function variablesAnswer(value: unknown): unknown {
  return value;
}

function appAnswer(value: unknown): AppAnswer;
function appAnswer(value: unknown): unknown {
  return value;
}

function appAnswers(value: unknown): AppAnswer[];
function appAnswers(value: unknown): unknown {
  return value;
}

function streamEvents(lines: AsyncIterable<unknown>): AsyncIterable<AppStreamEvent>;
function streamEvents(lines: AsyncIterable<unknown>): AsyncIterable<unknown> {
  return lines;
}

function logLines(lines: AsyncIterable<unknown>): AsyncIterable<LogLine>;
function logLines(lines: AsyncIterable<unknown>): AsyncIterable<unknown> {
  return lines;
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/**
 * Shows a change to its end.
 * @throws the error with which the stream ended; unavailable `interrupted`, `daemon-gone`
 */
export async function follow(
  events: AsyncIterable<AppStreamEvent>,
  renderer: Renderer,
  signal: AbortSignal,
  whenInterrupted: BerthError = takenBack(),
): Promise<void> {
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
  if (last?.type === 'error')
    throw new BerthError(
      'conflict',
      last.code,
      last.message,
      last.hint === undefined ? {} : { hint: last.hint },
    );
  if (last?.type !== 'result') throw gone(undefined);
}

function takenBack(): BerthError {
  return unavailable('interrupted', 'interrupted: the daemon takes back what this command had begun', {
    hint: 'berth ps shows how it is',
  });
}

function gone(cause: unknown): BerthError {
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
