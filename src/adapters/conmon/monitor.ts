import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { BerthError, messageOf } from '#base/errors.ts';
import type { CreateTask } from '#ports/runtime.ts';
import type { TaskFiles } from './bundle.ts';
import type { Crun } from './crun.ts';
import { runtimeFailure } from './failure.ts';

export interface MonitorSettings {
  program: string;
  crun: Crun;
  files: TaskFiles;
  /** Where the container's log is. */
  logPath: (id: string) => string;
}

/**
 * Starts conmon, which has crun make the container. conmon leaves the daemon's session and process group and
 * is nobody's child; it and the container live on when the daemon is killed.
 * @returns the main process's id
 */
export async function startMonitor(settings: MonitorSettings, task: CreateTask): Promise<number> {
  const child = spawn(settings.program, monitorArguments(settings, task), {
    // 3: the pipe on which conmon reports.
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, _OCI_SYNCPIPE: '3' },
    detached: true,
  });
  const [, , errors, sync] = child.stdio;
  const failed = new Promise<never>((_, reject) => child.once('error', reject));
  const executable = task.spec.process.args[0] ?? '';
  try {
    const report = await Promise.race([firstLine(sync), failed]);
    const { data, message } = parseReport(report);
    if (data > 0) return data;
    const spoken = message || (await Promise.race([everything(errors), failed]));
    throw runtimeFailure('create', executable, spoken);
  } catch (error) {
    if (error instanceof BerthError) throw error;
    throw runtimeFailure('create', executable, messageOf(error));
  } finally {
    errors?.destroy();
    if (sync && 'destroy' in sync) sync.destroy();
    child.unref();
  }
}

function monitorArguments({ crun, files, logPath }: MonitorSettings, task: CreateTask): string[] {
  const { id } = task;
  const stdin = task.stdin || task.tty;
  // On a terminal the end of input is a character; a pipe is closed when the first client ends, or never.
  const keepOpen = task.tty || !task.stdinOnce;
  return [
    ...['--api-version', '1', '--cid', id, '--cuuid', id, '--name', id],
    ...['--bundle', files.bundle(id), '--exit-dir', files.exits],
    ...['--container-pidfile', files.inBundle(id, 'pid')],
    ...['--conmon-pidfile', files.inBundle(id, 'conmon.pid')],
    ...['--log-path', task.log ? `k8s-file:${logPath(id)}` : 'none', '--log-level', 'error'],
    ...['--full-attach', '--no-sync-log'],
    ...['--runtime', crun.program, ...crun.options.flatMap((option) => ['--runtime-arg', option])],
    ...(task.tty ? ['--terminal'] : []),
    ...(stdin ? ['--stdin'] : []),
    ...(stdin && keepOpen ? ['--leave-stdin-open'] : []),
  ];
}

interface Report {
  /** The main process's id; negative when the runtime failed. */
  data: number;
  message?: string;
}

function parseReport(text: string): Report {
  if (text === '') return { data: -1 };
  const parse: (text: string) => Report = JSON.parse;
  return parse(text);
}

async function firstLine(stream: unknown): Promise<string> {
  let text = '';
  if (!isReadable(stream)) return text;
  for await (const chunk of stream) {
    text += String(chunk);
    if (text.includes('\n')) break;
  }
  return text;
}

async function everything(stream: Readable | null): Promise<string> {
  let text = '';
  if (stream === null) return text;
  for await (const chunk of stream) text += String(chunk);
  return text.replaceAll(/^\[conmon:[a-z]\]: /gm, '');
}

function isReadable(stream: unknown): stream is Readable {
  return typeof stream === 'object' && stream !== null && Symbol.asyncIterator in stream;
}
