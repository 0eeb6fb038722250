import { finished } from 'node:stream/promises';
import { conflict } from '#base/errors.ts';
import type { Hook, Service } from '#domain/app/model.ts';
import type { AppParts } from './parts.ts';
import type { Run } from './run.ts';

const keptOutput = 4096;

/** `post_start` of a container that has just been started. @throws conflict `app-hook-failed` */
export async function runPostStart(run: Run, service: string, container: string): Promise<void> {
  const model = run.target?.model.services[service];
  await runHooks(run.parts, model, 'postStart', container);
}

/**
 * `pre_stop` of a container that is about to be stopped, as the app's former target says it; nothing for one that has
 * ended meanwhile. @throws conflict `app-hook-failed`
 */
export async function runPreStop(run: Run, service: string, container: string): Promise<void> {
  const model = (run.former ?? run.target)?.model.services[service];
  try {
    await runHooks(run.parts, model, 'preStop', container);
  } catch (error) {
    if (run.parts.containers.find(container)?.state.status === 'running') throw error;
  }
}

const words = { postStart: 'post_start', preStop: 'pre_stop' } as const;

/** One after the other; the first that fails ends it, as in Docker Compose. */
async function runHooks(
  { containers }: Pick<AppParts, 'containers'>,
  service: Service | undefined,
  kind: 'postStart' | 'preStop',
  ref: string,
): Promise<void> {
  for (const hook of service?.[kind] ?? []) {
    const { exitCode, output } = await runHook(containers, ref, hook);
    if (exitCode === 0) continue;
    const name = containers.find(ref)?.name ?? ref;
    throw conflict(
      'app-hook-failed',
      `the ${words[kind]} hook '${hook.command.join(' ')}' of ${name} ended with exit code ${exitCode}${output === '' ? '' : `: ${output}`}`,
    );
  }
}

/** Runs a command in a container to its end; of its output the first 4 KiB are given. */
export async function runHook(
  containers: AppParts['containers'],
  ref: string,
  { command, user, privileged, workingDir, environment }: Hook,
): Promise<{ exitCode: number; output: string }> {
  const exec = await containers.createExec(ref, {
    Cmd: command,
    Env: environment,
    Privileged: privileged,
    AttachStdout: true,
    AttachStderr: true,
    ...(user === undefined ? {} : { User: user }),
    ...(workingDir === undefined ? {} : { WorkingDir: workingDir }),
  });
  const process = await containers.startExec(exec.id, { tty: false, stdin: false });
  const chunks: Buffer[] = [];
  let size = 0;
  const streams = [process.stdout, process.stderr];
  for (const stream of streams)
    stream.on('data', (chunk: Buffer) => {
      if (size < keptOutput) chunks.push(chunk.subarray(0, keptOutput - size));
      size += chunk.length;
    });
  const { exitCode } = await process.exit;
  await Promise.allSettled(streams.map((stream) => finished(stream, { writable: false })));
  process.close();
  return { exitCode, output: Buffer.concat(chunks).toString('utf8').trim() };
}
