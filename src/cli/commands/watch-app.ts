import { relative } from 'node:path';
import { BerthError } from '#base/errors.ts';
import type { AppStreamEvent } from '#api/types/apps.ts';
import type { WatchStreamEvent } from '#api/types/watch.ts';
import type { Context } from '#cli/context.ts';
import type { Output } from '#cli/output.ts';
import { rendererFor, type Renderer } from '#cli/render/renderer.ts';
import { watchText } from '#cli/render/watch.ts';
import { failureOf, gone, type AppApi } from './app-api.ts';

interface Watching {
  services?: string[];
  timeout?: number | undefined;
  /** Ends it. */
  signal: AbortSignal;
}

/** Shows what happens until Ctrl-C, which is how it ends. @throws the error with which the stream ended */
export async function watchApp(
  { output }: Context,
  api: AppApi,
  app: string,
  { services, timeout, signal }: Watching,
): Promise<void> {
  const body = { ...(services && { services }), ...(timeout === undefined ? {} : { timeout }) };
  const shown = new WatchRenderer(output);
  try {
    for await (const event of api.watch(app, body, signal)) {
      shown.show(event);
      if (event.type === 'error') throw failureOf(event);
    }
  } catch (error) {
    if (!signal.aborted) throw error instanceof BerthError ? error : gone(error);
  } finally {
    shown.close();
  }
  if (!signal.aborted) throw gone(undefined);
  output.note(`stopped watching; the app ${app} goes on (berth down ends it)`);
}

/** Rebuilds are shown as an `up` is, the rest as lines. */
class WatchRenderer {
  readonly #output: Output;
  #rebuild: Renderer | undefined;

  constructor(output: Output) {
    this.#output = output;
  }

  show(event: WatchStreamEvent): void {
    if (this.#output.isJson) this.#output.json(event);
    else if (isOfApp(event)) (this.#rebuild ??= rendererFor(this.#output)).show(event);
    else {
      this.close();
      this.#output.print(watchText(event, (path) => relative(process.cwd(), path)));
    }
  }

  close(): void {
    this.#rebuild?.close();
    this.#rebuild = undefined;
  }
}

const ofWatch = new Set(['watching', 'copied', 'rebuilding', 'rebuilt', 'restarted', 'executed', 'problem']);

function isOfApp(event: WatchStreamEvent): event is AppStreamEvent {
  return !ofWatch.has(event.type);
}
