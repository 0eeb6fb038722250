import { invalid } from '#base/errors.ts';
import type { Client } from '#cli/client.ts';
import type { Context } from '#cli/context.ts';
import { connectStreams } from '#cli/streams.ts';
import { AppApi } from './app-api.ts';
import { findService } from './logs.ts';

export interface RunOptions {
  env: string[];
  user?: string;
  workdir?: string;
  /** False by `--no-rm`, `--no-tty`. */
  rm: boolean;
  tty: boolean;
}

/** Runs a command once in a container of a service, with this terminal, and ends with its exit code. */
export async function run(
  context: Context,
  target: string,
  command: string[],
  options: RunOptions,
): Promise<void> {
  const client = await context.client();
  const { app, service } = await findService(new AppApi(client), target);
  if (service === undefined)
    throw invalid('service-required', `'${target}' is an app: required is a service`, {
      hint: `berth run ${app.name}/SERVICE [COMMAND...]`,
    });
  const tty = options.tty && process.stdin.isTTY && process.stdout.isTTY;
  const { id } = await client.json<{ id: string }>({
    method: 'POST',
    path: `/berth/v1/apps/${encodeURIComponent(app.name)}/runs`,
    body: {
      service,
      ...(command.length === 0 ? {} : { command }),
      environment: options.env,
      ...(options.user === undefined ? {} : { user: options.user }),
      ...(options.workdir === undefined ? {} : { workingDir: options.workdir }),
      ...{ tty, stdin: true, remove: options.rm },
    },
  });
  process.exitCode = await follow(client, id, tty);
}

/** Gives the exit code. */
async function follow(client: Client, id: string, tty: boolean): Promise<number> {
  const path = `/containers/${id}`;
  const socket = await client.upgrade(`${path}/attach?stream=1&stdin=1&stdout=1&stderr=1`);
  // Asked before the start, so that an end which comes at once is not missed.
  const ended = await client.send({ method: 'POST', path: `${path}/wait?condition=next-exit` });
  const streams = connectStreams(socket, tty);
  await client.text({ method: 'POST', path: `${path}/start` });
  const resize = (): void => {
    const { rows, columns } = process.stdout;
    // A terminal that cannot be resized any more has ended.
    client.text({ method: 'POST', path: `${path}/resize?h=${rows}&w=${columns}` }).catch(() => undefined);
  };
  if (tty) {
    resize();
    process.stdout.on('resize', resize);
  }
  try {
    await streams.done;
    return await exitCodeOf(ended);
  } finally {
    process.stdout.off('resize', resize);
    streams.release();
  }
}

async function exitCodeOf(ended: AsyncIterable<unknown>): Promise<number> {
  let text = '';
  for await (const chunk of ended) text += String(chunk);
  const parse: (text: string) => { StatusCode: number } = JSON.parse;
  return parse(text).StatusCode;
}
