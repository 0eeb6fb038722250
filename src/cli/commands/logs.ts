import { invalid } from '#base/errors.ts';
import type { AppAnswer, LogLine } from '#api/types/apps.ts';
import type { Context } from '#cli/context.ts';
import type { Colour } from '#cli/output.ts';
import { AppApi, interruption } from './app-api.ts';

export interface LogsOptions {
  follow?: true;
  tail?: number | 'all';
  since?: string;
  timestamps?: true;
}

const colours: Colour[] = ['cyan', 'yellow', 'green', 'blue'];

/** Prints what containers wrote, each line behind the name of its replica unless there is only one. */
export async function logs(
  context: Context,
  target: string | undefined,
  options: LogsOptions,
): Promise<void> {
  const api = new AppApi(await context.client());
  const { app, service } = await findService(api, target);
  const { tail, since } = options;
  const query = {
    follow: String(options.follow ?? false),
    service,
    tail: tail === undefined || tail === 'all' ? undefined : String(tail),
    since: since === undefined ? undefined : sinceTime(since, Date.now()),
  };
  const signal = AbortSignal.any([interruption(), context.output.lost]);
  const line = lineWriter(context, app, service, options.timestamps ?? false);
  try {
    for await (const one of api.logs(app.name, query, signal)) line(one);
  } catch (error) {
    // Ctrl-C, or a reader that has seen enough, is how following ends.
    if (!signal.aborted) throw error;
  }
}

/**
 * SERVICE of the present folder's app; an app's name, folder or file, or nothing for the app of the present folder;
 * or APP/SERVICE.
 */
export async function findService(
  api: AppApi,
  target: string | undefined,
): Promise<{ app: AppAnswer; service?: string }> {
  if (target === undefined) return { app: await api.meant(target) };
  const here = await api.find(undefined, process.cwd());
  if (here?.services.some((one) => one.name === target) === true) return { app: here, service: target };
  // A folder such as examples/guestbook looks like APP/SERVICE: what is up decides.
  const [, name = '', service] = /^([^/]+)\/([^/]+)$/.exec(target) ?? [];
  const named = service === undefined ? undefined : (await api.list()).find((one) => one.name === name);
  if (service !== undefined && named !== undefined) return { app: named, service };
  const app = await api.find(target, process.cwd());
  return app === undefined ? { app: await api.get(target) } : { app };
}

function lineWriter(
  { output }: Context,
  app: AppAnswer,
  service: string | undefined,
  timestamps: boolean,
): (line: LogLine) => void {
  const chosen = app.services.filter((one) => service === undefined || one.name === service);
  const names = chosen.flatMap((one) => one.replicas.map((replica) => `${one.name}-${replica.replica}`));
  const width = Math.max(0, ...names.map((name) => name.length));
  return (line) => {
    output.json(line);
    const name = `${line.service}-${line.replica}`;
    const colour = colours[Math.max(0, names.indexOf(name)) % colours.length] ?? 'cyan';
    const prefix = names.length > 1 ? `${output.paint(colour, `${name.padEnd(width)} |`)} ` : '';
    output.print(`${prefix}${timestamps ? `${line.time} ` : ''}${line.line}`);
  };
}

const spans: Record<string, number> = { s: 1e3, m: 60e3, h: 3600e3, d: 86_400e3 };

/** `10m` ago, or a time as it is, in RFC 3339. */
export function sinceTime(text: string, now: number): string {
  const found = /^(\d+)([smhd])$/.exec(text);
  const at = found === null ? Date.parse(text) : now - Number(found[1]) * (spans[found[2] ?? 's'] ?? 0);
  if (!Number.isNaN(at)) return new Date(at).toISOString();
  throw invalid(
    'time-invalid',
    `'${text}' is not a time: required is RFC 3339 such as 2026-01-02T03:04:05Z, or 30s, 10m, 2h, 1d`,
  );
}
