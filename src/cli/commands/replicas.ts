import { invalid } from '#base/errors.ts';
import type { Context } from '#cli/context.ts';
import { rendererFor } from '#cli/render/renderer.ts';
import { AppApi, follow, interruption } from './app-api.ts';
import { findService } from './logs.ts';

export interface ReplicaOptions {
  timeout?: number;
  overcommit?: true;
}

/** `berth scale`: other numbers of replicas, until the file says another one. */
export async function scale(context: Context, words: string[], options: ReplicaOptions): Promise<void> {
  const wanted = words.map(readWord);
  const api = new AppApi(await context.client());
  const apps = new Set(wanted.map((one) => one.app));
  const [name] = apps;
  if (apps.size !== 1)
    throw invalid(
      'scale-apps',
      `found services of several apps in '${words.join(' ')}', required are those of one`,
    );
  const app = name === undefined ? await api.meant(undefined) : await api.get(name);
  const counts = Object.fromEntries(wanted.map((one) => [one.service, one.replicas]));
  const signal = interruption();
  const body = { counts, ...options };
  await follow(api.change(app.name, 'scale', body, signal), rendererFor(context.output), signal);
}

function readWord(word: string): { app: string | undefined; service: string; replicas: number } {
  const [, app, service = '', replicas] = /^(?:([^/=]+)\/)?([^/=]+)=([0-9]+)$/.exec(word) ?? [];
  if (replicas === undefined)
    throw invalid('scale-word', `found '${word}', required is SERVICE=NUMBER or APP/SERVICE=NUMBER`);
  return { app, service, replicas: Number(replicas) };
}

/** `berth restart`, `berth stop` and `berth start`: services of an app as it is; without a word, all of them. */
export async function control(
  context: Context,
  verb: 'restart' | 'stop' | 'start',
  words: string[],
  { timeout }: ReplicaOptions,
): Promise<void> {
  const api = new AppApi(await context.client());
  const chosen = [];
  for (const word of words.length === 0 ? [undefined] : words) chosen.push(await findService(api, word));
  const [name, ...others] = new Set(chosen.map((one) => one.app.name));
  if (name === undefined || others.length > 0)
    throw invalid(
      `${verb}-apps`,
      `found services of several apps in '${words.join(' ')}', required are those of one`,
    );
  // An app's own name stands for all of its services.
  const isWhole = chosen.some((one) => one.service === undefined);
  const services = isWhole ? [] : chosen.flatMap((one) => one.service ?? []);
  const limit = verb === 'stop' ? 'stopTimeout' : 'timeout';
  const body = { services, ...(timeout === undefined ? {} : { [limit]: timeout }) };
  const signal = interruption();
  await follow(api.change(name, verb, body, signal), rendererFor(context.output), signal);
}

/** `berth promote` and `berth abort`: what was tried by `berth up --canary` holds for all replicas, or goes. */
export async function endCanary(
  context: Context,
  verb: 'promote' | 'abort',
  target: string | undefined,
  options: ReplicaOptions,
): Promise<void> {
  const api = new AppApi(await context.client());
  const app = await api.meant(target);
  const signal = interruption();
  const body = options.timeout === undefined ? {} : { timeout: options.timeout };
  await follow(api.change(app.name, verb, body, signal), rendererFor(context.output), signal);
}
